"""Commands of a lang that follows a script."""

from __future__ import annotations

from temporalio.bridge.proto.activity_result import ActivityExecutionResult
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from conformance.histories.builder import failure, payloads


def timer(seq: int, seconds: int = 1) -> WorkflowCommand:
    """A timer."""
    command = WorkflowCommand()
    command.start_timer.seq = seq
    command.start_timer.start_to_fire_timeout.seconds = seconds
    return command


def complete(result: bytes = b'"result"') -> WorkflowCommand:
    """The end."""
    command = WorkflowCommand()
    command.complete_workflow_execution.result.CopyFrom(payloads(result).payloads[0])
    return command


def local_activity(seq: int, *, attempt: int = 1, cancellation_type: int = 1, retries: int = 0) -> WorkflowCommand:
    """A local activity; it is tried again so often, after 10 ms."""
    command = WorkflowCommand()
    schedule = command.schedule_local_activity
    schedule.seq, schedule.attempt, schedule.activity_id, schedule.activity_type = seq, attempt, str(seq), "local"
    schedule.start_to_close_timeout.seconds = 10
    schedule.cancellation_type = cancellation_type  # type: ignore[assignment]
    schedule.retry_policy.maximum_attempts = retries + 1
    schedule.retry_policy.initial_interval.nanos = 10_000_000
    return command


def cancel_local_activity(seq: int) -> WorkflowCommand:
    """Its cancellation is requested."""
    command = WorkflowCommand()
    command.request_cancel_local_activity.seq = seq
    return command


def signal_external(seq: int) -> WorkflowCommand:
    """Another workflow is signalled."""
    command = WorkflowCommand()
    signal = command.signal_external_workflow_execution
    signal.seq, signal.signal_name = seq, "hello"
    signal.workflow_execution.namespace, signal.workflow_execution.workflow_id = "default", "other"
    return command


def cancel_signal(seq: int) -> WorkflowCommand:
    """The signal is taken back."""
    command = WorkflowCommand()
    command.cancel_signal_workflow.seq = seq
    return command


def query_answered(query_id: str) -> WorkflowCommand:
    """A query succeeds."""
    command = WorkflowCommand()
    command.respond_to_query.query_id = query_id
    command.respond_to_query.succeeded.response.CopyFrom(payloads(b'"answer"').payloads[0])
    return command


def query_failed(query_id: str) -> WorkflowCommand:
    """A query fails."""
    command = WorkflowCommand()
    command.respond_to_query.query_id = query_id
    command.respond_to_query.failed.CopyFrom(failure("no such query"))
    return command


def update_accepted(update_id: str) -> WorkflowCommand:
    """An update's validator is content."""
    command = WorkflowCommand()
    command.update_response.protocol_instance_id = update_id
    command.update_response.accepted.SetInParent()
    return command


def update_completed(update_id: str) -> WorkflowCommand:
    """Its handler is done."""
    command = WorkflowCommand()
    command.update_response.protocol_instance_id = update_id
    command.update_response.completed.CopyFrom(payloads(b'"done"').payloads[0])
    return command


def update_rejected(update_id: str) -> WorkflowCommand:
    """Its validator refuses, or, after acceptance, its handler fails."""
    command = WorkflowCommand()
    command.update_response.protocol_instance_id = update_id
    command.update_response.rejected.CopyFrom(failure("not like this"))
    return command


def attempt_failed(*, retryable: bool = True) -> ActivityExecutionResult:
    """An attempt of a local activity fails."""
    result = ActivityExecutionResult()
    result.failed.failure.CopyFrom(failure("local broke"))
    result.failed.failure.application_failure_info.non_retryable = not retryable
    return result


def attempt_succeeded() -> ActivityExecutionResult:
    """An attempt of a local activity succeeds."""
    result = ActivityExecutionResult()
    result.completed.result.CopyFrom(payloads(b'"local"').payloads[0])
    return result
