"""Forks: a new runtime works in the child, whatever its parent has open; the parent's own objects are refused there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from rpc_server import rpc_server

SRC = str(Path(__file__).resolve().parents[1] / "src")

# What the programs below share. `in_child` forks, and tells in the parent what the child's function came to.
PRELUDE = """
import asyncio, gc, os, sys, traceback
import corewasm
corewasm.install()
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.bridge import temporal_sdk_bridge as bridge
from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

async def connected(runtime):
    return await Client.connect(sys.argv[1], runtime=runtime)

async def asked(client):
    await client.workflow_service.get_system_info(GetSystemInfoRequest())

async def connects_and_asks():
    await asked(await connected(Runtime(telemetry=TelemetryConfig())))

def in_child(function, *, clean_exit=False):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            outcome = function() or "works"
        except BaseException as error:
            outcome = f"{type(error).__name__}: {error}" if clean_exit else traceback.format_exc()
        os.write(writer, outcome.encode())
        sys.exit(0) if clean_exit else os._exit(0)
    os.close(writer)
    outcome = open(reader).read()
    _, status = os.waitpid(child, 0)
    return outcome if status == 0 else f"{outcome}, status {status}"
"""


exported: list[str] = []


async def answer(method: str, body: bytes, _context: Any) -> bytes:
    if method.endswith("MetricsService/Export"):
        exported.extend(
            metric.name
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        )
    return b""


async def outputs(program: str) -> list[str]:
    """What the program prints, with a server of this process to talk to."""
    async with rpc_server(answer) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PRELUDE + program,
            f"127.0.0.1:{server.port}",
            env={**os.environ, "PYTHONPATH": SRC},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, error.decode()
    return out.decode().splitlines()


async def test_a_new_runtime_works_in_the_child_of_a_busy_parent() -> None:
    program = """
client = asyncio.run(connected(Runtime(telemetry=TelemetryConfig())))
print(in_child(lambda: asyncio.run(connects_and_asks())))
asyncio.run(asked(client))
print("parent goes on")
"""
    assert await outputs(program) == ["works", "parent goes on"]


async def test_a_grandchild_works_too() -> None:
    program = """
def child():
    asyncio.run(connects_and_asks())
    return in_child(lambda: asyncio.run(connects_and_asks()))

asyncio.run(connects_and_asks())
print(in_child(child))
"""
    assert await outputs(program) == ["works"]


async def test_children_of_a_process_pool_work() -> None:
    program = """
import concurrent.futures, multiprocessing

def work(_):
    asyncio.run(connects_and_asks())
    return os.getpid()

client = asyncio.run(connected(Runtime(telemetry=TelemetryConfig())))
context = multiprocessing.get_context("fork")
with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
    pids = set(pool.map(work, range(4)))
print(os.getpid() in pids)
"""
    assert await outputs(program) == ["False"]


async def test_what_the_child_inherited_may_be_collected_and_the_child_may_exit() -> None:
    program = """
client = asyncio.run(connected(Runtime(telemetry=TelemetryConfig())))

def child():
    global client
    del client
    gc.collect()
    asyncio.run(connects_and_asks())

print(in_child(child, clean_exit=True))
asyncio.run(asked(client))
print("parent goes on")
"""
    assert await outputs(program) == ["works", "parent goes on"]


WORKER = """
from temporalio import activity, workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

@activity.defn
async def nothing() -> None:
    pass

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
runtime = Runtime(telemetry=TelemetryConfig())
client = loop.run_until_complete(connected(runtime))

async def worker():
    return Worker(client, task_queue="q", activities=[nothing])

@workflow.defn
class Empty:
    @workflow.run
    async def run(self) -> None:
        pass

async def replayer():
    runner = UnsandboxedWorkflowRunner()
    await Replayer(workflows=[Empty], workflow_runner=runner, runtime=runtime).replay_workflow(WorkflowHistory("w", []))

made = loop.run_until_complete(worker())._bridge_worker

def refused(action):
    def child():
        asyncio.new_event_loop().run_until_complete(action())
    return in_child(child, clean_exit=True).split(" (")[0]
"""

REFUSALS = {
    "create client": ["lambda: connected(runtime)"],
    "use client": ["lambda: asked(client)"],
    "create worker": ["worker"],
    "create replay worker": ["replayer"],
    "use worker": [
        "made.validate",
        "made.poll_workflow_activation",
        "made.poll_activity_task",
        "made.poll_nexus_task",
    ],
}


async def test_the_parents_objects_are_refused_by_name() -> None:
    actions = [(action, each) for action, program in REFUSALS.items() for each in program]
    program = WORKER + "".join(f"print(refused({each}))\n" for _, each in actions)
    assert await outputs(program) == [f"AssertionError: Cannot {action} across forks" for action, _ in actions]


async def test_where_the_library_cannot_be_copied_the_child_says_what_to_do() -> None:
    program = """
from corewasm.transport import fresh_grpc
asyncio.run(connects_and_asks())
fresh_grpc._original = "/nowhere/cygrpc.so"
print(in_child(lambda: asyncio.run(connects_and_asks()), clean_exit=True))
"""
    (text,) = await outputs(program)
    assert text.startswith("ForkedAfterUse: a process forked from one with a Temporal runtime needs its own copy")
    assert "/nowhere/cygrpc.so" in text
    assert "spawn or forkserver" in text


async def test_opentelemetry_exports_in_the_child_what_the_child_measured() -> None:
    program = """
import threading
from datetime import timedelta
from temporalio.runtime import OpenTelemetryConfig

def measuring(name):
    metrics = OpenTelemetryConfig(url="http://" + sys.argv[1], metric_periodicity=timedelta(milliseconds=20))
    runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics))
    runtime.metric_meter.create_counter(name).add(1)
    del runtime  # what is left is exported at the end
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "corewasm-opentelemetry":
            thread.join(20)

measuring("of-the-parent")
print(in_child(lambda: measuring("of-the-child")))
"""
    exported.clear()
    assert await outputs(program) == ["works"]
    assert set(exported) == {"of-the-parent", "of-the-child"}
