"""Local activities that really run: they succeed, fail, are tried again, outlive their task, are cancelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from conformance.histories.builder import HistoryBuilder, canceled, failure
from conformance.histories.small.registry import begun, ended

from . import tasks
from .answers import (
    attempt_failed,
    attempt_succeeded,
    cancel_local_activity,
    complete,
    local_activity,
    timer,
)
from .script import LocalActivity, Scenario

_SHORT_TASK = Duration(seconds=1)
"""Workflow task timeout; native sends a heartbeat after four fifths of it."""
_WAIT, _TRY_CANCEL, _ABANDON = 1, 0, 2


def of_local_activities() -> Iterator[Scenario]:
    """Each a live run from its start to its end."""
    yield from (_succeeds(), _fails(), _retried(), _gives_up(), _backs_off(), _times_out())
    yield from (_cancelled_at_once(), _two_with_a_timer(), _over_heartbeats(), _cancelled_by_signal())
    yield from (_cancelled_without_waiting(), _abandoned())


def _scenario(
    name: str,
    builder: HistoryBuilder,
    attempts: Sequence[LocalActivity],
    *answers: list[WorkflowCommand],
    **fields: Any,
) -> Scenario:
    polls = [tasks.poll_response(builder.history, task, whole=task.number == 1) for task in tasks.cut(builder.history)]
    return Scenario(
        f"{name}/scripted",
        builder.history,
        polls,
        local_activities=attempts,
        answers=answers,
        times_vary=True,
        **fields,
    )


def _then_a_timer(builder: HistoryBuilder) -> HistoryBuilder:
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


def _succeeds() -> Scenario:
    builder = begun()
    builder.local_activity_marker(1, activation_index=1)
    attempts = [LocalActivity(attempt_succeeded())]
    return _scenario(
        "local-activity-succeeds", _then_a_timer(builder), attempts, [local_activity(1)], [timer(1)], [complete()]
    )


def _fails() -> Scenario:
    builder = begun()
    builder.local_activity_marker(1, activation_index=1, failed=failure("local broke"))
    attempts = [LocalActivity(attempt_failed(retryable=False))]
    issued = [local_activity(1, retries=3)]
    return _scenario("local-activity-fails", _then_a_timer(builder), attempts, issued, [timer(1)], [complete()])


def _retried() -> Scenario:
    builder = begun()
    builder.local_activity_marker(1, activation_index=1, attempt=3)
    attempts = [LocalActivity(attempt_failed()), LocalActivity(attempt_failed()), LocalActivity(attempt_succeeded())]
    issued = [local_activity(1, retries=4)]
    return _scenario("local-activity-tried-again", _then_a_timer(builder), attempts, issued, [timer(1)], [complete()])


def _gives_up() -> Scenario:
    builder = begun()
    builder.local_activity_marker(1, activation_index=1, attempt=2, failed=failure("local broke"))
    attempts = [LocalActivity(attempt_failed()), LocalActivity(attempt_failed())]
    issued = [local_activity(1, retries=1)]
    return _scenario("local-activity-gives-up", _then_a_timer(builder), attempts, issued, [timer(1)], [complete()])


def _backs_off() -> Scenario:
    """The pause is longer than Core waits: lang starts a timer, then another local activity."""
    first, second = local_activity(1, retries=2), local_activity(2, attempt=2, retries=2)
    first.schedule_local_activity.retry_policy.initial_interval.CopyFrom(Duration(seconds=1))
    first.schedule_local_activity.local_retry_threshold.nanos = 1_000_000
    builder = begun()
    broke = failure("local broke")
    builder.local_activity_marker(1, activation_index=1, failed=broke, backoff_seconds=1)
    builder.timer_fired(1, builder.timer_started(1))
    builder.task()
    builder.local_activity_marker(2, activation_index=1, attempt=2)
    builder.workflow_completed()
    attempts = [LocalActivity(attempt_failed()), LocalActivity(attempt_succeeded())]
    return _scenario("local-activity-backs-off", builder, attempts, [first], [timer(1)], [second], [complete()])


def _times_out() -> Scenario:
    issued = local_activity(1)
    issued.schedule_local_activity.start_to_close_timeout.CopyFrom(Duration(nanos=100_000_000))
    builder = begun()
    late = failure("Activity timed out")
    late.timeout_failure_info.timeout_type = 1  # type: ignore[assignment]
    builder.local_activity_marker(1, activation_index=1, failed=late)
    attempts = [LocalActivity(None)]
    return _scenario("local-activity-times-out", _then_a_timer(builder), attempts, [issued], [timer(1)], [complete()])


def _cancelled_at_once() -> Scenario:
    """In the activation that issued it: it never starts."""
    builder = begun()
    builder.local_activity_marker(1, activation_index=1, failed=canceled())
    issued = [local_activity(1), cancel_local_activity(1)]
    return _scenario("local-activity-cancelled-at-once", _then_a_timer(builder), [], issued, [timer(1)], [complete()])


def _two_with_a_timer() -> Scenario:
    """Commands first, then the markers, each behind what lang does with the result."""
    builder = begun()
    fired = builder.timer_started(1)
    builder.local_activity_marker(1, activation_index=1)
    builder.local_activity_marker(2, activation_index=2)
    builder.timer_fired(1, fired)
    issued = [timer(1), local_activity(1), local_activity(2)]
    return _scenario("local-activities-beside-a-timer", ended(builder), [], issued, [], [], [complete()])


def _beyond_its_task() -> HistoryBuilder:
    """The first task is a heartbeat."""
    return HistoryBuilder(workflow_task_timeout=_SHORT_TASK)


def _over_heartbeats() -> Scenario:
    builder = _beyond_its_task()
    builder.task()
    builder.task()
    builder.task()
    builder.local_activity_marker(1, activation_index=1)
    attempts = [LocalActivity(attempt_succeeded(), after_answers=2)]
    return _scenario(
        "local-activity-beyond-heartbeats",
        _then_a_timer(builder),
        attempts,
        [local_activity(1)],
        [timer(1)],
        [complete()],
        in_completion=True,
    )


def _signalled_beyond_its_task() -> HistoryBuilder:
    builder = _beyond_its_task()
    builder.task()
    builder.signaled("cancel it")
    builder.task()
    builder.local_activity_marker(1, activation_index=1, failed=canceled())
    return _then_a_timer(builder)


def _cancelled(name: str, cancellation_type: int) -> Scenario:
    """A signal has lang cancel it while its attempt runs, and the attempt only ends if it is told."""
    return _scenario(
        name,
        _signalled_beyond_its_task(),
        [LocalActivity(None)],
        [local_activity(1, cancellation_type=cancellation_type)],
        [cancel_local_activity(1)],
        [timer(1)],
        [complete()],
        in_completion=True,
    )


def _cancelled_by_signal() -> Scenario:
    """Lang waits for the cancellation."""
    return _cancelled("local-activity-cancelled", _WAIT)


def _cancelled_without_waiting() -> Scenario:
    """TRY_CANCEL: it is resolved before its attempt is told."""
    return _cancelled("local-activity-cancelled-without-waiting", _TRY_CANCEL)


def _abandoned() -> Scenario:
    """ABANDON: its attempt is never told."""
    return _cancelled("local-activity-abandoned", _ABANDON)
