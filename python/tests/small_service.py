"""A Temporal service in a few words: histories, workflow tasks, timers and activities, and no time-outs at all.

Without time-outs nothing that a worker loses ever comes back: the run just never ends. Timers fire at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice import v1 as api

from corewasm.transport.api import RpcFailure, UnaryRequest, UnaryResponse

_STICKY, _NOT_FOUND = 2, 5


class Run:
    """One workflow run: its history and its workflow task."""

    def __init__(self, run_id: str, task_queue: str) -> None:
        self.run_id = run_id
        self.task_queue = task_queue
        self.events: list[HistoryEvent] = []
        self.waiting: list[HistoryEvent] = []
        self.scheduled = 0
        self.token = b""
        self.previous_started = 0
        self.sticky_queue = ""
        self.closed = False
        self.failed_tasks = 0
        started = self.add("WORKFLOW_EXECUTION_STARTED").workflow_execution_started_event_attributes
        started.workflow_type.name, started.task_queue.name = "small", task_queue
        started.original_execution_run_id = started.first_execution_run_id = run_id
        started.workflow_task_timeout.seconds = 10
        started.attempt = 1

    def add(self, kind: str, **attributes: Any) -> HistoryEvent:
        """One event more. `attributes` are those of its kind."""
        event = self.made(kind, **attributes)
        self.append(event)
        return event

    def made(self, kind: str, **attributes: Any) -> HistoryEvent:
        """An event without a place in the history."""
        event = HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{kind}"))
        event.event_time.GetCurrentTime()
        target = getattr(event, f"{kind.lower()}_event_attributes")
        target.SetInParent()
        for name, value in attributes.items():
            setattr(target, name, value)
        return event

    def append(self, event: HistoryEvent) -> None:
        """Gives the event its place."""
        event.event_id = len(self.events) + 1
        self.events.append(event)


class SmallService:
    """The service; also the transport to it."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.stopped = False
        self.refused: list[str] = []
        self._activities: deque[api.PollActivityTaskQueueResponse] = deque()
        self._activities_out: dict[bytes, tuple[Run, int]] = {}
        self._changed = asyncio.Event()
        self._tokens = 0

    def start_run(self, run_id: str, task_queue: str) -> None:
        """A workflow begins."""
        run = self.runs[run_id] = Run(run_id, task_queue)
        self._schedule_task(run)

    # As a transport

    async def unary(self, request: UnaryRequest) -> UnaryResponse:
        """Answers one RPC; those it does not know, by an empty message."""
        rpc = request.uri.rpartition("/")[2]
        method = getattr(self, f"_{rpc}", None)
        await asyncio.sleep(0)
        if method is None:
            return UnaryResponse(getattr(api, f"{rpc}Response")().SerializeToString())
        try:
            answer = await method(getattr(api, f"{rpc}Request").FromString(request.body))
        except RpcFailure as failure:
            self.refused.append(f"{rpc}: {failure.message}")
            raise
        return UnaryResponse(answer.SerializeToString())

    async def close(self) -> None:
        """Nothing is open."""

    # RPCs

    async def _PollWorkflowTaskQueue(
        self, request: api.PollWorkflowTaskQueueRequest
    ) -> api.PollWorkflowTaskQueueResponse:
        name = request.task_queue.name
        while not self.stopped:
            for run in self.runs.values():
                if run.scheduled and not run.token and name == (run.sticky_queue or run.task_queue):
                    return self._begin_task(run, whole=request.task_queue.kind != _STICKY)
            await self._until_changed()
        return api.PollWorkflowTaskQueueResponse()

    async def _PollActivityTaskQueue(
        self, request: api.PollActivityTaskQueueRequest
    ) -> api.PollActivityTaskQueueResponse:
        while not self.stopped:
            if self._activities:
                return self._activities.popleft()
            await self._until_changed()
        return api.PollActivityTaskQueueResponse()

    async def _ShutdownWorker(self, _request: api.ShutdownWorkerRequest) -> api.ShutdownWorkerResponse:
        self.stopped = True
        self._notify()
        return api.ShutdownWorkerResponse()

    async def _GetWorkflowExecutionHistory(
        self, request: api.GetWorkflowExecutionHistoryRequest
    ) -> api.GetWorkflowExecutionHistoryResponse:
        response = api.GetWorkflowExecutionHistoryResponse()
        response.history.events.extend(self.runs[request.execution.run_id].events)
        return response

    async def _RespondWorkflowTaskCompleted(
        self, request: api.RespondWorkflowTaskCompletedRequest
    ) -> api.RespondWorkflowTaskCompletedResponse:
        run = self._run_of(request.task_token)
        run.previous_started = len(run.events)
        run.sticky_queue = request.sticky_attributes.worker_task_queue.name
        self._end_task(run, "COMPLETED")
        response = api.RespondWorkflowTaskCompletedResponse()
        for command in request.commands:
            self._apply(run, command, response)
        self._flush(run)
        if request.force_create_new_workflow_task and not run.closed:
            self._schedule_task(run)
        if request.return_new_workflow_task and run.scheduled:
            response.workflow_task.CopyFrom(self._begin_task(run, whole=False))
        return response

    async def _RespondWorkflowTaskFailed(
        self, request: api.RespondWorkflowTaskFailedRequest
    ) -> api.RespondWorkflowTaskFailedResponse:
        run = self._run_of(request.task_token)
        run.failed_tasks += 1
        run.sticky_queue = ""
        self._end_task(run, "FAILED")
        self._flush(run)
        self._schedule_task(run)
        return api.RespondWorkflowTaskFailedResponse()

    async def _RespondActivityTaskCompleted(
        self, request: api.RespondActivityTaskCompletedRequest
    ) -> api.RespondActivityTaskCompletedResponse:
        run, scheduled = self._activities_out.pop(request.task_token, (None, 0))
        if run is None:
            raise RpcFailure(_NOT_FOUND, "activity task not found")
        started = run.made("ACTIVITY_TASK_STARTED", scheduled_event_id=scheduled, attempt=1)
        completed = run.made("ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled)
        completed.activity_task_completed_event_attributes.result.CopyFrom(request.result)
        self._happens(run, started, completed)
        return api.RespondActivityTaskCompletedResponse()

    # What follows

    def _apply(self, run: Run, command: Command, response: api.RespondWorkflowTaskCompletedResponse) -> None:
        kind = CommandType.Name(command.command_type).removeprefix("COMMAND_TYPE_")
        if kind == "START_TIMER":
            timer = command.start_timer_command_attributes.timer_id
            event = run.add("TIMER_STARTED", timer_id=timer)
            fired = run.made("TIMER_FIRED", timer_id=timer, started_event_id=event.event_id)
            asyncio.get_running_loop().call_soon(self._happens, run, fired)
        elif kind == "SCHEDULE_ACTIVITY_TASK":
            self._schedule_activity(run, command, response)
        elif kind == "RECORD_MARKER":
            marker = command.record_marker_command_attributes
            event = run.add("MARKER_RECORDED", marker_name=marker.marker_name)
            for key, payloads in marker.details.items():
                event.marker_recorded_event_attributes.details[key].CopyFrom(payloads)
        else:
            assert kind == "COMPLETE_WORKFLOW_EXECUTION", f"{kind} is not offered here"
            run.add("WORKFLOW_EXECUTION_COMPLETED")
            run.closed = True

    def _schedule_activity(
        self, run: Run, command: Command, response: api.RespondWorkflowTaskCompletedResponse
    ) -> None:
        wanted = command.schedule_activity_task_command_attributes
        event = run.add("ACTIVITY_TASK_SCHEDULED", activity_id=wanted.activity_id)
        event.activity_task_scheduled_event_attributes.activity_type.name = wanted.activity_type.name
        task = api.PollActivityTaskQueueResponse(
            task_token=self._new_token(), activity_id=wanted.activity_id, attempt=1
        )
        task.activity_type.name, task.workflow_type.name = wanted.activity_type.name, "small"
        task.workflow_execution.run_id = task.workflow_execution.workflow_id = run.run_id
        self._activities_out[task.task_token] = (run, event.event_id)
        if wanted.request_eager_execution:
            response.activity_tasks.append(task)
        else:
            self._activities.append(task)
            self._notify()

    def _happens(self, run: Run, *events: HistoryEvent) -> None:
        """At once, or after the workflow task that is being worked on."""
        run.waiting.extend(events)
        if not run.token:
            self._flush(run)

    def _flush(self, run: Run) -> None:
        if run.closed or not run.waiting:
            return
        for event in run.waiting:
            run.append(event)
            if event.HasField("activity_task_completed_event_attributes"):
                event.activity_task_completed_event_attributes.started_event_id = event.event_id - 1
        run.waiting.clear()
        self._schedule_task(run)

    def _schedule_task(self, run: Run) -> None:
        if not run.scheduled:
            run.scheduled = run.add("WORKFLOW_TASK_SCHEDULED", attempt=1).event_id
            self._notify()

    def _begin_task(self, run: Run, *, whole: bool) -> api.PollWorkflowTaskQueueResponse:
        run.token = self._new_token()
        run.add("WORKFLOW_TASK_STARTED", scheduled_event_id=run.scheduled)
        task = api.PollWorkflowTaskQueueResponse(
            task_token=run.token,
            started_event_id=len(run.events),
            previous_started_event_id=run.previous_started,
            attempt=1,
        )
        task.workflow_type.name = "small"
        task.workflow_execution.run_id = task.workflow_execution.workflow_id = run.run_id
        task.workflow_execution_task_queue.name = run.task_queue
        task.history.events.extend(run.events if whole else run.events[run.previous_started :])
        return task

    def _end_task(self, run: Run, how: str) -> None:
        started = len(run.events)
        run.add(f"WORKFLOW_TASK_{how}", scheduled_event_id=run.scheduled, started_event_id=started)
        run.token, run.scheduled = b"", 0

    def _run_of(self, token: bytes) -> Run:
        for run in self.runs.values():
            if token and run.token == token:
                return run
        raise RpcFailure(_NOT_FOUND, "workflow task not found")

    def _new_token(self) -> bytes:
        self._tokens += 1
        return b"token %d" % self._tokens

    async def _until_changed(self) -> None:
        await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
