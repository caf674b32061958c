"""A history, event by event, with ids and times counted up."""

from __future__ import annotations

import json
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import History, HistoryEvent

RUN_ID = "c7d6d7a2-5b6c-4a53-8f6e-0123456789ab"
_START_SECONDS = 1_700_000_000


class HistoryBuilder:
    """Appends events; every method returns the new event's id."""

    def __init__(self, workflow_type: str = "Measured", **attributes: Any) -> None:
        self.history = History()
        self.started = 0
        self.completed = 0
        started = self._add("WORKFLOW_EXECUTION_STARTED").workflow_execution_started_event_attributes
        started.workflow_type.name = workflow_type
        started.task_queue.name = "replay"
        started.original_execution_run_id = started.first_execution_run_id = RUN_ID
        started.workflow_task_timeout.seconds = 10
        started.attempt = 1
        for name, value in attributes.items():
            getattr(started, name).CopyFrom(value)

    def __len__(self) -> int:
        return len(self.history.events)

    def serialized(self) -> bytes:
        """The History message's bytes."""
        return self.history.SerializeToString(deterministic=True)

    def task_scheduled(self) -> int:
        """A WorkflowTaskScheduled."""
        return self._add("WORKFLOW_TASK_SCHEDULED").event_id

    def task_started(self, *, size: int = 1000, suggest_continue_as_new: bool = False) -> int:
        """Scheduled and started."""
        scheduled = self.task_scheduled()
        event = self._add("WORKFLOW_TASK_STARTED")
        attributes = event.workflow_task_started_event_attributes
        attributes.scheduled_event_id = scheduled
        attributes.history_size_bytes = size
        attributes.suggest_continue_as_new = suggest_continue_as_new
        self.started = event.event_id
        return event.event_id

    def task_completed(self, *, core_flags: tuple[int, ...] = (1, 2, 3, 4), lang_flags: tuple[int, ...] = ()) -> int:
        """The completion of the started task."""
        event = self._add("WORKFLOW_TASK_COMPLETED")
        attributes = event.workflow_task_completed_event_attributes
        attributes.started_event_id = self.started
        attributes.scheduled_event_id = self.started - 1
        if self.completed == 0:
            attributes.sdk_metadata.core_used_flags.extend(core_flags)
            attributes.sdk_metadata.lang_used_flags.extend(lang_flags)
        self.completed = event.event_id
        return event.event_id

    def task(self, **options: Any) -> int:
        """Scheduled, started, completed: a whole workflow task."""
        self.task_started()
        return self.task_completed(**options)

    def task_failed(self, cause: int = 0, **attributes: Any) -> int:
        """The started task fails."""
        event = self._add("WORKFLOW_TASK_FAILED")
        event.workflow_task_failed_event_attributes.started_event_id = self.started
        event.workflow_task_failed_event_attributes.scheduled_event_id = self.started - 1
        event.workflow_task_failed_event_attributes.cause = cause  # type: ignore[assignment]
        for name, value in attributes.items():
            setattr(event.workflow_task_failed_event_attributes, name, value)
        return event.event_id

    def task_timed_out(self) -> int:
        """The started task times out."""
        event = self._add("WORKFLOW_TASK_TIMED_OUT")
        event.workflow_task_timed_out_event_attributes.started_event_id = self.started
        event.workflow_task_timed_out_event_attributes.scheduled_event_id = self.started - 1
        return event.event_id

    def timer_started(self, seq: int, seconds: int = 1) -> int:
        """A timer of lang's number."""
        attributes = self._command("TIMER_STARTED").timer_started_event_attributes
        attributes.timer_id = str(seq)
        attributes.start_to_fire_timeout.seconds = seconds
        return len(self)

    def timer_fired(self, seq: int, started: int) -> int:
        """It fires."""
        attributes = self._add("TIMER_FIRED").timer_fired_event_attributes
        attributes.timer_id, attributes.started_event_id = str(seq), started
        return len(self)

    def timer_canceled(self, seq: int, started: int) -> int:
        """It is cancelled."""
        attributes = self._command("TIMER_CANCELED").timer_canceled_event_attributes
        attributes.timer_id, attributes.started_event_id = str(seq), started
        return len(self)

    def activity_scheduled(self, seq: int, *, argument: bytes = b'"in"') -> int:
        """An activity whose id is lang's number."""
        attributes = self._command("ACTIVITY_TASK_SCHEDULED").activity_task_scheduled_event_attributes
        attributes.activity_id = str(seq)
        attributes.activity_type.name = "work"
        attributes.task_queue.name = "replay"
        attributes.start_to_close_timeout.seconds = 10
        attributes.input.CopyFrom(payloads(argument))
        return len(self)

    def activity_started(self, scheduled: int) -> int:
        """It starts."""
        attributes = self._add("ACTIVITY_TASK_STARTED").activity_task_started_event_attributes
        attributes.scheduled_event_id, attributes.attempt = scheduled, 1
        return len(self)

    def activity_completed(self, scheduled: int, started: int, *, result: bytes = b'"out"') -> int:
        """It completes."""
        attributes = self._add("ACTIVITY_TASK_COMPLETED").activity_task_completed_event_attributes
        attributes.scheduled_event_id, attributes.started_event_id = scheduled, started
        attributes.result.CopyFrom(payloads(result))
        return len(self)

    def activity_failed(self, scheduled: int, started: int) -> int:
        """It fails for good."""
        attributes = self._add("ACTIVITY_TASK_FAILED").activity_task_failed_event_attributes
        attributes.scheduled_event_id, attributes.started_event_id = scheduled, started
        attributes.failure.CopyFrom(failure("activity broke"))
        attributes.retry_state = 5  # type: ignore[assignment]
        return len(self)

    def activity_timed_out(self, scheduled: int) -> int:
        """It times out."""
        attributes = self._add("ACTIVITY_TASK_TIMED_OUT").activity_task_timed_out_event_attributes
        attributes.scheduled_event_id = scheduled
        attributes.failure.CopyFrom(failure("too slow"))
        return len(self)

    def activity_cancel_requested(self, scheduled: int) -> int:
        """Its cancellation is requested."""
        attributes = self._command("ACTIVITY_TASK_CANCEL_REQUESTED").activity_task_cancel_requested_event_attributes
        attributes.scheduled_event_id = scheduled
        return len(self)

    def activity_canceled(self, scheduled: int, started: int) -> int:
        """It is cancelled."""
        attributes = self._add("ACTIVITY_TASK_CANCELED").activity_task_canceled_event_attributes
        attributes.scheduled_event_id, attributes.started_event_id = scheduled, started
        return len(self)

    def signaled(self, name: str = "go", argument: bytes = b'"hello"') -> int:
        """A signal arrives."""
        attributes = self._add("WORKFLOW_EXECUTION_SIGNALED").workflow_execution_signaled_event_attributes
        attributes.signal_name, attributes.identity = name, "tester"
        attributes.input.CopyFrom(payloads(argument))
        return len(self)

    def options_updated(self) -> int:
        """The service changed its own options of the run: nothing for a worker."""
        event = self._add("WORKFLOW_EXECUTION_OPTIONS_UPDATED")
        event.workflow_execution_options_updated_event_attributes.SetInParent()
        event.worker_may_ignore = True
        return event.event_id

    def cancel_requested(self, cause: str = "enough") -> int:
        """The workflow's cancellation is requested."""
        event = self._add("WORKFLOW_EXECUTION_CANCEL_REQUESTED")
        event.workflow_execution_cancel_requested_event_attributes.cause = cause
        return len(self)

    def child_initiated(self, workflow_id: str) -> int:
        """A child workflow is wanted."""
        event = self._command("START_CHILD_WORKFLOW_EXECUTION_INITIATED")
        attributes = event.start_child_workflow_execution_initiated_event_attributes
        attributes.namespace, attributes.workflow_id = "default", workflow_id
        attributes.workflow_type.name, attributes.task_queue.name = "child", "replay"
        return len(self)

    def child(self, kind: str, initiated: int, workflow_id: str, **fields: Any) -> int:
        """A child's later event: `kind` is the event's name after CHILD_WORKFLOW_EXECUTION_."""
        event = self._add(f"CHILD_WORKFLOW_EXECUTION_{kind}")
        attributes = getattr(event, f"child_workflow_execution_{kind.lower()}_event_attributes")
        attributes.initiated_event_id = initiated
        attributes.namespace = "default"
        attributes.workflow_execution.workflow_id, attributes.workflow_execution.run_id = workflow_id, "child-run"
        attributes.workflow_type.name = "child"
        for name, value in fields.items():
            getattr(attributes, name).CopyFrom(value)
        return len(self)

    def patch_marker(self, patch_id: str, *, deprecated: bool = False) -> int:
        """A patch marker in today's form."""
        attributes = self._command("MARKER_RECORDED").marker_recorded_event_attributes
        attributes.marker_name = "core_patch"
        data = json.dumps({"id": patch_id, "deprecated": deprecated}, separators=(",", ":")).encode()
        attributes.details["patch-data"].CopyFrom(payloads(data))
        return len(self)

    def change_version_upserted(self, *patch_ids: str) -> int:
        """The search attribute that accompanies a patch marker."""
        event = self._command("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
        fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        value = fields["TemporalChangeVersion"]
        value.metadata["encoding"] = b"json/plain"
        value.metadata["type"] = b"KeywordList"
        value.data = json.dumps(sorted(patch_ids), separators=(",", ":")).encode()
        return len(self)

    def local_activity_marker(
        self,
        seq: int,
        *,
        activation_index: int | None,
        attempt: int = 1,
        failed: Failure | None = None,
        backoff_seconds: int | None = None,
    ) -> int:
        """A local activity that completed or, with `failed`, did not."""
        attributes = self._command("MARKER_RECORDED").marker_recorded_event_attributes
        attributes.marker_name = "core_local_activity"
        when = {"seconds": _START_SECONDS + len(self), "nanos": 0}
        data = {
            "seq": seq,
            "attempt": attempt,
            "activity_id": str(seq),
            "activity_type": "local",
            "complete_time": when,
            "backoff": backoff_seconds and {"seconds": backoff_seconds, "nanos": 0},
            "original_schedule_time": when,
        }
        if activation_index is not None:
            data["activation_index"] = activation_index
        attributes.details["data"].CopyFrom(payloads(json.dumps(data, separators=(",", ":")).encode()))
        if failed is None:
            attributes.details["result"].CopyFrom(payloads(b'"local"'))
        else:
            attributes.failure.CopyFrom(failed)
        return len(self)

    def update_accepted(self, update_id: str, *, argument: bytes = b'"update"', admitted: bool = False) -> int:
        """An update is accepted: its request comes back in the event, unless it was admitted by another."""
        attributes = self._add("WORKFLOW_EXECUTION_UPDATE_ACCEPTED")
        accepted = attributes.workflow_execution_update_accepted_event_attributes
        accepted.protocol_instance_id = update_id
        accepted.accepted_request_message_id = f"{update_id}/request"
        accepted.accepted_request_sequencing_event_id = self.completed - 2
        if admitted:
            return len(self)
        accepted.accepted_request.meta.update_id = update_id
        accepted.accepted_request.input.name = "change"
        accepted.accepted_request.input.args.CopyFrom(payloads(argument))
        return len(self)

    def update_admitted(self, update_id: str) -> int:
        """An update of a run that was reset comes again."""
        attributes = self._add("WORKFLOW_EXECUTION_UPDATE_ADMITTED")
        admitted = attributes.workflow_execution_update_admitted_event_attributes
        admitted.origin = 1  # type: ignore[assignment]
        admitted.request.meta.update_id = update_id
        admitted.request.input.name = "change"
        admitted.request.input.args.CopyFrom(payloads(b'"update"'))
        return len(self)

    def update_completed(self, update_id: str, accepted: int, *, failed: Failure | None = None) -> int:
        """It completes or, with `failed`, does not."""
        event = self._add("WORKFLOW_EXECUTION_UPDATE_COMPLETED")
        attributes = event.workflow_execution_update_completed_event_attributes
        attributes.accepted_event_id, attributes.meta.update_id = accepted, update_id
        if failed is None:
            attributes.outcome.success.CopyFrom(payloads(b'"done"'))
        else:
            attributes.outcome.failure.CopyFrom(failed)
        return len(self)

    def workflow_completed(self, result: bytes = b'"result"') -> int:
        """The end."""
        attributes = self._command("WORKFLOW_EXECUTION_COMPLETED").workflow_execution_completed_event_attributes
        attributes.result.CopyFrom(payloads(result))
        return len(self)

    def add(self, kind: str, attributes_field: str, **fields: Any) -> int:
        """Any other event: its type's name without EVENT_TYPE_, its attributes field, and what to set there."""
        attributes = getattr(self._add(kind), attributes_field)
        attributes.SetInParent()
        for name, value in fields.items():
            if hasattr(value, "SerializeToString"):
                getattr(attributes, name).CopyFrom(value)
            else:
                setattr(attributes, name, value)
        return len(self)

    def _add(self, kind: str) -> HistoryEvent:
        event = self.history.events.add()
        event.event_id = len(self.history.events)
        event.event_type = EventType.Value(f"EVENT_TYPE_{kind}")
        event.event_time.seconds = _START_SECONDS + event.event_id
        # Core takes an event without attributes for an unknown one.
        getattr(event, _attributes_field(kind)).SetInParent()
        return event

    def _command(self, kind: str) -> HistoryEvent:
        event = self._add(kind)
        attributes = getattr(event, _attributes_field(kind))
        attributes.workflow_task_completed_event_id = self.completed
        return event


def payloads(data: bytes) -> Payloads:
    """One JSON payload."""
    return Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=data)])


def failure(message: str) -> Failure:
    """A plain application failure."""
    result = Failure(message=message, source="tester")
    result.application_failure_info.type = "Broken"
    return result


def canceled() -> Failure:
    """Of something that was cancelled."""
    result = Failure(message="Activity cancelled")
    result.canceled_failure_info.SetInParent()
    return result


def _attributes_field(kind: str) -> str:
    return f"{kind.lower()}_event_attributes"
