"""A native worker with the Nexus handlers: `python -m ... ADDRESS TASK_QUEUE`."""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from .traveller import EchoHandler


async def main(address: str, task_queue: str) -> None:
    """Work until killed."""
    client = await Client.connect(address)
    worker = Worker(client, task_queue=task_queue, nexus_service_handlers=[EchoHandler()])
    print("ready", flush=True)
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
