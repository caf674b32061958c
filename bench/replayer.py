"""Child: the SDK's Replayer over a workflow of activities, on one Core.

Usage: python -m bench.replayer CORE EVENTS; prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from conformance.differential import cores


def main(core: str, events: int) -> None:
    """Replay once to warm up, then measure."""
    cores.use(core)
    from bench import measured_workflow

    print(json.dumps(asyncio.run(_measure(measured_workflow, events))))


async def _measure(workflows: object, events: int) -> dict[str, float]:
    from temporalio.client import WorkflowHistory
    from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

    from conformance.histories import long

    history = WorkflowHistory("bench", list(long.activities(events).history.events))
    measured = workflows.Measured  # type: ignore[attr-defined]
    replayer = Replayer(workflows=[measured], workflow_runner=UnsandboxedWorkflowRunner())
    await replayer.replay_workflow(history)
    begun = time.perf_counter()
    await replayer.replay_workflow(history)
    seconds = time.perf_counter() - begun
    return {"events": events, "seconds": seconds, "events_per_second": events / seconds}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
