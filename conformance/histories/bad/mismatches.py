"""Commands that do not match: for every kind of command, the history has another one in its place."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.common.v1 import Memo, SearchAttributes

from conformance.histories.bad.registry import Bad, bad
from conformance.histories.builder import HistoryBuilder, failure, payloads
from conformance.histories.small.children import cancel_external, signal_external
from conformance.histories.small.operations import nexus_operation
from conformance.histories.small.registry import begun

Step = Callable[[HistoryBuilder], object]


def _timer(builder: HistoryBuilder) -> None:
    builder.timer_started(1)


def _activity(builder: HistoryBuilder) -> None:
    builder.activity_scheduled(1)


def _two_timers(builder: HistoryBuilder) -> None:
    builder.timer_started(1)
    builder.timer_started(2)


def _deprecated_patch_and_timer(builder: HistoryBuilder) -> None:
    builder.patch_marker("one", deprecated=True)
    builder.timer_started(1)


def _cancel_external(builder: HistoryBuilder) -> None:
    cancel_external(builder, "other", child_only=False)


def _history(*steps: Step) -> HistoryBuilder:
    """The steps stand behind the first task, a signal wakes the second."""
    builder = begun()
    for step in steps:
        step(builder)
    builder.signaled()
    builder.task()
    return builder


def _instead(recorded: Step, issued: Step) -> Bad:
    """The history has `recorded` where lang issues `issued`."""
    return Bad(_history(recorded).history, _history(issued).history)


def _ended(end: Step) -> HistoryBuilder:
    builder = begun()
    end(builder)
    return builder


@bad
def timer_for_activity() -> Bad:
    """Lang issues an activity where a timer stands."""
    return _instead(_timer, _activity)


@bad
def activity_for_timer() -> Bad:
    """Lang issues a timer where an activity stands."""
    return _instead(_activity, _timer)


@bad
def timer_of_another_number() -> Bad:
    """Timers match by kind alone."""
    return _instead(_timer, lambda builder: builder.timer_started(2))


@bad
def activity_of_another_type() -> Bad:
    """The activity's type differs."""

    def other(builder: HistoryBuilder) -> None:
        builder.activity_scheduled(1)
        builder.history.events[-1].activity_task_scheduled_event_attributes.activity_type.name = "other"

    return _instead(_activity, other)


@bad
def activity_of_another_id() -> Bad:
    """The activity's id differs."""
    return _instead(_activity, lambda builder: builder.activity_scheduled(2))


@bad
def child_for_timer() -> Bad:
    """Lang issues a timer where a child stands."""
    return _instead(lambda builder: builder.child_initiated("child-1"), _timer)


@bad
def child_of_another_id() -> Bad:
    """The child's workflow id differs."""
    return _instead(
        lambda builder: builder.child_initiated("child-1"), lambda builder: builder.child_initiated("child-2")
    )


@bad
def child_of_another_type() -> Bad:
    """The child's type differs."""

    def other(builder: HistoryBuilder) -> None:
        builder.child_initiated("child-1")
        attributes = builder.history.events[-1].start_child_workflow_execution_initiated_event_attributes
        attributes.workflow_type.name = "other"

    return _instead(lambda builder: builder.child_initiated("child-1"), other)


@bad
def timer_for_child() -> Bad:
    """Lang issues a child where a timer stands."""
    return _instead(_timer, lambda builder: builder.child_initiated("child-1"))


@bad
def signal_external_for_timer() -> Bad:
    """Lang issues a timer where a signal stands."""
    return _instead(signal_external, _timer)


@bad
def timer_for_signal_external() -> Bad:
    """Lang issues a signal where a timer stands."""
    return _instead(_timer, signal_external)


@bad
def cancel_external_for_signal_external() -> Bad:
    """Lang signals where the history cancels."""
    return _instead(_cancel_external, signal_external)


@bad
def timer_for_cancel_external() -> Bad:
    """Lang cancels where a timer stands."""
    return _instead(_timer, _cancel_external)


