"""A scripted Temporal frontend: gives out a scenario's tasks, keeps every request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice import v1 as api

from .script import Scenario
from .tasks import fill_page

_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"
_ANSWERS = ("RespondWorkflowTaskCompleted", "RespondWorkflowTaskFailed", "RespondQueryTaskCompleted")
_RECORDED = (*_ANSWERS, "GetWorkflowExecutionHistory")
_STICKY = 2
_ENDS = {
    CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
}


@dataclass(frozen=True)
class Request:
    """One recorded request, serialized."""

    rpc: str
    body: bytes


class Frontend:
    """Serves one scenario on a free port of the loop-back interface."""

    def __init__(self, scenario: Scenario) -> None:
        self.requests: list[Request] = []
        self.background: list[Request] = []
        self.finished = asyncio.Event()
        self._scenario = scenario
        self._queue = list(scenario.polls)
        self.answers = 0
        self._given = 0
        self._open = False
        self._evictions = 0
        self._ending: str | None = None
        self._sticky_known = False
        self._changed = asyncio.Condition()
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    async def start(self) -> None:
        """Begin to serve."""
        await self._server.start()

    async def stop(self) -> None:
        """Stop at once."""
        await self._server.stop(None)

    async def serve(self, rpc: str, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Answer one call: recorded first, then by the RPC's own method or an empty message."""
        # What pollers ask by themselves, and how often, has no order beside the answers.
        (self.requests if rpc in _RECORDED else self.background).append(Request(rpc, body))
        if rpc in _ANSWERS:
            return await self._answer(rpc, body, context)
        method = getattr(self, f"_{rpc}", None)
        response: Any = await method(body) if method else getattr(api, f"{rpc}Response")()
        return bytes(response.SerializeToString())

    async def answered(self, number: int) -> None:
        """Wait until so many answers were taken."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.answers >= number)

    async def evicted(self, run_id: str) -> None:
        """Lang answered an eviction: the end of a task that Core does not answer."""
        async with self._changed:
            self._evictions += 1
            if self._ending == run_id:
                self._ending = None
            self._settle(self._open and self._evictions < self._scenario.unanswered.get(self._given - 1, 1 << 30))

    async def _answer(self, rpc: str, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        number = self.answers
        refusal = self._scenario.refusals.get(number)
        response = getattr(api, f"{rpc}Response")()
        if rpc == _ANSWERS[0] and refusal is None:
            request = api.RespondWorkflowTaskCompletedRequest.FromString(body)
            absent = _absent_message(request)
            if absent is not None:
                # The service would give the task again, and be answered the same again: it never ends.
                text = (
                    f"BadUpdateWorkflowExecutionMessage: ProtocolMessageCommand referenced absent message ID {absent}"
                )
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
            self._accepted(response, number, request)
        async with self._changed:
            self.answers += 1
            self._settle(response.HasField("workflow_task") if rpc == _ANSWERS[0] else False)
        if refusal is not None:
            await context.abort(grpc.StatusCode(_status(refusal.code)), refusal.message)
        return bytes(response.SerializeToString())

    def _accepted(
        self,
        response: api.RespondWorkflowTaskCompletedResponse,
        number: int,
        request: api.RespondWorkflowTaskCompletedRequest,
    ) -> None:
        self._sticky_known = True
        if any(command.command_type in _ENDS for command in request.commands):
            # Whether a next task finds the run cached or just evicted would be a matter of luck.
            self._ending = self._scenario.polls[self._given - 1].workflow_execution.run_id
        response.reset_history_event_id = self._scenario.resets.get(number, 0)
        if self._scenario.in_completion and self._queue:
            response.workflow_task.CopyFrom(self._queue.pop(0))
            self._given += 1

    def _settle(self, still_open: bool) -> None:
        self._open = still_open
        if not self._open and not self._queue:
            self.finished.set()
        self._changed.notify_all()

    async def _PollWorkflowTaskQueue(self, body: bytes) -> api.PollWorkflowTaskQueueResponse:
        request = api.PollWorkflowTaskQueueRequest.FromString(body)
        sticky = request.task_queue.kind == _STICKY
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._may_give(sticky)), 30)
            except asyncio.TimeoutError:
                return api.PollWorkflowTaskQueueResponse()
            self._given += 1
            self._open = True
            return self._queue.pop(0)

    def _may_give(self, sticky: bool) -> bool:
        if not self._queue or self._open or self._ending is not None:
            return False
        whole = bool(self._queue[0].history.events) and self._queue[0].history.events[0].event_id == 1
        wants_sticky = self._sticky_known and not whole
        return sticky == wants_sticky

    async def _PollActivityTaskQueue(self, body: bytes) -> api.PollActivityTaskQueueResponse:
        await asyncio.sleep(30)
        return api.PollActivityTaskQueueResponse()

    async def _GetWorkflowExecutionHistory(self, body: bytes) -> api.GetWorkflowExecutionHistoryResponse:
        request = api.GetWorkflowExecutionHistoryRequest.FromString(body)
        token = request.next_page_token.decode() or f"page:1:{self._last_given()}"
        _, first_text, last_text = token.split(":")
        first, last, size = int(first_text), int(last_text), self._scenario.page_size
        response = api.GetWorkflowExecutionHistoryResponse()
        fill_page(response.history, self._scenario.history_of(request.execution.run_id), first, last, size)
        if size is not None and first + size <= last:
            response.next_page_token = f"page:{first + size}:{last}".encode()
        return response

    def _last_given(self) -> int:
        given = self._scenario.polls[self._given - 1]
        return given.started_event_id or given.previous_started_event_id

    async def _GetSystemInfo(self, body: bytes) -> api.GetSystemInfoResponse:
        response = api.GetSystemInfoResponse(server_version="conformance")
        for name in ("sdk_metadata", "activity_failure_include_heartbeat", "build_id_based_versioning", "upsert_memo"):
            setattr(response.capabilities, name, True)
        return response

    async def _DescribeNamespace(self, body: bytes) -> api.DescribeNamespaceResponse:
        response = api.DescribeNamespaceResponse()
        if self._scenario.namespace is not None:
            response.CopyFrom(self._scenario.namespace)
        response.namespace_info.name = "default"
        return response


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        service, _, rpc = handler_call_details.method.strip("/").partition("/")
        if service != _SERVICE:
            return None

        async def call(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            return await self._frontend.serve(rpc, body, context)

        return grpc.unary_unary_rpc_method_handler(call)


def _absent_message(request: api.RespondWorkflowTaskCompletedRequest) -> str | None:
    """The id of a message that a command refers to, but that is not there: the service refuses that."""
    there = {message.id for message in request.messages}
    wanted = (command.protocol_message_command_attributes.message_id for command in request.commands)
    return next((each for each in wanted if each and each not in there), None)


def _status(code: int) -> Any:
    return next(status.value for status in grpc.StatusCode if status.value[0] == code)
