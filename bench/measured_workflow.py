"""The workflow whose history `conformance.histories.long.activities` writes."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Measured:
    """Runs `count` activities, one after the other."""

    @workflow.run
    async def run(self, count: int) -> str:
        """Returns once all are done."""
        for _ in range(count):
            await workflow.execute_activity(
                "work", "in", task_queue="replay", start_to_close_timeout=timedelta(seconds=10)
            )
        return "result"
