"""A language SDK in a few words: a worker that executes one small workflow, over a driver with the real module."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from corewasm.abi import turn, worker
from corewasm.host.driver import Driver, undelivered

TASK_QUEUE = "small"
_STAGES: tuple[tuple[str, ...], ...] = (("timer",), ("activity", "activity"), ("local",), ("timer", "activity"))


class CallError(Exception):
    """A call into Core failed."""

    def __init__(self, error: turn.CallError) -> None:
        super().__init__(error.message)
        self.kind = error.kind


class _Instance:
    """One workflow: stages of things to wait for."""

    def __init__(self, stages: Sequence[tuple[str, ...]]) -> None:
        self._stages = stages
        self._stage = 0
        self._pending: set[int] = set()
        self._next = 1

    def resolved(self, number: int) -> None:
        """Something that it waited for is there."""
        self._pending.remove(number)

    def commands(self) -> list[WorkflowCommand]:
        """What it wants now."""
        if self._pending:
            return []
        if self._stage == len(self._stages):
            done = WorkflowCommand()
            done.complete_workflow_execution.SetInParent()
            return [done]
        self._stage += 1
        return [self._wanted(kind) for kind in self._stages[self._stage - 1]]

    def _wanted(self, kind: str) -> WorkflowCommand:
        number, self._next = self._next, self._next + 1
        self._pending.add(number)
        command = WorkflowCommand()
        if kind == "timer":
            command.start_timer.seq = number
            command.start_timer.start_to_fire_timeout.seconds = 1
            return command
        wanted = command.schedule_local_activity if kind == "local" else command.schedule_activity
        wanted.seq, wanted.activity_id, wanted.activity_type = number, str(number), kind
        wanted.start_to_close_timeout.seconds = 10
        if kind != "local":
            command.schedule_activity.task_queue = TASK_QUEUE
        return command


class SmallLang:
    """A worker's loops. Asserts what Core owes to a language."""

    def __init__(self, driver: Driver, config: worker.WorkerConfig, *, local_activities: bool = True) -> None:
        self.driver = driver
        self._stages = [stage for stage in _STAGES if local_activities or "local" not in stage]
        self.held: dict[str, _Instance] = {}
        self.evictions = 0
        self.executions: Counter[bytes] = Counter()
        self._answered: Counter[bytes] = Counter()
        self._config = config
        self._loops: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Connects and opens the worker, and polls."""
        client = turn.ClientConfig(client_name="small", client_version="1", identity="small")
        connect = turn.ClientConnect
        await self._call(lambda call: turn.Input(client_connect=connect(client=1, call=call, config=client)))
        opening = worker.WorkerOpen
        self.driver.call_now(
            lambda call: turn.Input(worker_open=opening(worker=1, client=1, call=call, config=self._config))
        )
        validate = worker.WorkerValidate
        await self._call(lambda call: turn.Input(worker_validate=validate(worker=1, call=call)))
        self._loops = [asyncio.ensure_future(self._workflows()), asyncio.ensure_future(self._activities())]

    async def close(self) -> None:
        """Shuts the worker down, as the official SDK does."""
        self._submit(turn.Input(worker_initiate_shutdown=worker.WorkerInitiateShutdown(worker=1)))
        await asyncio.gather(*self._loops)
        finalize = worker.WorkerFinalizeShutdown
        await self._call(lambda call: turn.Input(worker_finalize_shutdown=finalize(worker=1, call=call)))

    def stop(self) -> None:
        """Stops at once, after something went wrong."""
        for each in self._loops:
            each.cancel()

    def failure(self) -> str:
        """What ended a loop, if anything did."""
        return "; ".join(repr(each.exception()) for each in self._loops if each.done() and each.exception())

    async def _workflows(self) -> None:
        while True:
            polled = await self._poll(worker.WORKFLOW)
            if polled is None:
                return
            activation = WorkflowActivation.FromString(polled)
            await self._complete(worker.WORKFLOW, self._activated(activation).SerializeToString())

    async def _activities(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        while True:
            polled = await self._poll(worker.ACTIVITY)
            if polled is None:
                await asyncio.gather(*tasks)
                return
            task = ActivityTask.FromString(polled)
            if task.HasField("start"):
                tasks.add(asyncio.ensure_future(self._execute(task.task_token)))

    async def _execute(self, token: bytes) -> None:
        # A local activity's token is its worker's, and free again once it is answered: no second one may be out.
        self.executions[token] += 1
        if token.startswith(b"local"):
            self.executions[token] -= self._answered.pop(token, 0)
        await asyncio.sleep(0)
        completion = ActivityTaskCompletion(task_token=token)
        completion.result.completed.result.data = b"done"
        await self._complete(worker.ACTIVITY, completion.SerializeToString())
        self._answered[token] += 1

    def _activated(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        evicted = any(job.HasField("remove_from_cache") for job in activation.jobs)
        for job in activation.jobs:
            kind = job.WhichOneof("variant") or ""
            if kind == "initialize_workflow":
                assert activation.run_id not in self.held, "the run is held already"
                self.held[activation.run_id] = _Instance(self._stages)
            elif kind in ("fire_timer", "resolve_activity"):
                self.held[activation.run_id].resolved(getattr(job, kind).seq)
        if evicted:
            self.evictions += 1
            self.held.pop(activation.run_id, None)
        else:
            completion.successful.commands.extend(self.held[activation.run_id].commands())
        return completion

    async def _poll(self, kind: worker.TaskKind) -> bytes | None:
        poll = worker.WorkerPoll
        try:
            return bytes(
                await self._call(
                    lambda call: turn.Input(worker_poll=poll(worker=1, kind=kind, call=call)),
                    undelivered(self.driver, 1, kind),
                )
            )
        except CallError as error:
            if error.kind == turn.CallError.SHUTDOWN:
                return None
            raise

    async def _complete(self, kind: worker.TaskKind, body: bytes) -> None:
        complete = worker.WorkerComplete
        await self._call(lambda call: turn.Input(worker_complete=complete(worker=1, kind=kind, call=call, body=body)))

    def _submit(self, each: turn.Input) -> None:
        self.driver.submit(each)

    def _call(
        self, make: Callable[[int], turn.Input], lost: Callable[[bytes], None] | None = None
    ) -> asyncio.Future[Any]:
        return self.driver.call(make, bytes, lost)
