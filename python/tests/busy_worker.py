"""A program that ends while its worker is busy, in the way that its argument names. See test_exit.py."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from corewasm.transport import use_transport
from small_service import SmallService

ROUNDS = 5
busy = threading.Event()
rounds = 0


@activity.defn(name="activity")
def step() -> None:
    """Says after a few rounds that the worker is busy."""
    global rounds
    rounds += 1
    if rounds == ROUNDS:
        busy.set()


@workflow.defn(name="small")
class Endless:
    """Never waits for more than an activity."""

    @workflow.run
    async def run(self) -> None:
        """Goes on and on."""
        while True:
            await workflow.execute_activity("activity", start_to_close_timeout=timedelta(seconds=60))


def service(_options: Any) -> SmallService:
    """A service with runs to work on. Made on the thread of its only user."""
    made = SmallService()
    for number in range(3):
        made.start_run(f"run-{number}", "busy")
    return made


async def work(runtime: Runtime) -> None:
    """Works for ever."""
    client = await Client.connect("nowhere:1", runtime=runtime)
    worker = Worker(
        client,
        task_queue="busy",
        workflows=[Endless],
        activities=[step],
        activity_executor=ThreadPoolExecutor(4),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await worker.run()


async def until_busy(runtime: Runtime, *, shut_down: bool) -> None:
    """Leaves a running worker behind, or ends it as the SDK wants it."""
    working = asyncio.ensure_future(work(runtime))
    await asyncio.to_thread(busy.wait)
    assert not working.done()
    if shut_down:
        working.cancel()
        await asyncio.wait([working])


def main(how: str) -> None:
    """Ends beside a thread with a worker, below a loop with one, or after one."""
    use_transport(service)
    runtime = Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address="127.0.0.1:0")))
    if how == "beside-its-thread":
        threading.Thread(target=asyncio.run, args=(work(runtime),), daemon=True).start()
        busy.wait()
    else:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(until_busy(runtime, shut_down=how == "after-shutdown"))
    print("ends")


if __name__ == "__main__":
    main(sys.argv[1])
