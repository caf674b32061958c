"""The demo's workflow and activity: ordinary code of the official SDK, run in its sandbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow


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
