"""The list of small histories, and how each begins and ends."""

from __future__ import annotations

from collections.abc import Callable

from conformance.histories.builder import HistoryBuilder

Maker = Callable[[], HistoryBuilder]
HISTORIES: dict[str, Maker] = {}
"""By name."""


def history(make: Maker) -> Maker:
    """Register a maker under its own name."""
    HISTORIES[make.__name__.replace("_", "-")] = make
    return make


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
