"""Events out of order, twice, missing, unknown, without content, and of another workflow."""

from __future__ import annotations

from typing import Any

from temporalio.api.history.v1 import History, HistoryEvent

from conformance.histories.bad.registry import Bad, bad
from conformance.histories.builder import HistoryBuilder
from conformance.histories.small.registry import begun, ended

_UNKNOWN_TYPE = 9999


def _good() -> HistoryBuilder:
    """1 start, 2-4 task, 5 timer, 6 signal, 7 timer fired, 8-10 task, 11 timer, 12 fired, 13-15 task, 16 end."""
    builder = begun()
    timer = builder.timer_started(1)
    builder.signaled()
    builder.timer_fired(1, timer)
    builder.task()
    builder.timer_fired(2, builder.timer_started(2))
    return ended(builder)


def _of(events: list[HistoryEvent]) -> Bad:
    return Bad(History(events=events), _good().history)


def _without(event_id: int) -> Bad:
    return _of([event for event in _good().history.events if event.event_id != event_id])


def _with_unknown(event_id: int, *, worker_may_ignore: bool = False) -> Bad:
    """An event of a type that nobody knows in this place."""
    kind: Any = _UNKNOWN_TYPE
    return _with(event_id, HistoryEvent(event_id=event_id, event_type=kind, worker_may_ignore=worker_may_ignore))


def _with(event_id: int, change: HistoryEvent) -> Bad:
    events = list(_good().history.events)
    events[event_id - 1].CopyFrom(change)
    return _of(events)


@bad
def events_swapped() -> Bad:
    """Two events stand in each other's place, each with its id."""
    events = list(_good().history.events)
    events[4], events[5] = events[5], events[4]
    return _of(events)


@bad
def tasks_swapped() -> Bad:
    """The second task's events stand before the first one's commands."""
    events = list(_good().history.events)
    return _of(events[:4] + events[7:10] + events[4:7] + events[10:])


@bad
def last_event_first() -> Bad:
    """The end stands behind the start."""
    events = list(_good().history.events)
    return _of([events[0], events[-1], *events[1:-1]])


@bad
def event_twice() -> Bad:
    """The same event again."""
    events = list(_good().history.events)
    return _of(events[:7] + events[6:])


@bad
def ids_start_over() -> Bad:
    """A second history behind the first."""
    events = list(_good().history.events)
    return _of(events[:10] + events)


@bad
def ids_are_zero() -> Bad:
    """No event has an id."""
    events = list(_good().history.events)
    for event in events:
        event.event_id = 0
    return _of(events)


@bad
def gap_at_a_command() -> Bad:
    """The timer's event is missing: its id is left out."""
    return _without(5)


@bad
def gap_at_a_signal() -> Bad:
    """An event that no command waits for is missing."""
    return _without(6)


@bad
def gap_at_a_resolution() -> Bad:
    """The timer never fires, the workflow goes on."""
    return _without(7)


@bad
def gap_at_task_scheduled() -> Bad:
    """A task that nobody scheduled."""
    return _without(8)


@bad
def gap_at_task_started() -> Bad:
    """A task that nobody started."""
    return _without(9)


@bad
def gap_at_task_completed() -> Bad:
    """A task that nobody completed, with commands."""
    return _without(10)


@bad
def unknown_event() -> Bad:
    """A type that no Core knows."""
    return _with_unknown(6)


@bad
def unknown_event_that_workers_may_ignore() -> Bad:
    """The same with the service's word that it does not matter."""
    return _with_unknown(6, worker_may_ignore=True)


@bad
def unknown_event_among_commands() -> Bad:
    """In the place of a command's event."""
    return _with_unknown(5)


@bad
def ignorable_event_in_place_of_a_command() -> Bad:
    """What may be ignored matches no command."""
    return _with_unknown(5, worker_may_ignore=True)


@bad
def event_without_attributes() -> Bad:
    """A known type without its content."""
    return _with(6, HistoryEvent(event_id=6, event_type=26))  # type: ignore[arg-type]


@bad
def event_with_attributes_of_another_type() -> Bad:
    """A signal that says it is a fired timer."""
    events = list(_good().history.events)
    events[5].event_type = 17  # type: ignore[assignment]
    return _of(events)


@bad
def resolution_of_nothing() -> Bad:
    """An activity completes that nobody scheduled."""
    builder = begun()
    builder.timer_started(1)
    builder.activity_completed(99, builder.activity_started(99))
    return Bad(ended(builder).history, _good().history)


@bad
def timer_fires_under_another_id() -> Bad:
    """The timer that fires is not the one that the event names."""
    builder = begun()
    builder.timer_fired(7, builder.timer_started(1))
    return Bad(ended(builder).history, _good().history)


@bad
def timer_fires_twice() -> Bad:
    """The second is of nobody."""
    builder = begun()
    timer = builder.timer_started(1)
    builder.timer_fired(1, timer)
    builder.timer_fired(1, timer)
    return Bad(ended(builder).history, _good().history)


@bad
def two_starts() -> Bad:
    """The workflow starts again in its middle."""
    events = list(_good().history.events)
    again = HistoryEvent()
    again.CopyFrom(events[0])
    again.event_id = 6
    return _with(6, again)


@bad
def events_after_the_end() -> Bad:
    """A task and a timer behind the completed workflow."""
    builder = _good()
    builder.task()
    builder.timer_fired(3, builder.timer_started(3))
    builder.task()
    return Bad(builder.history, _good().history)


@bad
def foreign_workflow_type() -> Bad:
    """Lang has no workflow of this type: it fails the first activation, as SDKs do."""
    builder = HistoryBuilder("Foreign")
    builder.task()
    builder.timer_fired(1, builder.timer_started(1))
    return Bad(ended(builder).history, _good().history, lang_fails=frozenset({0}))


@bad
def without_a_workflow_type() -> Bad:
    """The start names no type."""
    builder = _good()
    builder.history.events[0].workflow_execution_started_event_attributes.ClearField("workflow_type")
    return Bad(builder.history, _good().history)


@bad
def without_a_run_id() -> Bad:
    """The start names no run."""
    builder = _good()
    builder.history.events[0].workflow_execution_started_event_attributes.original_execution_run_id = ""
    return Bad(builder.history, _good().history)
