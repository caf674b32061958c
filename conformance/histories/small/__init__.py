"""One small history per feature: what the vectors and the comparisons are made from."""

from __future__ import annotations

from conformance.histories.small import children, markers, operations, tasks
from conformance.histories.small.registry import HISTORIES, REPLAY_ONLY

__all__ = ["HISTORIES", "REPLAY_ONLY", "children", "markers", "operations", "tasks"]
