"""Child workflows, and signals and cancels to others."""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution

from conformance.histories.builder import HistoryBuilder, failure, payloads
from conformance.histories.small.registry import begun, ended, history


def _child(*later: str, **fields: object) -> HistoryBuilder:
    builder = begun()
    initiated = builder.child_initiated("child-1")
    for kind in later:
        builder.child(kind, initiated, "child-1", **(fields if kind == later[-1] else {}))
    return ended(builder)


@history
def child_completes() -> HistoryBuilder:
    """Started and completed before the next task."""
    return _child("STARTED", "COMPLETED", result=payloads(b'"grown"'))


@history
def child_fails() -> HistoryBuilder:
    """It fails."""
    return _child("STARTED", "FAILED", failure=failure("child broke"))


@history
def child_times_out() -> HistoryBuilder:
    """It times out."""
    return _child("STARTED", "TIMED_OUT")


@history
def child_is_terminated() -> HistoryBuilder:
    """It is terminated."""
    return _child("STARTED", "TERMINATED")


@history
def child_is_canceled_by_itself() -> HistoryBuilder:
    """Canceled without our asking."""
    return _child("STARTED", "CANCELED")


@history
def child_cannot_start() -> HistoryBuilder:
    """Its id is taken."""
    builder = begun()
    initiated = builder.child_initiated("child-1")
    builder.add(
        "START_CHILD_WORKFLOW_EXECUTION_FAILED",
        "start_child_workflow_execution_failed_event_attributes",
        initiated_event_id=initiated,
        workflow_id="child-1",
        cause=1,
    )
    builder.history.events[-1].start_child_workflow_execution_failed_event_attributes.workflow_type.name = "child"
    return ended(builder)


@history
def child_cancelled_after_start() -> HistoryBuilder:
    """Our cancel request goes out, is delivered, and obeyed."""
    builder = begun()
    initiated = builder.child_initiated("child-1")
    builder.child("STARTED", initiated, "child-1")
    builder.task()
    requested = cancel_external(builder, "child-1", child_only=True)
    _cancel_delivered(builder, requested, "child-1")
    builder.child("CANCELED", initiated, "child-1")
    return ended(builder)


def cancel_external(builder: HistoryBuilder, workflow_id: str, *, child_only: bool) -> int:
    """The cancellation of another workflow, or of a child, is wanted."""
    return builder.add(
        "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
        "request_cancel_external_workflow_execution_initiated_event_attributes",
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        child_workflow_only=child_only,
        reason="no longer needed",
        workflow_task_completed_event_id=builder.completed,
    )


def _cancel_delivered(builder: HistoryBuilder, initiated: int, workflow_id: str) -> int:
    return builder.add(
        "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED",
        "external_workflow_execution_cancel_requested_event_attributes",
        initiated_event_id=initiated,
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
    )


@history
def external_cancel_is_delivered() -> HistoryBuilder:
    """Another workflow is cancelled."""
    builder = begun()
    _cancel_delivered(builder, cancel_external(builder, "other", child_only=False), "other")
    return ended(builder)


@history
def external_cancel_finds_no_one() -> HistoryBuilder:
    """The other workflow is not there."""
    builder = begun()
    initiated = cancel_external(builder, "other", child_only=False)
    builder.add(
        "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
        "request_cancel_external_workflow_execution_failed_event_attributes",
        initiated_event_id=initiated,
        cause=1,
    )
    return ended(builder)


def signal_external(builder: HistoryBuilder) -> int:
    """A signal to another workflow is wanted."""
    return builder.add(
        "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
        "signal_external_workflow_execution_initiated_event_attributes",
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id="other"),
        signal_name="hello",
        input=payloads(b'"there"'),
        workflow_task_completed_event_id=builder.completed,
    )


@history
def external_signal_is_delivered() -> HistoryBuilder:
    """Another workflow is signalled."""
    builder = begun()
    builder.add(
        "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED",
        "external_workflow_execution_signaled_event_attributes",
        initiated_event_id=signal_external(builder),
        workflow_execution=WorkflowExecution(workflow_id="other"),
    )
    return ended(builder)


@history
def external_signal_finds_no_one() -> HistoryBuilder:
    """The other workflow is not there."""
    builder = begun()
    builder.add(
        "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
        "signal_external_workflow_execution_failed_event_attributes",
        initiated_event_id=signal_external(builder),
        cause=1,
    )
    return ended(builder)
