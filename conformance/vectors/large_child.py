"""Child: replays large histories on one Core; writes of every activation its jobs, its size and where it stands.

Usage: python -m conformance.vectors.large_child CORE MEGABYTES.json OUT.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from conformance.differential import cores


def main(core: str, source: str, target: str) -> None:
    """Replay one that lang follows and one that it does not."""
    cores.use(core)
    from conformance.histories.bad import large

    megabytes = json.loads(Path(source).read_text())
    outlines = {make.__name__: _outline(make(megabytes)) for make in (large.followed, large.not_followed)}
    Path(target).write_text(json.dumps(outlines))


def _outline(bad: Any) -> list[dict[str, Any]]:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation

    from conformance.lang import history_lang, replay

    lang, outline = history_lang.HistoryLang(bad.lang_history), []

    def complete(activation: bytes, _index: int) -> bytes:
        parsed = WorkflowActivation.FromString(activation)
        outline.append(
            {
                "jobs": [job.WhichOneof("variant") for job in parsed.jobs],
                "history_length": parsed.history_length,
                "is_replaying": parsed.is_replaying,
                "bytes": len(activation),
                "evicted": [str(job.remove_from_cache) for job in parsed.jobs if job.HasField("remove_from_cache")],
            }
        )
        return lang.complete(parsed).SerializeToString(deterministic=True)

    asyncio.run(replay.replay("large", bad.history.SerializeToString(deterministic=True), complete))
    return outline


if __name__ == "__main__":
    main(*sys.argv[1:4])