@bad
def nexus_operation_for_timer() -> Bad:
    """Lang issues a timer where an operation stands."""
    return _instead(nexus_operation, _timer)


@bad
def timer_for_nexus_operation() -> Bad:
    """Lang issues an operation where a timer stands."""
    return _instead(_timer, nexus_operation)


@bad
def nexus_operation_of_another_name() -> Bad:
    """Endpoint, service and operation are not compared."""

    def other(builder: HistoryBuilder) -> None:
        nexus_operation(builder)
        builder.history.events[-1].nexus_operation_scheduled_event_attributes.operation = "other"

    return _instead(nexus_operation, other)


@bad
def local_activity_for_timer() -> Bad:
    """Lang issues a timer where a local activity's marker stands."""
    return _instead(lambda builder: builder.local_activity_marker(1, activation_index=1), _timer)


@bad
def timer_for_local_activity() -> Bad:
    """Lang issues a local activity where a timer stands."""
    return _instead(_timer, lambda builder: builder.local_activity_marker(1, activation_index=1))


@bad
def local_activity_of_another_number() -> Bad:
    """The marker names a sequence number that lang did not use."""
    return _instead(
        lambda builder: builder.local_activity_marker(2, activation_index=1),
        lambda builder: builder.local_activity_marker(1, activation_index=1),
    )


@bad
def local_activity_marker_that_is_no_json() -> Bad:
    """The marker's data can not be read."""

    def broken(builder: HistoryBuilder) -> None:
        builder.local_activity_marker(1, activation_index=1)
        details = builder.history.events[-1].marker_recorded_event_attributes.details
        details["data"].payloads[0].data = b"{"
        del details["result"]

    return _instead(broken, lambda builder: builder.local_activity_marker(1, activation_index=1))


@bad
def patch_for_timer() -> Bad:
    """The workflow's patch is gone."""
    return _instead(lambda builder: builder.patch_marker("change"), _timer)


@bad
def timer_for_patch() -> Bad:
    """A new patch where a timer stands."""
    return _instead(_timer, lambda builder: builder.patch_marker("change"))


@bad
def patch_of_another_id() -> Bad:
    """Another patch than the recorded one."""
    return _instead(lambda builder: builder.patch_marker("one"), lambda builder: builder.patch_marker("other"))


@bad
def deprecated_patch_that_is_gone() -> Bad:
    """A deprecated patch may go."""
    return _instead(_deprecated_patch_and_timer, _timer)


@bad
def marker_of_nobody() -> Bad:
    """A marker with a name that no Core gives."""

    def marker(builder: HistoryBuilder) -> None:
        builder.patch_marker("one")
        builder.history.events[-1].marker_recorded_event_attributes.marker_name = "side effect"

    return _instead(marker, _timer)


def _attributes(builder: HistoryBuilder) -> None:
    attributes = SearchAttributes(indexed_fields={"Color": payloads(b'"blue"').payloads[0]})
    builder.add(
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "upsert_workflow_search_attributes_event_attributes",
        search_attributes=attributes,
        workflow_task_completed_event_id=builder.completed,
    )


def _memo(builder: HistoryBuilder) -> None:
    builder.add(
        "WORKFLOW_PROPERTIES_MODIFIED",
        "workflow_properties_modified_event_attributes",
        upserted_memo=Memo(fields={"note": payloads(b'"blue"').payloads[0]}),
        workflow_task_completed_event_id=builder.completed,
    )


@bad
def attributes_for_timer() -> Bad:
    """Lang issues a timer where attributes change."""
    return _instead(_attributes, _timer)


@bad
def timer_for_attributes() -> Bad:
    """Lang changes attributes where a timer stands."""
    return _instead(_timer, _attributes)


@bad
def timer_for_memo() -> Bad:
    """Lang changes the memo where a timer stands."""
    return _instead(_timer, _memo)


@bad
def memo_for_attributes() -> Bad:
    """Lang changes attributes where the memo changes."""
    return _instead(_memo, _attributes)


