"""Timers, activities and Nexus operations."""

from __future__ import annotations

from temporalio.api.failure.v1 import Failure

from conformance.histories.builder import HistoryBuilder, failure, payloads
from conformance.histories.small.registry import begun, ended, history


@history
def timer_fires() -> HistoryBuilder:
    """One timer."""
    builder = begun()
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


@history
def timer_cancelled_after_signal() -> HistoryBuilder:
    """A timer, a signal, the timer's cancellation."""
    builder = begun()
    timer = builder.timer_started(1, 100)
    builder.signaled()
    builder.task()
    builder.timer_canceled(1, timer)
    builder.workflow_completed()
    return builder


@history
def two_timers_fire_together() -> HistoryBuilder:
    """Two timers in one task."""
    builder = begun()
    first, second = builder.timer_started(1), builder.timer_started(2)
    builder.timer_fired(2, second)
    builder.timer_fired(1, first)
    return ended(builder)


@history
def activity_completes() -> HistoryBuilder:
    """One activity."""
    builder = begun()
    scheduled = builder.activity_scheduled(1)
    builder.activity_completed(scheduled, builder.activity_started(scheduled))
    return ended(builder)


@history
def activity_fails() -> HistoryBuilder:
    """An activity that fails for good."""
    builder = begun()
    scheduled = builder.activity_scheduled(1)
    builder.activity_failed(scheduled, builder.activity_started(scheduled))
    return ended(builder)


@history
def activity_times_out() -> HistoryBuilder:
    """An activity that never starts."""
    builder = begun()
    builder.activity_timed_out(builder.activity_scheduled(1))
    return ended(builder)


@history
def activity_cancelled_after_waiting() -> HistoryBuilder:
    """WAIT_CANCELLATION_COMPLETED: the resolution comes from the event."""
    builder = begun()
    scheduled = builder.activity_scheduled(1)
    builder.signaled("cancel it")
    builder.task()
    builder.activity_cancel_requested(scheduled)
    builder.activity_canceled(scheduled, builder.activity_started(scheduled))
    return ended(builder)


@history
def activity_completes_despite_cancel_request() -> HistoryBuilder:
    """The request came too late."""
    builder = begun()
    scheduled = builder.activity_scheduled(1)
    builder.signaled("cancel it")
    builder.task()
    builder.activity_cancel_requested(scheduled)
    builder.activity_completed(scheduled, builder.activity_started(scheduled))
    return ended(builder)


def nexus_operation(builder: HistoryBuilder) -> int:
    """An operation is wanted."""
    return builder.add(
        "NEXUS_OPERATION_SCHEDULED",
        "nexus_operation_scheduled_event_attributes",
        endpoint="endpoint",
        service="service",
        operation="operation",
        input=payloads(b'"in"').payloads[0],
        workflow_task_completed_event_id=builder.completed,
    )


def _nexus_event(builder: HistoryBuilder, kind: str, scheduled: int, **fields: object) -> int:
    field = f"nexus_operation_{kind.lower()}_event_attributes"
    return builder.add(f"NEXUS_OPERATION_{kind}", field, scheduled_event_id=scheduled, **fields)


@history
def nexus_operation_completes_synchronously() -> HistoryBuilder:
    """No started event."""
    builder = begun()
    _nexus_event(builder, "COMPLETED", nexus_operation(builder), result=payloads(b'"out"').payloads[0])
    return ended(builder)


@history
def nexus_operation_completes_later() -> HistoryBuilder:
    """Started with a token, completed after a task."""
    builder = begun()
    scheduled = nexus_operation(builder)
    _nexus_event(builder, "STARTED", scheduled, operation_token="token")
    builder.task()
    _nexus_event(builder, "COMPLETED", scheduled, result=payloads(b'"out"').payloads[0])
    return ended(builder)


@history
def nexus_operation_fails() -> HistoryBuilder:
    """It fails before it starts."""
    builder = begun()
    broken = Failure(message="operation broke")
    broken.nexus_operation_execution_failure_info.service = "service"
    _nexus_event(builder, "FAILED", nexus_operation(builder), failure=broken)
    return ended(builder)


@history
def nexus_operation_times_out_after_start() -> HistoryBuilder:
    """Started, then timed out."""
    builder = begun()
    scheduled = nexus_operation(builder)
    _nexus_event(builder, "STARTED", scheduled, operation_token="token")
    _nexus_event(builder, "TIMED_OUT", scheduled, failure=failure("operation slow"))
    return ended(builder)


@history
def nexus_operation_cancelled() -> HistoryBuilder:
    """Cancel requested, request delivered, operation cancelled."""
    builder = begun()
    scheduled = nexus_operation(builder)
    _nexus_event(builder, "STARTED", scheduled, operation_token="token")
    builder.task()
    requested = _nexus_event(builder, "CANCEL_REQUESTED", scheduled, workflow_task_completed_event_id=builder.completed)
    _nexus_event(builder, "CANCEL_REQUEST_COMPLETED", scheduled, requested_event_id=requested)
    _nexus_event(builder, "CANCELED", scheduled, failure=failure("operation cancelled"))
    return ended(builder)
