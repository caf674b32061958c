"""One worker of the fleet: `python -m conformance.fleet.worker CORE ADDRESS TASK_QUEUE CACHED_RUNS FOLDER`.

It says "ready" once it is made, and keeps its transcript in FOLDER. SIGTERM shuts it down in order; a watcher may kill
it at any time.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

from conformance.differential import cores


async def main(core: str, address: str, task_queue: str, cached_runs: int, folder: Path) -> None:
    """Work until told to stop."""
    from temporalio.client import Client
    from temporalio.worker import UnsandboxedWorkflowRunner, Worker

    from . import transcript, workflow

    transcript.keep(folder, core)
    # The identity shows in histories which Core did a task.
    client = await Client.connect(address, identity=core)
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[workflow.Programmed],
        activities=workflow.ACTIVITIES,
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=cached_runs,
        # What a killed worker leaves on its own queue goes to the others after this.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=1),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with worker:
        print("ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    cores.use(sys.argv[1])
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5])))
