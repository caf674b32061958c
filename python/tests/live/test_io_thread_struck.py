"""The I/O thread is struck and its loop broken again and again while a worker works: every workflow ends right.

COREWASM_SOAK_SECONDS makes a soak of it.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from corewasm.bridge.runtime import raise_in_thread
from corewasm.host.io_thread import IoThread
from tools.temporal_server import ServerHandle

from . import workflows

SECONDS = float(os.environ.get("COREWASM_SOAK_SECONDS", "3"))
STEPS, AT_ONCE, PATIENCE_SECONDS = 3, 5, 60
REST_SECONDS = {"strike": 0.05, "stop": 0.05, "break": 1.5}
# With a loop all calls under way are lost. Core tries them again for ten seconds, so not too often.
MOST = {"break": 1 + int(SECONDS / 20)}


def harm(io: IoThread, how: str) -> None:
    """Once."""
    loop: Any = io.loop
    if how == "strike":
        raise_in_thread(io._ident, SystemExit)
    elif how == "stop":
        io.post(loop.stop)
    else:
        io.post(lambda: loop._selector.close())


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", REST_SECONDS)
async def test_every_workflow_ends(how: str, server: ServerHandle, name: str) -> None:
    runtime = Runtime(telemetry=TelemetryConfig())
    bridge: Any = runtime._core_runtime._ref
    client = await Client.connect(server.address, runtime=runtime)
    ended = 0

    async def start_and_wait(lane: int) -> None:
        nonlocal ended
        until = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < until:
            number += 1
            handle = await client.start_workflow(
                workflows.Stepping.run, STEPS, id=f"{name}-{lane}-{number}", task_queue=name
            )
            assert await asyncio.wait_for(handle.result(), PATIENCE_SECONDS) == STEPS
            ended += 1

    async with Worker(
        client,
        task_queue=name,
        workflows=workflows.WORKFLOWS,
        activities=workflows.ACTIVITIES,
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        lanes = [asyncio.ensure_future(start_and_wait(lane)) for lane in range(AT_ONCE)]
        harmed = 0
        while not all(lane.done() for lane in lanes):
            if harmed < MOST.get(how, 1_000_000):
                harm(bridge.driver.io, how)
                harmed += 1
            await asyncio.wait(lanes, timeout=REST_SECONDS[how])
        await asyncio.gather(*lanes)
    driver = bridge.driver
    assert ended >= AT_ONCE
    assert harmed
    assert not driver._turn_claim
    print(f"{how}: {ended} workflows ended, {harmed} harms")
