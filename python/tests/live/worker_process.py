"""A worker in a process of its own, so that a test can kill it: `python -m ... ADDRESS TASK_QUEUE`."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

if os.environ.get("COREWASM_LIVE_CORE", "corewasm") == "corewasm":
    import corewasm

    corewasm.install()

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from . import traveller, workflows


async def main(address: str, task_queue: str) -> None:
    """Work until killed."""
    # The identity shows in histories which Core did a task.
    client = await Client.connect(address, identity=os.environ.get("COREWASM_LIVE_CORE"))
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[*workflows.WORKFLOWS, traveller.Traveller, traveller.Child],
        max_cached_workflows=int(os.environ.get("COREWASM_LIVE_CACHE", "1000")),
        activities=[*workflows.ACTIVITIES, *traveller.ACTIVITIES],
        workflow_runner=UnsandboxedWorkflowRunner(),
        # What a killed worker leaves on its own queue goes to the next one after this.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )
    print("ready", flush=True)
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
