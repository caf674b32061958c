"""A workflow that uses everything at each of its steps, so that it can change its Core between any two of them."""

from __future__ import annotations

from datetime import timedelta

import nexusrpc
import nexusrpc.handler
from temporalio import workflow

from .workflows import greet

SECONDS_10 = timedelta(seconds=10)


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


@workflow.defn
class Child:
    """A child that greets."""

    @workflow.run
    async def run(self, name: str) -> str:
        """By a local activity."""
        return await workflow.execute_local_activity(greet, name, start_to_close_timeout=SECONDS_10)


@workflow.defn
class Traveller:
    """Takes a step for each signal."""

    def __init__(self) -> None:
        self._wanted = 0
        self._log: list[str] = []

    @workflow.run
    async def run(self, steps: int, endpoint: str) -> list[str]:
        """What happened at each step."""
        for step in range(steps):
            await workflow.wait_condition(lambda step=step: self._wanted > step)
            self._log.append(await self._step(step, endpoint))
        return self._log

    async def _step(self, step: int, endpoint: str) -> str:
        local = await workflow.execute_local_activity(greet, f"local {step}", start_to_close_timeout=SECONDS_10)
        patched = workflow.patched(f"change-{step}")
        remote = await workflow.execute_activity(greet, f"remote {step}", start_to_close_timeout=SECONDS_10)
        child = await workflow.execute_child_workflow(Child.run, f"child {step}")
        echo = workflow.create_nexus_client(service=Echo, endpoint=endpoint)
        nexus = await echo.execute_operation(Echo.say, str(step), schedule_to_close_timeout=SECONDS_10)
        return f"{local}, {remote}, {child}, {nexus}, {patched}"

    @workflow.signal
    def advance(self) -> None:
        """Take one more step."""
        self._wanted += 1

    @workflow.update
    async def report(self) -> int:
        """How many steps are done; a local activity inside the handler."""
        await workflow.execute_local_activity(greet, "update", start_to_close_timeout=SECONDS_10)
        return len(self._log)


def expected(steps: int) -> list[str]:
    """What `Traveller.run` returns."""
    return [f"hello local {step}, hello remote {step}, hello child {step}, echo {step}, True" for step in range(steps)]
