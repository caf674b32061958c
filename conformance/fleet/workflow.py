"""A workflow that takes the steps of a random program.

It needs nothing beside it: replays import this file alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

# An attempt that dies with its worker comes again after this.
ATTEMPT = timedelta(seconds=5)
AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=20), backoff_coefficient=1.0)


@dataclass
class Program:
    """What a run does: `steps` in order, then it waits for so many signals and updates from outside.

    The rest is what a run that continues as new takes along: its results, and the numbers it has heard of.
    """

    steps: list[dict[str, Any]]
    nudges: int = 0
    touches: int = 0
    log: list[str] = field(default_factory=list)
    nudged: list[int] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)


@activity.defn
async def work(name: str, failures: int, beats: int) -> str:
    """Fails so often, heartbeats so often, then gives back its name."""
    if activity.info().attempt <= failures:
        raise ApplicationError("fails on purpose", category=ApplicationErrorCategory.BENIGN)
    for beat in range(beats):
        activity.heartbeat(beat)
        await asyncio.sleep(0.02)
    return name


@activity.defn
async def endless() -> None:
    """Ends only by cancellation."""
    while True:
        if not activity.info().is_local:
            activity.heartbeat()
        await asyncio.sleep(0.05)


ACTIVITIES: list[Callable[..., Any]] = [work, endless]


@workflow.defn
class Programmed:
    """Takes the steps of its program."""

    def __init__(self) -> None:
        self._nudged: set[int] = set()
        self._touched: set[int] = set()
        self._echoes: set[str] = set()

    @workflow.run
    async def run(self, program: Program) -> list[str]:
        """The steps' results, then the numbers of the signals and updates."""
        self._nudged.update(program.nudged)
        self._touched.update(program.touched)
        log = list(program.log)
        for index, step in enumerate(program.steps):
            if step["kind"] == "again":
                await self._go_on_as_new(program, program.steps[index + 1 :], [*log, "again"])
            log.append(await self._take(step))
        await workflow.wait_condition(lambda: self._heard(program) and workflow.all_handlers_finished())
        return [*log, f"nudged {sorted(self._nudged)}", f"touched {sorted(self._touched)}"]

    @workflow.signal
    def nudge(self, number: int) -> None:
        """One of the signals that the run waits for."""
        self._nudged.add(number)

    @workflow.signal
    def called(self, name: str) -> None:
        """A child calls back."""
        self._echoes.add(name)

    @workflow.update
    async def touch(self, number: int) -> int:
        """One of the updates that the run waits for; with a local activity inside."""
        await workflow.execute_local_activity(work, args=["touch", 0, 0], start_to_close_timeout=ATTEMPT)
        self._touched.add(number)
        return number

    @touch.validator
    def check(self, number: int) -> None:
        """Refuses negative numbers."""
        if number < 0:
            raise ApplicationError("negative", category=ApplicationErrorCategory.BENIGN)

    @workflow.query
    def heard(self) -> int:
        """How many signals and updates have come."""
        return len(self._nudged) + len(self._touched)

    def _heard(self, program: Program) -> bool:
        return len(self._nudged) >= program.nudges and len(self._touched) >= program.touches

    async def _go_on_as_new(self, program: Program, steps: list[dict[str, Any]], log: list[str]) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        heard = (sorted(self._nudged), sorted(self._touched))
        workflow.continue_as_new(Program(steps, program.nudges, program.touches, log, *heard))

    async def _take(self, step: dict[str, Any]) -> str:
        taken: Awaitable[str] = getattr(self, f"_{step['kind']}")(step)
        return await taken

    async def _remote(self, step: dict[str, Any]) -> str:
        arguments = [step["name"], step["failures"], step["beats"]]
        return await workflow.execute_activity(
            work, args=arguments, start_to_close_timeout=ATTEMPT, retry_policy=AT_ONCE
        )

    async def _local(self, step: dict[str, Any]) -> str:
        """With `patient`, a retry waits by a timer of the service: the next attempt may be on another worker."""
        return await workflow.execute_local_activity(
            work,
            args=[step["name"], step["failures"], step["beats"]],
            start_to_close_timeout=ATTEMPT,
            retry_policy=AT_ONCE,
            local_retry_threshold=timedelta(milliseconds=1) if step["patient"] else ATTEMPT,
        )

    async def _timer(self, step: dict[str, Any]) -> str:
        await asyncio.sleep(step["milliseconds"] / 1000)
        return str(step["name"])

    async def _all(self, step: dict[str, Any]) -> str:
        results = await asyncio.gather(*(self._take(each) for each in step["steps"]))
        return f"({' '.join(results)})"

    async def _child(self, step: dict[str, Any]) -> str:
        results = await workflow.execute_child_workflow(
            Programmed.run, Program(step["steps"]), id=f"{workflow.info().workflow_id}.{step['name']}"
        )
        return f"[{' '.join(results)}]"

    async def _cancel(self, step: dict[str, Any]) -> str:
        """Something endless is begun and called off; how that ends is nobody's business."""
        begun = asyncio.ensure_future(self._begin(step))
        await asyncio.sleep(step["milliseconds"] / 1000)
        begun.cancel()
        await asyncio.gather(begun, return_exceptions=True)
        return str(step["name"])

    async def _begin(self, step: dict[str, Any]) -> None:
        if step["what"] == "timer":
            await asyncio.sleep(3600)
        elif step["what"] == "local":
            how = workflow.ActivityCancellationType(step["how"])
            await workflow.execute_local_activity(endless, start_to_close_timeout=ATTEMPT, cancellation_type=how)
        elif step["what"] == "child":
            waiting = Program([], nudges=1)
            await workflow.execute_child_workflow(
                Programmed.run, waiting, id=f"{workflow.info().workflow_id}.{step['name']}"
            )
        else:
            await workflow.execute_activity(
                endless,
                schedule_to_close_timeout=timedelta(seconds=20),
                heartbeat_timeout=timedelta(seconds=2),
                cancellation_type=workflow.ActivityCancellationType(step["how"]),
            )

    async def _patch(self, step: dict[str, Any]) -> str:
        if step["deprecated"]:
            workflow.deprecate_patch(step["name"])
            return str(step["name"])
        return str(step["name"]) if workflow.patched(step["name"]) else "not patched"

    async def _memo(self, step: dict[str, Any]) -> str:
        workflow.upsert_memo({"step": step["name"], "drawn": str(workflow.uuid4())})
        return str(step["name"])

    async def _echo(self, step: dict[str, Any]) -> str:
        """A child calls back."""
        await self._child({"name": step["name"], "steps": [{"kind": "call", "name": step["name"]}]})
        await workflow.wait_condition(lambda: step["name"] in self._echoes)
        return str(step["name"])

    async def _call(self, step: dict[str, Any]) -> str:
        parent = workflow.info().parent
        assert parent is not None
        handle = workflow.get_external_workflow_handle(parent.workflow_id)
        await handle.signal(Programmed.called, step["name"])
        return str(step["name"])
