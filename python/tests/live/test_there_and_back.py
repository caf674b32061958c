"""Fleets mix: a run moves between native Core and ours, both ways, at any task."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

from tools.temporal_server import ServerHandle

from .processes import worker_process
from .traveller import Child, Traveller, expected

_CORES = ("native", "corewasm", "native", "corewasm")


async def _nexus_endpoint(client: Client, task_queue: str) -> str:
    endpoint = f"echo-{uuid.uuid4()}"
    worker = EndpointTarget.Worker(namespace=client.namespace, task_queue=task_queue)
    spec = EndpointSpec(name=endpoint, target=EndpointTarget(worker=worker))
    await client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    return endpoint


async def _step(handle: WorkflowHandle[Traveller, list[str]], done: int) -> None:
    await handle.signal(Traveller.advance)
    while await handle.execute_update(Traveller.report) < done:  # noqa: ASYNC110 - the worker is another process
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("cache", ["1000", "0"])
@pytest.mark.parametrize("first", [0, 1])
async def test_a_run_changes_its_core_at_every_step(
    server: ServerHandle, client: Client, name: str, first: int, cache: str
) -> None:
    cores = _CORES[first : first + 3]
    endpoint = await _nexus_endpoint(client, f"{name}-nexus")
    with worker_process("nexus_worker_process", server.address, f"{name}-nexus"):
        handle = await client.start_workflow(
            Traveller.run, args=[len(cores), endpoint], id=name, task_queue=name, task_timeout=timedelta(seconds=3)
        )
        for number, core in enumerate(cores, 1):
            settings = {"COREWASM_LIVE_CORE": core, "COREWASM_LIVE_CACHE": cache}
            with worker_process("worker_process", server.address, name, **settings):
                if number == len(cores):
                    await handle.signal(Traveller.advance)
                    assert await handle.result() == expected(len(cores))
                else:
                    await _step(handle, number)
    await Replayer(workflows=[Traveller, Child]).replay_workflow(await handle.fetch_history())
