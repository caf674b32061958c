"""Workers through the bridge: how polls end, another client, and finalizing too early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Worker

from corewasm import bridge
from rpc_server import RpcServer, forever, rpc_server


@activity.defn
async def nothing() -> None:
    """Is never called."""


async def answer(method: str, body: bytes, context: Any) -> bytes:
    return await forever(method, body, context) if "Poll" in method else b""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[RpcServer]:
    async with rpc_server(answer) as running:
        yield running


async def client_of(server: RpcServer, runtime: Runtime | None = None) -> Client:
    runtime = runtime or Runtime(telemetry=TelemetryConfig())
    return await Client.connect(f"127.0.0.1:{server.port}", runtime=runtime)


def bridge_worker(client: Client) -> bridge.WorkerRef:
    worker = Worker(client, task_queue="q", activities=[nothing])._bridge_worker
    assert worker is not None
    assert isinstance(worker._ref, bridge.WorkerRef)
    return worker._ref


async def test_polls_end_with_an_error_without_arguments(server: RpcServer) -> None:
    worker = bridge_worker(await client_of(server))
    await worker.validate()
    polls = [worker.poll_activity_task(), worker.poll_workflow_activation(), worker.poll_nexus_task()]
    worker.initiate_shutdown()
    for poll in polls:
        with pytest.raises(bridge.PollShutdownError) as caught:
            await asyncio.wait_for(poll, 20)
        assert caught.value.args == ()
    await worker.finalize_shutdown()


async def test_finalizing_while_a_poll_is_outstanding(server: RpcServer) -> None:
    worker = bridge_worker(await client_of(server))
    await worker.validate()
    poll = worker.poll_activity_task()
    with pytest.raises(ValueError, match="Cannot finalize, expected 1 reference, got 2"):
        await worker.finalize_shutdown()
    poll.cancel()


async def test_another_client_of_the_same_runtime_takes_over(server: RpcServer) -> None:
    runtime = Runtime(telemetry=TelemetryConfig())
    worker = bridge_worker(await client_of(server, runtime))
    await worker.validate()
    polled = asyncio.Event()

    async def tell(method: str, body: bytes, context: Any) -> bytes:
        if "Poll" in method:
            polled.set()
        return await answer(method, body, context)

    async with rpc_server(tell) as second:
        replacement = await client_of(second, runtime)
        bridge_client = replacement.service_client.worker_service_client
        worker.replace_client(bridge_client._bridge_client._ref)
        poll = worker.poll_activity_task()
        await asyncio.wait_for(polled.wait(), 20)
        worker.initiate_shutdown()
        with pytest.raises(bridge.PollShutdownError):
            await asyncio.wait_for(poll, 20)
        await worker.finalize_shutdown()


async def test_a_client_of_another_runtime_is_refused(server: RpcServer) -> None:
    worker = bridge_worker(await client_of(server))
    other = await client_of(server)
    with pytest.raises(ValueError, match="Failed replacing client: "):
        worker.replace_client(other.service_client.worker_service_client._bridge_client._ref)
    worker.initiate_shutdown()
    with pytest.raises(bridge.PollShutdownError):
        await asyncio.wait_for(worker.poll_activity_task(), 20)
    await worker.finalize_shutdown()
