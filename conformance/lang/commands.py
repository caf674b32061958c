"""Workflow commands from the history events that they once became."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

CHANGE_VERSION = "TemporalChangeVersion"


class Sequences:
    """Lang's sequence numbers, one space per kind, and what each initiated event was given."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self.by_event: dict[int, int] = {}
        self.children: dict[str, int] = {}

    def take(self, kind: str, event_id: int) -> int:
        """The next number of `kind`, remembered for the event."""
        number = self._next.get(kind, 0) + 1
        self._next[kind] = number
        self.by_event[event_id] = number
        return number


def command_of(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand | None:
    """The command that produced `event`, or None if Core or the service produced it by itself."""
    make = _MAKERS.get(event.event_type)
    return make(event, sequences) if make else None


def _timer_started(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.timer_started_event_attributes
    command.start_timer.seq = int(attributes.timer_id)
    command.start_timer.start_to_fire_timeout.CopyFrom(attributes.start_to_fire_timeout)
    return command


def _timer_canceled(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    command.cancel_timer.seq = int(event.timer_canceled_event_attributes.timer_id)
    return command


def _activity_scheduled(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.activity_task_scheduled_event_attributes
    schedule = command.schedule_activity
    schedule.seq = sequences.take("activity", event.event_id)
    schedule.activity_id = attributes.activity_id
    schedule.activity_type = attributes.activity_type.name
    schedule.task_queue = attributes.task_queue.name
    schedule.arguments.extend(attributes.input.payloads)
    schedule.cancellation_type = 1  # type: ignore[assignment]
    for name in (
        "schedule_to_close_timeout",
        "schedule_to_start_timeout",
        "start_to_close_timeout",
        "heartbeat_timeout",
    ):
        if attributes.HasField(name):
            getattr(schedule, name).CopyFrom(getattr(attributes, name))
    return command


def _activity_cancel_requested(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.activity_task_cancel_requested_event_attributes
    command.request_cancel_activity.seq = sequences.by_event[attributes.scheduled_event_id]
    return command


def _child_initiated(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.start_child_workflow_execution_initiated_event_attributes
    start = command.start_child_workflow_execution
    start.seq = sequences.take("child", event.event_id)
    sequences.children[attributes.workflow_id] = start.seq
    start.namespace = attributes.namespace
    start.workflow_id = attributes.workflow_id
    start.workflow_type = attributes.workflow_type.name
    start.task_queue = attributes.task_queue.name
    start.input.extend(attributes.input.payloads)
    start.cancellation_type = 2  # type: ignore[assignment]
    return command


def _cancel_external_initiated(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    attributes = event.request_cancel_external_workflow_execution_initiated_event_attributes
    if attributes.child_workflow_only:
        cancel_child = command.cancel_child_workflow_execution
        cancel_child.child_workflow_seq = sequences.children[attributes.workflow_execution.workflow_id]
        cancel_child.reason = attributes.reason
        return command
    cancel = command.request_cancel_external_workflow_execution
    cancel.seq = sequences.take("cancel external", event.event_id)
    cancel.workflow_execution.namespace = attributes.namespace
    cancel.workflow_execution.workflow_id = attributes.workflow_execution.workflow_id
    cancel.workflow_execution.run_id = attributes.workflow_execution.run_id
    cancel.reason = attributes.reason
    return command


def _signal_external_initiated(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    attributes = event.signal_external_workflow_execution_initiated_event_attributes
    signal = command.signal_external_workflow_execution
    signal.seq = sequences.take("signal external", event.event_id)
    if attributes.child_workflow_only:
        signal.child_workflow_id = attributes.workflow_execution.workflow_id
    else:
        signal.workflow_execution.namespace = attributes.namespace
        signal.workflow_execution.workflow_id = attributes.workflow_execution.workflow_id
        signal.workflow_execution.run_id = attributes.workflow_execution.run_id
    signal.signal_name = attributes.signal_name
    signal.args.extend(attributes.input.payloads)
    return command


def _marker_recorded(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand | None:
    attributes = event.marker_recorded_event_attributes
    if attributes.marker_name == "core_patch":
        return _patch_marker(attributes.details)
    if attributes.marker_name == "core_local_activity":
        return _local_activity(json.loads(attributes.details["data"].payloads[0].data))
    return None


def _patch_marker(details: Any) -> WorkflowCommand:
    command = WorkflowCommand()
    if "patch-data" in details:
        data = json.loads(details["patch-data"].payloads[0].data)
        command.set_patch_marker.patch_id = data["id"]
        command.set_patch_marker.deprecated = data["deprecated"]
        return command
    command.set_patch_marker.patch_id = details["patch_id"].payloads[0].data.decode()
    command.set_patch_marker.deprecated = details["deprecated"].payloads[0].data[:1] not in (b"", b"\0")
    return command


def _local_activity(data: dict[str, Any]) -> WorkflowCommand:
    command = WorkflowCommand()
    schedule = command.schedule_local_activity
    schedule.seq = data["seq"]
    schedule.attempt = data["attempt"]
    schedule.activity_id = data["activity_id"]
    schedule.activity_type = data["activity_type"]
    schedule.start_to_close_timeout.seconds = 10
    return command


def _attributes_upserted(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand | None:
    command = WorkflowCommand()
    attributes = event.upsert_workflow_search_attributes_event_attributes
    if list(attributes.search_attributes.indexed_fields) == [CHANGE_VERSION]:
        return None
    command.upsert_workflow_search_attributes.search_attributes.CopyFrom(attributes.search_attributes)
    return command


def _properties_modified(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    memo = event.workflow_properties_modified_event_attributes.upserted_memo
    command.modify_workflow_properties.upserted_memo.CopyFrom(memo)
    return command


def _nexus_scheduled(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.nexus_operation_scheduled_event_attributes
    schedule = command.schedule_nexus_operation
    schedule.seq = sequences.take("nexus", event.event_id)
    schedule.endpoint, schedule.service, schedule.operation = (
        attributes.endpoint,
        attributes.service,
        attributes.operation,
    )
    schedule.input.CopyFrom(attributes.input)
    return command


def _nexus_cancel_requested(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    scheduled = event.nexus_operation_cancel_requested_event_attributes.scheduled_event_id
    command.request_cancel_nexus_operation.seq = sequences.by_event[scheduled]
    return command


def _update_accepted(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    attributes = event.workflow_execution_update_accepted_event_attributes
    command.update_response.protocol_instance_id = attributes.protocol_instance_id
    command.update_response.accepted.SetInParent()
    return command


def _update_completed(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    attributes = event.workflow_execution_update_completed_event_attributes
    response = command.update_response
    response.protocol_instance_id = attributes.meta.update_id
    if attributes.outcome.HasField("failure"):
        response.rejected.CopyFrom(attributes.outcome.failure)
    elif attributes.outcome.success.payloads:
        response.completed.CopyFrom(attributes.outcome.success.payloads[0])
    else:
        response.completed.SetInParent()
    return command


def _completed(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.workflow_execution_completed_event_attributes
    command.complete_workflow_execution.SetInParent()
    if attributes.result.payloads:
        command.complete_workflow_execution.result.CopyFrom(attributes.result.payloads[0])
    return command


def _failed(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    command.fail_workflow_execution.failure.CopyFrom(event.workflow_execution_failed_event_attributes.failure)
    return command


def _canceled(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command = WorkflowCommand()
    command.cancel_workflow_execution.SetInParent()
    return command


def _continued_as_new(event: HistoryEvent, sequences: Sequences) -> WorkflowCommand:
    command, attributes = WorkflowCommand(), event.workflow_execution_continued_as_new_event_attributes
    new = command.continue_as_new_workflow_execution
    new.workflow_type, new.task_queue = attributes.workflow_type.name, attributes.task_queue.name
    new.arguments.extend(attributes.input.payloads)
    return command


_Maker = Callable[[HistoryEvent, Sequences], WorkflowCommand | None]
_MAKERS: dict[int, _Maker] = {
    EventType.EVENT_TYPE_TIMER_STARTED: _timer_started,
    EventType.EVENT_TYPE_TIMER_CANCELED: _timer_canceled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity_scheduled,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: _activity_cancel_requested,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _child_initiated,
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _cancel_external_initiated,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _signal_external_initiated,
    EventType.EVENT_TYPE_MARKER_RECORDED: _marker_recorded,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _attributes_upserted,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _properties_modified,
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: _nexus_scheduled,
    EventType.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED: _nexus_cancel_requested,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _update_accepted,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: _update_completed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _completed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _failed,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: _canceled,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: _continued_as_new,
}
