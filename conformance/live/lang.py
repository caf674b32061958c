"""Lang of a live scenario: answers activations and local activities."""

from __future__ import annotations

import asyncio

import temporalio.bridge.proto as core
import temporalio.bridge.worker as bridge_worker
from temporalio.bridge.proto.activity_result import ActivityExecutionResult
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from conformance.lang import history_lang
from conformance.lang.bridge import PollShutdownError
from conformance.lang.history_lang import HistoryLang

from .frontend import Frontend
from .script import LocalActivity, Scenario


class Lang:
    """Keeps the activations it saw and the completions it gave in the lists it is given."""

    def __init__(
        self,
        scenario: Scenario,
        worker: bridge_worker.Worker,
        frontend: Frontend,
        activations: list[bytes],
        completions: list[bytes],
    ) -> None:
        self._scenario, self._worker, self._frontend = scenario, worker, frontend
        self._activations, self._completions = activations, completions
        self._runs: dict[str, HistoryLang] = {}
        self._answers = list(scenario.answers or ())
        self._local = list(scenario.local_activities)
        self._busy = 0

    async def workflows(self) -> None:
        """Answer activations until the worker is shut down."""
        while True:
            try:
                data = bytes(await self._worker._ref.poll_workflow_activation())
            except PollShutdownError:
                return
            self._activations.append(data)
            self._busy += 1
            activation = WorkflowActivation.FromString(data)
            completion = self._completion(activation)
            self._completions.append(completion.SerializeToString(deterministic=True))
            await self._worker.complete_workflow_activation(completion)
            self._busy -= 1
            if _is_eviction(activation):
                await self._frontend.evicted(activation.run_id)

    async def local_activities(self) -> None:
        """Do local activities, one after the other, until the worker is shut down."""
        while True:
            try:
                task = await self._worker.poll_activity_task()
            except PollShutdownError:
                return
            result = await self._local_result(task)
            if result is not None:
                seen = len(self._activations)
                completion = core.ActivityTaskCompletion(task_token=task.task_token, result=result)
                await self._worker.complete_activity_task(completion)
                await self._resolution_handled(seen)

    async def _local_result(self, task: core.activity_task.ActivityTask) -> ActivityExecutionResult | None:
        if task.HasField("cancel"):
            return cancelled()
        attempt = self._local.pop(0) if self._local else LocalActivity(succeeded())
        if attempt.after_answers:
            await self._frontend.answered(attempt.after_answers)
            # The task that comes with the answer, or after it, shall be there.
            await asyncio.sleep(0.1)
        return attempt.result

    async def _resolution_handled(self, seen: int) -> None:
        """One result at a time: which of two simultaneous ones share an activation is a matter of luck."""
        for _ in range(1000):
            await asyncio.sleep(0.002)
            if len(self._activations) > seen and self._busy == 0:
                return

    async def idle(self) -> None:
        """Wait until the last completion and its eviction, if any, are over."""
        quiet = 0
        while quiet < 10:
            await asyncio.sleep(0.01)
            quiet = quiet + 1 if self._busy == 0 else 0

    def _completion(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        if len(self._activations) - 1 in self._scenario.fail_activations:
            return history_lang.failed(activation)
        if self._scenario.answers is not None:
            return self._scripted(activation)
        if any(job.HasField("initialize_workflow") for job in activation.jobs):
            # The run starts over: its commands are issued over.
            history = self._scenario.lang_history or self._scenario.history_of(activation.run_id)
            self._runs[activation.run_id] = HistoryLang(history)
        if activation.run_id not in self._runs:
            return _empty(activation)
        return self._runs[activation.run_id].complete(activation)

    def _scripted(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = _empty(activation)
        if self._answers and not _is_eviction(activation):
            completion.successful.commands.extend(self._answers.pop(0))
        return completion


def succeeded() -> ActivityExecutionResult:
    """How a local activity ends if the scenario says nothing else."""
    result = ActivityExecutionResult()
    result.completed.result.metadata["encoding"] = b"json/plain"
    result.completed.result.data = b'"local"'
    return result


def cancelled() -> ActivityExecutionResult:
    """How one ends whose cancellation lang is told."""
    result = ActivityExecutionResult()
    result.cancelled.failure.message = "obeyed"
    result.cancelled.failure.canceled_failure_info.SetInParent()
    return result


def _empty(activation: WorkflowActivation) -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=activation.run_id)
    completion.successful.SetInParent()
    return completion


def _is_eviction(activation: WorkflowActivation) -> bool:
    return any(job.HasField("remove_from_cache") for job in activation.jobs)
