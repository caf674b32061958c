"""A workflow that uses everything at each of its steps, so that it can change its Core between any two of its tasks.

It needs nothing beside it: replays import this file alone.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import nexusrpc
import nexusrpc.handler
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

# Long enough for a machine with other work; nothing waits for it.
MINUTE = timedelta(minutes=1)


@nexusrpc.service
class Echo:
    """A service elsewhere."""

    say: nexusrpc.Operation[str, str]


@nexusrpc.handler.service_handler(service=Echo)
class EchoHandler:
    """Runs on a native worker."""

    @nexusrpc.handler.sync_operation
    async def say(self, _: nexusrpc.handler.StartOperationContext, text: str) -> str:
        """The same text."""
        return f"echo {text}"


@activity.defn
async def tell(name: str) -> str:
    """Says where it is."""
    return f"told {name}"


@activity.defn
async def stumble(name: str) -> str:
    """Fails on its first attempt."""
    if activity.info().attempt < 2:
        raise ApplicationError("stumbles on purpose", category=ApplicationErrorCategory.BENIGN)
    return f"went on at {name}"


@workflow.defn
class Child:
    """A child that tells its name."""

    @workflow.run
    async def run(self, name: str) -> str:
        """By an activity. A local one would be cut off in a worker without cache: its task is lost until it times out
        when the parent's next task needs the only place, on both Cores."""
        return await workflow.execute_activity(tell, name, start_to_close_timeout=MINUTE)


@workflow.defn
class Traveller:
    """Takes a step for each signal."""

    def __init__(self) -> None:
        self._wanted = 0
        self._reported = 0
        self._log: list[str] = []

    @workflow.run
    async def run(self, steps: int, endpoint: str) -> list[str]:
        """What happened at each step."""
        for step in range(steps):
            await workflow.wait_condition(lambda step=step: self._wanted > step)
            self._log.append(await self._step(step, endpoint))
        await workflow.wait_condition(lambda: self._reported >= steps)
        return self._log

    async def _step(self, step: int, endpoint: str) -> str:
        never = asyncio.create_task(asyncio.sleep(3600))
        local = await workflow.execute_local_activity(tell, f"local {step}", start_to_close_timeout=MINUTE)
        never.cancel()
        patched = workflow.patched(f"change-{step}")
        workflow.upsert_memo({"step": step})
        remote = await workflow.execute_activity(tell, f"remote {step}", start_to_close_timeout=MINUTE)
        child = await workflow.execute_child_workflow(Child.run, f"child {step}")
        echo = workflow.create_nexus_client(service=Echo, endpoint=endpoint)
        nexus = await echo.execute_operation(Echo.say, str(step), schedule_to_close_timeout=MINUTE)
        again = await _stumbling(step)
        return f"{local}, {remote}, {child}, {nexus}, {again}, {patched}"

    @workflow.signal
    def advance(self) -> None:
        """Take one more step."""
        self._wanted += 1

    @workflow.update
    async def report(self, step: int) -> int:
        """Wait for the step to be done; a local activity inside the handler."""
        await workflow.wait_condition(lambda: len(self._log) >= step)
        await workflow.execute_local_activity(tell, "update", start_to_close_timeout=MINUTE)
        self._reported = step
        return len(self._log)


async def _stumbling(step: int) -> str:
    """A local activity whose second attempt comes by a timer, in another task and maybe on another Core."""
    return await workflow.execute_local_activity(
        stumble,
        f"step {step}",
        start_to_close_timeout=MINUTE,
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=20)),
        local_retry_threshold=timedelta(milliseconds=1),
    )


ACTIVITIES = [tell, stumble]


def expected(steps: int) -> list[str]:
    """What `Traveller.run` returns."""
    return [
        f"told local {step}, told remote {step}, told child {step}, echo {step}, went on at step {step}, True"
        for step in range(steps)
    ]
