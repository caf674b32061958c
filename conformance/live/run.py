"""Runs one scenario on the Core of this process and gives back what it sent and what it told lang."""

from __future__ import annotations

import asyncio
from typing import Any

import temporalio.bridge.client as bridge_client
import temporalio.bridge.proto as core
import temporalio.bridge.worker as bridge_worker
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from conformance.differential import masks
from conformance.lang import bridge
from conformance.lang.history_lang import HistoryLang

from .frontend import Frontend
from .scenario import Scenario

_TIMEOUT_SECONDS = 30


async def run(scenario: Scenario) -> dict[str, Any]:
    """The transcript: `requests` as (rpc, bytes), `activations` and `completions` as bytes, in order; or `error`.

    `background` holds what pollers asked by themselves, each distinct request once, in no order.
    """
    frontend = Frontend(scenario)
    await frontend.start()
    activations: list[bytes] = []
    completions: list[bytes] = []
    try:
        await asyncio.wait_for(_drive(scenario, frontend, activations, completions), _TIMEOUT_SECONDS)
        requests = [(each.rpc, masks.without_wall_times(each.rpc, each.body)) for each in frontend.requests]
        background = sorted({(each.rpc, each.body) for each in frontend.background})
        return {
            "requests": requests,
            "background": background,
            "activations": activations,
            "completions": completions,
        }
    except asyncio.TimeoutError:
        rpcs = [request.rpc for request in frontend.requests]
        return {"error": f"not finished; {len(activations)} activations, requests {rpcs}"}
    finally:
        await frontend.stop()


async def _drive(scenario: Scenario, frontend: Frontend, activations: list[bytes], completions: list[bytes]) -> None:
    client = await bridge_client.Client.connect(bridge.new_runtime(), _client_config(frontend.port))
    worker = bridge_worker.Worker.create(client, bridge.worker_config("replay", **scenario.worker))
    await worker.validate()
    lang = _Lang(scenario, worker, activations, completions)
    loops = [asyncio.ensure_future(lang.workflows()), asyncio.ensure_future(lang.local_activities())]
    await frontend.finished.wait()
    await lang.idle()
    worker.initiate_shutdown()
    await asyncio.gather(*loops)
    await worker.finalize_shutdown()


class _Lang:
    def __init__(
        self, scenario: Scenario, worker: bridge_worker.Worker, activations: list[bytes], completions: list[bytes]
    ) -> None:
        self._scenario, self._worker = scenario, worker
        self._activations, self._completions = activations, completions
        self._lang = HistoryLang(scenario.history)
        self._busy = 0

    async def workflows(self) -> None:
        while True:
            try:
                data = bytes(await self._worker._ref.poll_workflow_activation())  # type: ignore[union-attr]
            except bridge_worker.PollShutdownError:
                return
            self._activations.append(data)
            self._busy += 1
            completion = self._completion(WorkflowActivation.FromString(data))
            self._completions.append(completion.SerializeToString(deterministic=True))
            await self._worker.complete_workflow_activation(completion)
            self._busy -= 1

    async def local_activities(self) -> None:
        while True:
            try:
                task = await self._worker.poll_activity_task()
            except bridge_worker.PollShutdownError:
                return
            completion = core.ActivityTaskCompletion(task_token=task.task_token)
            if task.HasField("start"):
                completion.result.completed.result.metadata["encoding"] = b"json/plain"
                completion.result.completed.result.data = b'"local"'
                seen = len(self._activations)
                await self._worker.complete_activity_task(completion)
                await self._resolution_handled(seen)

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
        index = len(self._activations) - 1
        if self._scenario.fail_activation == index:
            failed = WorkflowActivationCompletion(run_id=activation.run_id)
            failed.failed.failure.message = "lang failed"
            return failed
        if any(job.HasField("initialize_workflow") for job in activation.jobs):
            # The run starts over: its commands are issued over.
            self._lang = HistoryLang(self._scenario.history)
        return self._lang.complete(activation)


def _client_config(port: int) -> bridge_client.ClientConfig:
    return bridge_client.ClientConfig(
        target_url=f"http://127.0.0.1:{port}",
        metadata={},
        api_key=None,
        identity="conformance",
        tls_config=None,
        retry_config=None,
        keep_alive_config=None,
        client_name="temporal-python",
        client_version="1.35.0",
        http_connect_proxy_config=None,
        dns_load_balancing_config=None,
        grpc_compression="none",
        payloads_warn_size=0,
        memo_warn_size=0,
    )
