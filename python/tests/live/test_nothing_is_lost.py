"""Workers and servers die in the middle of a workflow; the workflow ends right all the same."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

from tools.temporal_server import ServerHandle, running_server

from . import workflows
from .processes import worker_process


async def _until_done(handle: WorkflowHandle[workflows.Stepping, int], steps: int) -> None:
    while True:
        with contextlib.suppress(RPCError):
            if await handle.query(workflows.Stepping.done) >= steps:
                return
        await asyncio.sleep(0.02)


async def test_a_killed_worker_is_replaced_by_another(server: ServerHandle, client: Client, name: str) -> None:
    with worker_process("worker_process", server.address, name) as first:
        # A task that dies with its worker comes again after this time-out.
        handle = await client.start_workflow(
            workflows.Stepping.run, 12, id=name, task_queue=name, task_timeout=timedelta(seconds=2)
        )
        await _until_done(handle, 5)
        first.kill()
    with worker_process("worker_process", server.address, name):
        assert await handle.result() == 12


async def test_a_killed_server_finds_its_workers_again(tmp_path: Path, name: str) -> None:
    with running_server(db=tmp_path / "temporal.db") as server:
        client = await Client.connect(server.address)
        worker = Worker(client, task_queue=name, workflows=workflows.WORKFLOWS, activities=workflows.ACTIVITIES)
        async with worker:
            handle = await client.start_workflow(workflows.Stepping.run, 12, id=name, task_queue=name)
            await _until_done(handle, 5)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            assert await _result_after_restart(handle) == 12


async def _result_after_restart(handle: WorkflowHandle[workflows.Stepping, int]) -> int:
    # The SDK gives up a waiting call when the connection breaks; a user would ask again.
    while True:
        try:
            return await handle.result()
        except RPCError:
            await asyncio.sleep(0.1)
