"""`make demo`: the official SDK runs a workflow on our Core, against a real server, without any native Core."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import re
import sys
import uuid
from pathlib import Path

import corewasm

corewasm.install()

from temporalio.client import Client
from temporalio.worker import Worker

from corewasm.vm import module_path, read_module
from tools.demo_workflow import Greeting, greet
from tools.temporal_server import ServerUnavailable, running_server


async def run_workflow(address: str) -> str:
    """Run client and worker in this process, both as a user of the SDK writes them."""
    client = await Client.connect(address)
    task_queue = f"demo-{uuid.uuid4()}"
    async with Worker(client, task_queue=task_queue, workflows=[Greeting], activities=[greet]):
        return await client.execute_workflow(Greeting.run, "wasm", id=task_queue, task_queue=task_queue)


def native_libraries(maps: Path = Path("/proc/self/maps")) -> list[str] | None:
    """Native Cores mapped into this process; none is what the demo proves. None: this system does not tell."""
    if not maps.exists():
        return None
    return sorted(set(re.findall(r"\S*temporal_sdk_bridge\S*\.(?:so|dylib|pyd)\S*", maps.read_text())))


def native_line(mapped: list[str] | None) -> str:
    """What can be said of native Cores in this process."""
    if mapped:
        return ", ".join(mapped)
    if mapped is None:
        bridge = sys.modules["temporalio.bridge.temporal_sdk_bridge"].__file__
        return f"the SDK's native module is replaced by {bridge}; what is mapped cannot be seen here (no /proc)"
    return "no native Core is mapped into this process (/proc/self/maps)"


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
    print(f"native    {native_line(mapped)}")
    return 1 if mapped else 0


if __name__ == "__main__":
    sys.exit(main())
