"""Child: raw replay. The completions are stored, so only Core and the bridge are measured.

Usage: python -m bench.raw_replay CORE KIND EVENTS; prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time

from conformance.differential import cores


def main(core: str, kind: str, events: int) -> None:
    """Make the history, learn the completions in one unmeasured replay, measure a second one."""
    cores.use(core)
    from conformance.histories import long

    history = long.KINDS[kind](events)
    print(json.dumps(asyncio.run(_measure(history.serialized(), len(history)))))


async def _measure(history: bytes, events: int) -> dict[str, float]:
    from temporalio.api.history.v1 import History
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation

    from conformance.lang import replay
    from conformance.lang.history_lang import HistoryLang

    lang = HistoryLang(History.FromString(history))
    completions = [
        step.completion
        for step in await replay.replay(
            "bench", history, lambda data, _: lang.complete(WorkflowActivation.FromString(data)).SerializeToString()
        )
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, begun_cpu = time.perf_counter(), time.process_time()
    steps = await replay.replay("bench", history, lambda _, index: completions[index])
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    if len(steps) != len(completions):
        raise RuntimeError(f"the measured replay took {len(steps)} activations, the first one {len(completions)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "events": events,
        "activations": len(steps),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "events_per_second": events / seconds,
        "peak_rss_mb": peak / 1024,
        "rss_before_mb": before / 1024,
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
