"""Histories that are broken, or that lang does not follow."""

from __future__ import annotations

from conformance.histories.bad import ends, events, mismatches, truncated
from conformance.histories.bad.registry import BAD, Bad

__all__ = ["BAD", "Bad", "ends", "events", "mismatches", "truncated"]
