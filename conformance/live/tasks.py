"""Cuts a history into the workflow tasks that a service would have given out."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Request
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

WORKFLOW_ID = "conformance-workflow"
_UNSUCCESSFUL = {EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT}


@dataclass(frozen=True)
class Task:
    """One workflow task: the events up to its WorkflowTaskStarted, and what came before."""

    number: int
    started: int
    previous_started: int
    first_new: int


def cut(history: History) -> list[Task]:
    """The tasks that were completed, and a last one that was only started."""
    tasks: list[Task] = []
    events = list(history.events)
    for index, event in enumerate(events):
        if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
            continue
        if index + 1 < len(events) and events[index + 1].event_type in _UNSUCCESSFUL:
            continue
        previous = tasks[-1].started if tasks else 0
        tasks.append(Task(len(tasks) + 1, event.event_id, previous, previous + 1))
    return tasks


def poll_response(
    history: History, task: Task, *, whole: bool, page_size: int | None = None
) -> PollWorkflowTaskQueueResponse:
    """The response that gives out `task`: all events if `whole`, else those since the previous task.

    With `page_size` only that many events come, and a token (`page:<next>:<end>`) for the rest.
    """
    first_event = history.events[0] if history.events else HistoryEvent()
    start = first_event.workflow_execution_started_event_attributes
    response = PollWorkflowTaskQueueResponse(
        task_token=f"token-{task.number}".encode(),
        started_event_id=task.started,
        previous_started_event_id=task.previous_started,
        attempt=1,
        workflow_type=start.workflow_type,
        workflow_execution_task_queue=start.task_queue,
    )
    response.workflow_execution.workflow_id = WORKFLOW_ID
    response.workflow_execution.run_id = start.original_execution_run_id
    first = 1 if whole else task.first_new
    fill_page(response.history, history, first, task.started, page_size)
    if page_size is not None and first + page_size <= task.started:
        response.next_page_token = f"page:{first + page_size}:{task.started}".encode()
    response.messages.extend(_update_requests(history, task))
    return response


def whole(history: History) -> PollWorkflowTaskQueueResponse:
    """The response that gives out every event up to the last started task, whatever their ids are."""
    started = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED]
    ids = [0, 0, *(event.event_id for event in started)]
    response = poll_response(history, Task(1, ids[-1], ids[-2], 1), whole=True)
    last = max((index for index, event in enumerate(history.events, 1) if event in started[-1:]), default=0)
    response.history.CopyFrom(History(events=history.events[:last]))
    return response


def ask(query: PollWorkflowTaskQueueResponse) -> None:
    """Make a task one that was started before and brings a legacy query."""
    query.previous_started_event_id, query.started_event_id = query.started_event_id, 0
    query.query.query_type = "state"


def fill_page(target: History, history: History, first: int, last: int, page_size: int | None) -> None:
    """Copy events `first` to `last`, at most `page_size`."""
    end = last if page_size is None else min(last, first + page_size - 1)
    target.SetInParent()
    target.events.extend(history.events[first - 1 : end])


def _update_requests(history: History, task: Task) -> list[Message]:
    found = []
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            accepted = event.workflow_execution_update_accepted_event_attributes
            if not accepted.HasField("accepted_request"):
                continue  # an event of the history brings it
            if task.previous_started < accepted.accepted_request_sequencing_event_id <= task.started:
                found.append(_update_request(event))
    return found


def _update_request(event: HistoryEvent) -> Message:
    accepted = event.workflow_execution_update_accepted_event_attributes
    message = Message(
        id=accepted.accepted_request_message_id,
        protocol_instance_id=accepted.protocol_instance_id,
        event_id=accepted.accepted_request_sequencing_event_id,
    )
    request = Request()
    request.CopyFrom(accepted.accepted_request)
    message.body.Pack(request)
    return message
