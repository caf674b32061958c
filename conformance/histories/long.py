"""Long histories for measurement: one feature each, any number of events."""

from __future__ import annotations

from collections.abc import Callable

from .builder import HistoryBuilder, payloads


def activities(events: int) -> HistoryBuilder:
    """One activity after the other: an activation every six events."""
    history, seq = _begun(), 0
    while len(history) < events - 8:
        seq += 1
        scheduled = history.activity_scheduled(seq)
        started = history.activity_started(scheduled)
        history.activity_completed(scheduled, started)
        history.task()
    # What a real workflow needs to know to follow this history.
    start = history.history.events[0].workflow_execution_started_event_attributes
    start.input.CopyFrom(payloads(str(seq).encode()))
    return _ended(history)


def timers(events: int) -> HistoryBuilder:
    """One timer after the other: an activation every five events."""
    history, seq = _begun(), 0
    while len(history) < events - 7:
        seq += 1
        history.timer_fired(seq, history.timer_started(seq))
        history.task()
    return _ended(history)


def signals(events: int) -> HistoryBuilder:
    """A signal per task: an activation every four events."""
    history = _begun()
    while len(history) < events - 6:
        history.signaled()
        history.task()
    return _ended(history)


def mixed(events: int) -> HistoryBuilder:
    """Three activities, two timers and a signal at a time."""
    history, activity, timer = _begun(), 0, 0
    while len(history) < events - 24:
        scheduled = [history.activity_scheduled(activity + index) for index in (1, 2, 3)]
        started_timers = [history.timer_started(timer + index) for index in (1, 2)]
        for event in scheduled:
            history.activity_completed(event, history.activity_started(event))
        history.signaled()
        for index, event in enumerate(started_timers, 1):
            history.timer_fired(timer + index, event)
        activity, timer = activity + 3, timer + 2
        history.task()
    return _ended(history)


def local_activities(events: int) -> HistoryBuilder:
    """Ten local activities per task, each resolved in an activation of its own."""
    history, seq = _begun(), 0
    while len(history) < events - 16:
        for index in range(1, 11):
            seq += 1
            history.local_activity_marker(seq, activation_index=index)
        history.signaled()
        history.task()
    return _ended(history)


def children(events: int) -> HistoryBuilder:
    """One child workflow after the other."""
    history, number = _begun(), 0
    while len(history) < events - 12:
        number += 1
        name = f"child-{number}"
        initiated = history.child_initiated(name)
        history.child("STARTED", initiated, name)
        history.task()
        history.child("COMPLETED", initiated, name, result=payloads(b'"grown"'))
        history.task()
        history.timer_fired(number, history.timer_started(number))
        history.task()
    return _ended(history)


def updates(events: int) -> HistoryBuilder:
    """One update after the other, each accepted and completed in its task."""
    history, number = _begun(), 0
    while len(history) < events - 8:
        number += 1
        name = f"update-{number}"
        history.update_completed(name, history.update_accepted(name))
        history.task()
    # A task without a job never wakes lang, and the last one must: it ends the workflow.
    history.signaled()
    history.task()
    return _ended(history)


def _begun() -> HistoryBuilder:
    history = HistoryBuilder()
    history.task()
    return history


def _ended(history: HistoryBuilder) -> HistoryBuilder:
    history.workflow_completed()
    return history


KINDS: dict[str, Callable[[int], HistoryBuilder]] = {
    make.__name__.replace("_", " "): make
    for make in (activities, timers, signals, mixed, local_activities, children, updates)
}
"""By name: what `make bench` measures."""
