"""Measurements: native Core and corewasm, interleaved, in fresh processes, as ratios."""
