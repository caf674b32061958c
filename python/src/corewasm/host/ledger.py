"""What one worker has in hand: the part of a trap's aftermath that must not be lost.

Kept from the inputs and effects that pass through the driver; the messages inside are only glimpsed at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from corewasm.abi import turn, worker
from corewasm.host import glimpse_pb2 as glimpse
from corewasm.host.varint import varint

_SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"
_POLL_WORKFLOW = _SERVICE + "PollWorkflowTaskQueue"
_POLL_ACTIVITY = _SERVICE + "PollActivityTaskQueue"
_POLL_NEXUS = _SERVICE + "PollNexusTaskQueue"
_WORKFLOW_COMPLETED = _SERVICE + "RespondWorkflowTaskCompleted"
_WORKFLOW_FAILED = _SERVICE + "RespondWorkflowTaskFailed"
_QUERY_COMPLETED = _SERVICE + "RespondQueryTaskCompleted"
_STICKY = 2
_EVICTION_TAG = varint(glimpse.Activation.Job.REMOVE_FROM_CACHE_FIELD_NUMBER << 3 | 2)
"""What every activation with an eviction has in it, and hardly any other: to look at each one's jobs takes time."""


_M = TypeVar("_M", bound=Message)


def glimpse_at(kind: type[_M], body: bytes) -> _M:
    """What the body says. Nothing if it is malformed: that is for Core to complain about."""
    try:
        return kind.FromString(body)
    except DecodeError:
        return kind()


