"""Traps of the module in the middle of real work: every workflow ends right, and none waits for a time-out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

import pytest
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Worker

from corewasm.host.driver import Driver
from corewasm.vm import CoreTrap, Instance
from tools.temporal_server import ServerHandle

from . import workflows

# The time-out of a workflow task is 10 s, and so is that of a sticky one.
PATIENCE_SECONDS = 8
WORKFLOWS, STEPS = 4, 3
AT_ONCE = 6


class Trapping:
    """An instance of which every turn counts for its runtime; those in `traps` die."""

    def __init__(self, turns: list[int], traps: Collection[int]) -> None:
        self._turns, self._traps = turns, traps
        self._inner = Instance()

    def turn(self, request: bytes) -> bytes:
        self._turns[0] += 1
        if self._turns[0] in self._traps:
            raise CoreTrap("trapped", "a test wants it")
        return self._inner.turn(request)

    def answer_to(self, request: bytes) -> bytes | None:
        return self._inner.answer_to(request)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture
def next_traps(monkeypatch: pytest.MonkeyPatch) -> list[Collection[int]]:
    """The turns at which instances of the runtimes made from now on die, a collection for each runtime."""
    queue: list[Collection[int]] = []
    original = Driver.__init__

    def begin(self: Driver, *arguments: object) -> None:
        turns, traps = [0], queue.pop(0)
        original(self, *arguments[:4], new_instance=lambda: Trapping(turns, traps))  # type: ignore[arg-type]

    monkeypatch.setattr(Driver, "__init__", begin)
    return queue


async def _lost(server: ServerHandle, runtime: Runtime, name: str) -> list[str]:
    """What did not end in time, of a few workflows on a worker of this runtime."""
    client = await Client.connect(server.address, runtime=runtime)
    worker = Worker(client, task_queue=name, workflows=workflows.WORKFLOWS, activities=workflows.ACTIVITIES)
    async with worker:
        handles = [
            await client.start_workflow(workflows.Stepping.run, STEPS, id=f"{name}-{index}", task_queue=name)
            for index in range(WORKFLOWS)
        ]
        deadline = time.monotonic() + PATIENCE_SECONDS
        lost = []
        for handle in handles:
            try:
                assert await asyncio.wait_for(handle.result(), deadline - time.monotonic()) == STEPS
            except asyncio.TimeoutError:
                lost.append(handle.id)
                await handle.terminate()
        return lost


@pytest.mark.parametrize("then", [(), (40,)], ids=["once", "twice"])
async def test_all_workflows_end_wherever_the_traps_are(
    server: ServerHandle, name: str, next_traps: list[Collection[int]], then: tuple[int, ...]
) -> None:
    lost: list[str] = []
    for begin in range(5, 152, 7 * AT_ONCE):
        turns = range(begin, min(begin + 7 * AT_ONCE, 152), 7)
        next_traps.extend({turn, *(turn + after for after in then)} for turn in turns)
        runtimes = [Runtime(telemetry=TelemetryConfig(metrics=None)) for _ in turns]
        outcomes = [_lost(server, runtime, f"{name}-{turn}") for turn, runtime in zip(turns, runtimes, strict=True)]
        lost += [each for outcome in await asyncio.gather(*outcomes) for each in outcome]
    assert lost == []
