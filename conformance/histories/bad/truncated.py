"""Histories that end where none does. Lang knows the rest."""

from __future__ import annotations

from temporalio.api.history.v1 import History

from conformance.histories.bad.registry import Bad, bad
from conformance.histories.builder import HistoryBuilder
from conformance.histories.small.registry import begun, ended


def _whole() -> HistoryBuilder:
    """1 start, 2-4 task, 5 activity scheduled, 6 timer, 7 activity started, 8 completed, 9-11 task, 12 end."""
    builder = begun()
    scheduled = builder.activity_scheduled(1)
    builder.timer_started(1)
    builder.activity_completed(scheduled, builder.activity_started(scheduled))
    return ended(builder)


def _cut_after(event_id: int) -> Bad:
    whole = _whole().history
    return Bad(History(events=whole.events[:event_id]), whole)


@bad
def truncated_after_the_start() -> Bad:
    """No task at all."""
    return _cut_after(1)


@bad
def truncated_after_task_scheduled() -> Bad:
    """The first task is not started."""
    return _cut_after(2)


@bad
def truncated_after_task_started() -> Bad:
    """The first task is not completed: what a worker is given."""
    return _cut_after(3)


@bad
def truncated_after_task_completed() -> Bad:
    """The commands of the first task are missing."""
    return _cut_after(4)


@bad
def truncated_between_commands() -> Bad:
    """One of two commands is missing."""
    return _cut_after(5)


@bad
def truncated_after_commands() -> Bad:
    """Nothing has come of the commands."""
    return _cut_after(6)


@bad
def truncated_before_the_next_task() -> Bad:
    """The activity has completed, no task follows."""
    return _cut_after(8)


@bad
def truncated_before_the_end() -> Bad:
    """The last task completed, without its command."""
    return _cut_after(11)


@bad
def truncated_at_the_front() -> Bad:
    """The first events are missing."""
    whole = _whole().history
    return Bad(History(events=whole.events[4:]), whole)


@bad
def truncated_to_nothing() -> Bad:
    """No events."""
    return Bad(History(), _whole().history)
