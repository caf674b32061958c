"""Histories of any size, never stored: activities whose results are large, and an end that lang does not follow."""

from __future__ import annotations

from conformance.histories.bad.registry import Bad
from conformance.histories.builder import HistoryBuilder
from conformance.histories.small.registry import begun, ended

_MEGABYTE = b'"' + b"x" * (1 << 20) + b'"'


def followed(megabytes: int) -> Bad:
    """Lang does as the history says."""
    history = ended(_activities(megabytes)).history
    return Bad(history, history)


def not_followed(megabytes: int) -> Bad:
    """Lang completes where a timer stands, at the end of the history."""
    recorded = _activities(megabytes)
    recorded.task()
    recorded.timer_fired(1, recorded.timer_started(1))
    return Bad(ended(recorded).history, ended(_activities(megabytes)).history)


def _activities(megabytes: int) -> HistoryBuilder:
    builder = begun()
    for seq in range(1, megabytes + 1):
        scheduled = builder.activity_scheduled(seq)
        builder.activity_completed(scheduled, builder.activity_started(scheduled), result=_MEGABYTE)
        if seq < megabytes:
            builder.task()
    return builder
