"""Histogram buckets (spec 11.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_DEFAULT = (50.0, 100.0, 500.0, 1000.0, 2500.0, 10_000.0)
_HOURS = (1_800_000.0, 3_600_000.0, 30_600_000.0, 86_400_000.0)
_SECONDS = (100.0, 500.0, 1000.0, 1500.0, 2000.0, 5000.0, 10_000.0, 30_000.0, 60_000.0, 120_000.0, 300_000.0, 600_000.0)
_WORKFLOW_TASK = (1.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
_SCHEDULE_TO_START = (100.0, 500.0, 1000.0, 5000.0, 10_000.0, 100_000.0, 1_000_000.0)
_BY_NAME = {
    "workflow_endtoend_latency": _SECONDS + _HOURS,
    "workflow_task_execution_latency": _WORKFLOW_TASK,
    "workflow_task_replay_latency": _WORKFLOW_TASK,
    "activity_execution_latency": (50.0, 100.0, 500.0, 1000.0, 5000.0, 10_000.0, 60_000.0),
    "workflow_task_schedule_to_start_latency": _SCHEDULE_TO_START,
    "activity_schedule_to_start_latency": _SCHEDULE_TO_START,
}


def buckets_of(name: str, in_seconds: bool, overrides: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    """Upper bounds for the histogram `name`: the first override whose key is part of the name, else the defaults."""
    for part, bounds in overrides.items():
        if part in name:
            return tuple(bounds)
    bounds = _BY_NAME.get(name.removeprefix("temporal_"), _DEFAULT)
    return tuple(bound / 1000 for bound in bounds) if in_seconds else bounds


def buckets_of_suffix(name: str, in_seconds: bool, overrides: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    """As `buckets_of`, for OpenTelemetry: there, the defaults go by the end of the name."""
    if any(part in name for part in overrides):
        return buckets_of(name, in_seconds, overrides)
    known = next((each for each in _BY_NAME if name.endswith(each)), name)
    return buckets_of(known, in_seconds, {})
