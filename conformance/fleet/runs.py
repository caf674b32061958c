"""Drives one workflow from outside: signals, updates and queries at random moments, then its result."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import TemporalError

from . import programs
from .workflow import Program, Programmed

Handle = WorkflowHandle[Programmed, list[str]]

# What a killed worker held comes again after this.
_TASK_TIMEOUT = timedelta(seconds=3)
_CALL_TIMEOUT = timedelta(seconds=8)
_SPREAD_SECONDS = 3.0


async def drive(
    client: Client, task_queue: str, workflow_id: str, *, patience_seconds: float, with_query: bool
) -> str | None:
    """What was wrong with the workflow of this id, whose program is that of its id; or None."""
    made = programs.program(workflow_id)
    handle = await client.start_workflow(
        Programmed.run, made, id=workflow_id, task_queue=task_queue, task_timeout=_TASK_TIMEOUT
    )
    try:
        end = _to_the_end(handle, made, random.Random(workflow_id), with_query)
        result = await asyncio.wait_for(end, patience_seconds)
    except asyncio.TimeoutError:
        return f"{workflow_id}: not done after {patience_seconds:g} s"
    except TemporalError as error:
        return f"{workflow_id}: {error}: {error.__cause__}"
    wanted = programs.expected(made)
    return None if result == wanted else f"{workflow_id}: returned {result}, expected {wanted}"


async def _to_the_end(handle: Handle, made: Program, source: random.Random, with_query: bool) -> list[str]:
    calls = [_until_taken(source, partial(_nudge, handle, number)) for number in range(made.nudges)]
    calls += [_until_taken(source, partial(_touch, handle, number)) for number in range(made.touches)]
    calls.append(_refused_update(handle, source))
    if with_query:
        calls.append(_query(handle, made, source))
    # A workflow that fails ends the calls that wait for it.
    result, _ = await asyncio.gather(handle.result(), asyncio.gather(*calls))
    return result


async def _until_taken(source: random.Random, call: Callable[[], Awaitable[None]]) -> None:
    """The call again and again: workers die, and a run that continues as new drops the updates it holds."""
    await asyncio.sleep(source.uniform(0, _SPREAD_SECONDS))
    while True:
        try:
            return await call()
        except TemporalError:
            await asyncio.sleep(0.2)


async def _nudge(handle: Handle, number: int) -> None:
    await handle.signal(Programmed.nudge, number, rpc_timeout=_CALL_TIMEOUT)


async def _touch(handle: Handle, number: int) -> None:
    assert await handle.execute_update(Programmed.touch, number, rpc_timeout=_CALL_TIMEOUT) == number


async def _refused_update(handle: Handle, source: random.Random) -> None:
    """A validator's refusal leaves no trace in history: its workflow task is taken back."""
    await asyncio.sleep(source.uniform(0, _SPREAD_SECONDS))
    try:
        answer: Any = await handle.execute_update(Programmed.touch, -1, rpc_timeout=_CALL_TIMEOUT)
    except TemporalError:
        return
    raise AssertionError(f"a refused update was answered: {answer}")


async def _query(handle: Handle, made: Program, source: random.Random) -> None:
    await asyncio.sleep(source.uniform(0, _SPREAD_SECONDS))
    try:
        heard = await handle.query(Programmed.heard, rpc_timeout=_CALL_TIMEOUT)
    except TemporalError:
        return  # no worker lived long enough
    assert 0 <= heard <= made.nudges + made.touches