@bad
def update_for_timer() -> Bad:
    """Lang issues a timer where an update is accepted."""
    return _instead(lambda builder: builder.update_accepted("update-1"), _timer)


@bad
def timer_for_update() -> Bad:
    """Lang answers an update that never came."""
    return _instead(_timer, lambda builder: builder.update_accepted("update-1"))


@bad
def update_completes_without_acceptance() -> Bad:
    """The history has only the second half."""
    return _instead(lambda builder: builder.update_completed("update-1", 5), _timer)


@bad
def timer_cancelled_by_nobody() -> Bad:
    """The history cancels a timer that lang keeps."""

    def cancelled(builder: HistoryBuilder) -> None:
        builder.timer_canceled(1, builder.timer_started(1))

    return _instead(cancelled, _timer)


@bad
def activity_cancel_requested_by_nobody() -> Bad:
    """The history cancels an activity that lang keeps."""

    def cancelled(builder: HistoryBuilder) -> None:
        builder.activity_cancel_requested(builder.activity_scheduled(1))

    return _instead(cancelled, _activity)


@bad
def too_few_commands() -> Bad:
    """Lang issues one of two."""
    return _instead(_two_timers, _timer)


@bad
def too_many_commands() -> Bad:
    """Lang issues two where one stands."""
    return _instead(_timer, _two_timers)


@bad
def commands_in_another_order() -> Bad:
    """Both are there, the other way round."""

    def one(builder: HistoryBuilder) -> None:
        _timer(builder)
        _activity(builder)

    def other(builder: HistoryBuilder) -> None:
        _activity(builder)
        _timer(builder)

    return _instead(one, other)


def _complete(builder: HistoryBuilder) -> None:
    builder.workflow_completed()


def _fail(builder: HistoryBuilder) -> None:
    builder.add(
        "WORKFLOW_EXECUTION_FAILED",
        "workflow_execution_failed_event_attributes",
        failure=failure("workflow broke"),
        workflow_task_completed_event_id=builder.completed,
    )


def _cancel(builder: HistoryBuilder) -> None:
    builder.add(
        "WORKFLOW_EXECUTION_CANCELED",
        "workflow_execution_canceled_event_attributes",
        workflow_task_completed_event_id=builder.completed,
    )


def _continue_as_new(builder: HistoryBuilder) -> None:
    builder.add(
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "workflow_execution_continued_as_new_event_attributes",
        new_execution_run_id="next-run",
        workflow_task_completed_event_id=builder.completed,
    )


@bad
def completion_for_timer() -> Bad:
    """The workflow completes where a timer stands."""
    return _instead(_timer, _complete)


@bad
def failure_for_timer() -> Bad:
    """The workflow fails where a timer stands."""
    return _instead(_timer, _fail)


@bad
def cancellation_for_timer() -> Bad:
    """The workflow is cancelled where a timer stands."""
    return _instead(_timer, _cancel)


@bad
def continue_as_new_for_timer() -> Bad:
    """The workflow continues as new where a timer stands."""
    return _instead(_timer, _continue_as_new)


@bad
def timer_for_completion() -> Bad:
    """Lang waits where the workflow completed."""
    return Bad(_ended(_complete).history, _history(_timer).history)


@bad
def timer_for_failure() -> Bad:
    """Lang waits where the workflow failed."""
    return Bad(_ended(_fail).history, _history(_timer).history)


@bad
def timer_for_cancellation() -> Bad:
    """Lang waits where the workflow was cancelled."""
    return Bad(_ended(_cancel).history, _history(_timer).history)


@bad
def timer_for_continue_as_new() -> Bad:
    """Lang waits where the workflow continued as new."""
    return Bad(_ended(_continue_as_new).history, _history(_timer).history)


@bad
def failure_for_completion() -> Bad:
    """Lang fails where the workflow completed."""
    return Bad(_ended(_complete).history, _ended(_fail).history)


@bad
def completion_for_continue_as_new() -> Bad:
    """Lang completes where the workflow continued as new."""
    return Bad(_ended(_continue_as_new).history, _ended(_complete).history)
