"""`make demo`: the official SDK runs a workflow on our Core, against a real server, without any native Core."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import re
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import corewasm

corewasm.install()

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from corewasm.vm import module_path, read_module
from tools.temporal_server import ServerUnavailable, running_server


@activity.defn
async def greet(name: str) -> str:
    """Says hello."""
    return f"Hello, {name}!"


@workflow.defn
class Greeting:
    """Sleeps a little, then greets: a timer and an activity."""

    @workflow.run
    async def run(self, name: str) -> str:
        """The greeting."""
        await asyncio.sleep(0.1)
        return await workflow.execute_activity(greet, name, start_to_close_timeout=timedelta(seconds=10))


async def run_workflow(address: str) -> str:
    """Run client and worker in this process, both as a user of the SDK writes them."""
    client = await Client.connect(address)
    task_queue = f"demo-{uuid.uuid4()}"
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[Greeting],
        activities=[greet],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        return await client.execute_workflow(Greeting.run, "wasm", id=task_queue, task_queue=task_queue)


def native_libraries() -> list[str]:
    """Native Cores mapped into this process; none is what the demo proves. Read from /proc, so Linux only."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    return sorted(set(re.findall(r"\S*temporal_sdk_bridge\S*\.(?:so|dylib|pyd)\S*", maps.read_text())))


def main() -> int:
    """Run it and say what ran. Exit status 1 without a server, or if a native Core is mapped."""
    try:
        with running_server() as server:
            print(f"server    {server.address}")
            print(f"result    {asyncio.run(run_workflow(server.address))}")
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    module = read_module(module_path())
    print(f"core      corewasm {corewasm.__version__}, {len(module.wasm):,} bytes, sha256 {module.sha256}")
    print(f"runtime   wasmtime {importlib.metadata.version('wasmtime')}, Python {platform.python_version()}")
    mapped = native_libraries()
    print(f"native    {', '.join(mapped) or 'no native Core is mapped into this process (/proc/self/maps)'}")
    return 1 if mapped else 0


if __name__ == "__main__":
    sys.exit(main())
