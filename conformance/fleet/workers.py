"""The fleet's worker processes: kept in number, ended at random, each time replaced by one of a random Core."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conformance.differential.cores import environment

_SHUTDOWN_SECONDS = 30
_CACHED_RUNS = (0, 2, 20, 1000)
_PAUSE_SECONDS = (0.5, 3.0)


@dataclass(frozen=True)
class _Worker:
    core: str
    process: asyncio.subprocess.Process


class Fleet:
    """Workers of these Cores on one task queue.

    `ended` counts how they were ended (`killed native`, `shut down corewasm`, ...), `problems` says which did not end
    as they should. `folder` gets what they print (workers.log) and their transcripts.
    """

    def __init__(
        self, address: str, task_queue: str, cores: Sequence[str], source: random.Random, folder: Path
    ) -> None:
        self.ended: Counter[str] = Counter()
        self.problems: list[str] = []
        self._address, self._task_queue, self._cores, self._random = address, task_queue, cores, source
        self._folder, self._log = folder, folder / "workers.log"
        self._workers: list[_Worker] = []
        self._sink: IO[bytes] | None = None

    async def start(self, size: int) -> None:
        """Start so many, the Cores in turn."""
        self._sink = self._log.open("ab")
        for number in range(size):
            self._workers.append(await self._new(self._cores[number % len(self._cores)]))

    async def disturb(self, quiet: asyncio.Event) -> None:
        """End one worker after the other and put another in its place, until it shall be quiet."""
        while not await _set_within(quiet, self._random.uniform(*_PAUSE_SECONDS)):
            place = self._random.randrange(len(self._workers))
            await self._end(self._workers[place], kill=self._random.random() < 0.6)
            self._workers[place] = await self._new(self._random.choice(self._cores))

    async def stop(self) -> None:
        """Shut all of them down."""
        await asyncio.gather(*(self._end(worker, kill=False) for worker in self._workers))
        if self._sink is not None:
            self._sink.close()

    async def _new(self, core: str) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "conformance.fleet.worker"),
            *(core, self._address, self._task_queue, str(self._random.choice(_CACHED_RUNS)), str(self._folder)),
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=self._sink,
        )
        assert process.stdout is not None
        if await process.stdout.readline() != b"ready\n":
            self.problems.append(f"a worker on {core} did not start; see {self._log}")
        return _Worker(core, process)

    async def _end(self, worker: _Worker, *, kill: bool) -> None:
        if worker.process.returncode is not None:
            self.problems.append(f"a worker on {worker.core} ended by itself: status {worker.process.returncode}")
            return
        self.ended[f"{'killed' if kill else 'shut down'} {worker.core}"] += 1
        if kill:
            worker.process.kill()
            await worker.process.wait()
        else:
            await self._shut_down(worker)

    async def _shut_down(self, worker: _Worker) -> None:
        worker.process.terminate()
        try:
            status = await asyncio.wait_for(worker.process.wait(), _SHUTDOWN_SECONDS)
        except asyncio.TimeoutError:
            self.problems.append(f"a worker on {worker.core} was not shut down within {_SHUTDOWN_SECONDS} s")
            worker.process.kill()
            await worker.process.wait()
            return
        # Native may crash while it exits, after all its work.
        if status != 0 and worker.core == "corewasm":
            self.problems.append(f"a worker on {worker.core} exited with status {status}; see {self._log}")


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        return await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        return False
