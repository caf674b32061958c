"""The list of small histories, and how each begins and ends."""

from __future__ import annotations

from collections.abc import Callable

from conformance.histories.builder import HistoryBuilder

Maker = Callable[[], HistoryBuilder]
HISTORIES: dict[str, Maker] = {}
"""By name."""
REPLAY_ONLY: set[str] = set()
"""Names of those that only a replay can follow."""


def history(make: Maker) -> Maker:
    """Register a maker under its own name."""
    HISTORIES[make.__name__.replace("_", "-")] = make
    return make


def replay_only(make: Maker) -> Maker:
    """Register a maker whose commands stand in an order that no live run gives: an old one, or another lang's."""
    REPLAY_ONLY.add(make.__name__.replace("_", "-"))
    return history(make)


def begun() -> HistoryBuilder:
    """Started, first task completed."""
    builder = HistoryBuilder()
    builder.task()
    return builder


def ended(builder: HistoryBuilder) -> HistoryBuilder:
    """One more task, in which the workflow completes."""
    builder.task()
    builder.workflow_completed()
    return builder
