"""How workflows and their tasks begin, go wrong and end."""

from __future__ import annotations

from conformance.histories.builder import HistoryBuilder, failure
from conformance.histories.small.registry import begun, ended, history


@history
def completes_at_once() -> HistoryBuilder:
    """Started and completed in the first task."""
    builder = begun()
    builder.workflow_completed()
    return builder


@history
def signals_around_tasks() -> HistoryBuilder:
    """Signals before the first task, several at once, and later."""
    builder = HistoryBuilder()
    builder.signaled("first")
    builder.signaled("second")
    builder.task()
    builder.timer_started(1, 1000)
    builder.signaled("third")
    return ended(builder)


@history
def signal_arrives_while_task_runs() -> HistoryBuilder:
    """An event stands between WorkflowTaskStarted and WorkflowTaskCompleted's commands."""
    builder = HistoryBuilder()
    builder.task_scheduled()
    builder.add("WORKFLOW_TASK_STARTED", "workflow_task_started_event_attributes", scheduled_event_id=2)
    builder.started = len(builder)
    builder.task_completed()
    builder.timer_started(1, 1000)
    builder.signaled("early")
    builder.signaled("late")
    builder.task()
    builder.signaled("again")
    return ended(builder)


@history
def tasks_that_bring_nothing() -> HistoryBuilder:
    """The service makes tasks of events that lang does not hear of; a page may end with some of them."""
    builder = begun()
    timer = builder.timer_started(1)
    for _ in range(3):
        builder.options_updated()
        builder.task()
    builder.timer_fired(1, timer)
    return ended(builder)


@history
def cancellation_ends_workflow() -> HistoryBuilder:
    """A cancel request, obeyed."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.cancel_requested()
    builder.task()
    field = "workflow_execution_canceled_event_attributes"
    builder.add("WORKFLOW_EXECUTION_CANCELED", field, workflow_task_completed_event_id=builder.completed)
    return builder


@history
def workflow_fails() -> HistoryBuilder:
    """The workflow's own failure."""
    builder = begun()
    field = "workflow_execution_failed_event_attributes"
    builder.add(
        "WORKFLOW_EXECUTION_FAILED",
        field,
        failure=failure("workflow broke"),
        workflow_task_completed_event_id=builder.completed,
    )
    return builder


@history
def continues_as_new() -> HistoryBuilder:
    """Continue-as-new after a timer."""
    builder = begun()
    builder.timer_fired(1, builder.timer_started(1))
    builder.task()
    builder.add(
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "workflow_execution_continued_as_new_event_attributes",
        new_execution_run_id="next-run",
        workflow_task_completed_event_id=builder.completed,
    )
    attributes = builder.history.events[-1].workflow_execution_continued_as_new_event_attributes
    attributes.workflow_type.name, attributes.task_queue.name = "Measured", "replay"
    return builder


@history
def terminated_while_waiting() -> HistoryBuilder:
    """Terminated from outside."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.add("WORKFLOW_EXECUTION_TERMINATED", "workflow_execution_terminated_event_attributes", reason="stop")
    return builder


@history
def timed_out_while_waiting() -> HistoryBuilder:
    """The whole workflow times out."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.add("WORKFLOW_EXECUTION_TIMED_OUT", "workflow_execution_timed_out_event_attributes")
    return builder


@history
def failed_and_timed_out_tasks() -> HistoryBuilder:
    """Tasks that came to nothing in between."""
    builder = begun()
    builder.timer_fired(1, builder.timer_started(1))
    builder.task_started()
    builder.task_failed(cause=23)
    builder.task_started()
    builder.task_timed_out()
    builder.task()
    builder.timer_fired(2, builder.timer_started(2))
    return ended(builder)


@history
def reset_gives_new_seed() -> HistoryBuilder:
    """A reset: the failed task names the new run."""
    builder = begun()
    builder.timer_fired(1, builder.timer_started(1))
    builder.task_started()
    builder.task_failed(cause=20, new_run_id="reset-run", base_run_id="base-run")
    return ended(builder)


@history
def ignorable_event() -> HistoryBuilder:
    """An event that workers may ignore."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.add(
        "WORKFLOW_EXECUTION_OPTIONS_UPDATED",
        "workflow_execution_options_updated_event_attributes",
        attached_request_id="x",
    )
    builder.history.events[-1].worker_may_ignore = True
    builder.signaled()
    return ended(builder)


@history
def suggests_continue_as_new() -> HistoryBuilder:
    """The service suggests continue-as-new, with sizes."""
    builder = begun()
    builder.timer_fired(1, builder.timer_started(1))
    builder.task_started(size=123_456, suggest_continue_as_new=True)
    builder.task_completed()
    builder.workflow_completed()
    return builder