class Ledger:
    """One worker's account."""

    def __init__(self, opening: worker.WorkerOpen) -> None:
        self.opening = worker.WorkerOpen(worker=opening.worker, client=opening.client, config=opening.config)
        self.shutdown_initiated = False
        self._runs: dict[str, bool] = {}
        self._evicting: set[str] = set()
        self._tasks: dict[int, dict[bytes, bytes]] = {worker.ACTIVITY: {}, worker.NEXUS: {}}
        self._workflow_tasks: dict[bytes, bytes] = {}
        self._polled: dict[bytes, turn.OrphanedRpcResult] = {}
        self._returned: set[tuple[worker.TaskKind, bytes]] = set()
        self._heartbeats: dict[bytes, bytes] = {}
        self._permits: dict[int, worker.SlotKind] = {}
        self._sticky_queue = ""
        self._instance_key = ""

    def copy(self) -> Ledger:
        """An account that goes its own way from here."""
        other = Ledger(self.opening)
        other.shutdown_initiated = self.shutdown_initiated
        other._runs, other._evicting = dict(self._runs), set(self._evicting)
        other._tasks = {kind: dict(tasks) for kind, tasks in self._tasks.items()}
        other._workflow_tasks, other._polled = dict(self._workflow_tasks), dict(self._polled)
        other._returned, other._heartbeats = set(self._returned), dict(self._heartbeats)
        other._permits = dict(self._permits)
        other._sticky_queue, other._instance_key = self._sticky_queue, self._instance_key
        return other

    def given(self, kind: worker.TaskKind, value: bytes) -> None:
        """A poll's value went to lang."""
        if kind == worker.WORKFLOW:
            activation = glimpse_at(glimpse.Activation, value)
            self._runs[activation.run_id] = True
            if _EVICTION_TAG in value and any(job.HasField("remove_from_cache") for job in activation.jobs[:]):
                self._evicting.add(activation.run_id)
            return
        self._returned.discard((kind, value))
        token = _started_task(kind, value)
        if token:
            self._polled.pop(token, None)
            self._tasks[kind][token] = value

    def given_back(self, kind: worker.TaskKind, value: bytes) -> None:
        """A poll's value did not reach lang after all."""
        if kind != worker.WORKFLOW:
            self._returned.add((kind, value))
            return
        # Lang may hold the run from before this activation.
        run_id = glimpse_at(glimpse.Activation, value).run_id
        self._runs[run_id] = False
        self._evicting.discard(run_id)

    def completed(self, kind: int, body: bytes) -> None:
        """Core has taken lang's answer."""
        if kind != worker.WORKFLOW:
            token = glimpse_at(glimpse.TaskCompletion, body).task_token
            self._tasks[kind].pop(token, None)
            self._heartbeats.pop(token, None)
            return
        run_id = glimpse_at(glimpse.ActivationCompletion, body).run_id
        if run_id in self._evicting:
            self._runs.pop(run_id, None)
            self._evicting.discard(run_id)  # last: what is done twice must come here twice
        elif run_id in self._runs:
            self._runs[run_id] = False

    def heartbeat(self, body: bytes) -> None:
        """Lang recorded a heartbeat, which Core may keep back for a while."""
        token = glimpse_at(glimpse.TaskCompletion, body).task_token
        if token in self._tasks[worker.ACTIVITY]:
            self._heartbeats[token] = body

    def rpc_started(self, start: turn.RpcStart) -> None:
        """Core makes an RPC for the worker."""
        if start.uri in (_WORKFLOW_COMPLETED, _WORKFLOW_FAILED, _QUERY_COMPLETED):
            self._workflow_tasks.pop(glimpse_at(glimpse.WorkflowTaskAnswer, start.body).task_token, None)
        elif start.uri == _POLL_WORKFLOW:
            request = glimpse_at(glimpse.WorkflowPollRequest, start.body)
            self._instance_key = request.worker_instance_key or self._instance_key
            if request.task_queue.kind == _STICKY:
                self._sticky_queue = request.task_queue.name

    def rpc_answered(self, uri: str, result: turn.RpcResult) -> None:
        """Core has taken the answer of an RPC; tasks in it are its to handle from now on."""
        if result.WhichOneof("result") != "response":
            return
        body = result.response.body
        if uri == _POLL_WORKFLOW:
            self._workflow_task(body)
        elif uri == _WORKFLOW_COMPLETED:
            completed = glimpse_at(glimpse.WorkflowTaskCompleted, body)
            self._workflow_task(completed.workflow_task)
            for task in completed.activity_tasks:
                self._task(_POLL_ACTIVITY, turn.RpcResult(response=turn.GrpcResponse(body=task)))
        elif uri in (_POLL_ACTIVITY, _POLL_NEXUS):
            self._task(uri, result)

    def permit_given(self, permit: int, kind: worker.SlotKind) -> None:
        """A user's supplier gave a permit."""
        self._permits[permit] = kind

    def permit_released(self, permit: int) -> None:
        """Core gave a permit back."""
        self._permits.pop(permit, None)

    def reopening(self, trapped_run_id: str, panic: str) -> worker.WorkerOpen:
        """What opens the worker in a new instance. The trapped run's workflow task is failed there, not taken again."""
        ledger = worker.WorkerLedger(
            runs=[worker.HeldRun(run_id=run, activation_outstanding=out) for run, out in self._runs.items()],
            activity_tasks=self._tasks[worker.ACTIVITY].values(),
            nexus_tasks=self._tasks[worker.NEXUS].values(),
            permits=[worker.HeldPermit(permit=permit, kind=kind) for permit, kind in self._permits.items()],
            workflow_tasks=self._workflow_tasks.values(),
            trapped_run_id=trapped_run_id,
            panic_text=panic if trapped_run_id else "",
            shutdown_initiated=self.shutdown_initiated,
            sticky_queue=self._sticky_queue,
            worker_instance_key=self._instance_key,
        )
        opening = self.opening
        return worker.WorkerOpen(worker=opening.worker, client=opening.client, config=opening.config, ledger=ledger)

    def after_reopening(self) -> Iterable[turn.Input]:
        """What the reopened worker is told at once.

        Tasks that Core had polled and lang did not get yet, or gave back, and heartbeats, sent or not.
        """
        handle = self.opening.worker
        for orphan in self._polled.values():
            yield turn.Input(orphaned_rpc_result=orphan)
        for kind, value in self._returned:
            yield turn.Input(undelivered=worker.Undelivered(worker=handle, kind=kind, value=value))
        for body in self._heartbeats.values():
            yield turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=handle, body=body))

    def permits(self) -> Iterable[int]:
        """The permits that are out."""
        return list(self._permits)

    def _task(self, uri: str, result: turn.RpcResult) -> None:
        token = glimpse_at(glimpse.PolledTask, result.response.body).task_token
        if token:
            self._polled[token] = turn.OrphanedRpcResult(worker=self.opening.worker, uri=uri, result=result)

    def _workflow_task(self, body: bytes) -> None:
        token = glimpse_at(glimpse.WorkflowTask, body).task_token
        if token:
            self._workflow_tasks[token] = body


def run_of_workflow_task(uri: str, result: turn.RpcResult) -> str:
    """The run whose task an RPC brought; empty if it brought none."""
    if result.WhichOneof("result") != "response":
        return ""
    task = result.response.body if uri == _POLL_WORKFLOW else b""
    if uri == _WORKFLOW_COMPLETED:
        task = glimpse_at(glimpse.WorkflowTaskCompleted, result.response.body).workflow_task
    return glimpse_at(glimpse.WorkflowTask, task).workflow_execution.run_id


def run_of_completion(body: bytes) -> str:
    """The run that a completion is about."""
    return glimpse_at(glimpse.ActivationCompletion, body).run_id


def _started_task(kind: int, value: bytes) -> bytes:
    """The token of a task that starts something; empty for a cancellation."""
    if kind == worker.NEXUS:
        return glimpse_at(glimpse.NexusTask, value).task.task_token
    task = glimpse_at(glimpse.ActivityTask, value)
    return task.task_token if task.HasField("start") else b""
