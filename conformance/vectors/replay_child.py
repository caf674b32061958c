"""Child: replays named histories on one Core; writes one JSON line per history.

Usage: python -m conformance.vectors.replay_child CORE IN.jsonl OUT.jsonl
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from conformance.differential import cores

_TIMEOUT_SECONDS = 8


def main(core: str, source: str, target: str) -> None:
    """Read JSON lines of name, workflow_id, history and lang_history; write steps or an error."""
    cores.use(core)
    partial = Path(f"{target}.partial")
    with partial.open("w") as out:
        for line in Path(source).read_text().splitlines():
            item = json.loads(line)
            out.write(json.dumps({"name": item["name"], **_replay(item)}) + "\n")
            out.flush()
    partial.rename(target)


def _replay(item: dict[str, Any]) -> dict[str, Any]:
    from temporalio.api.history.v1 import History
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation

    from conformance.lang import history_lang, replay

    lang = history_lang.HistoryLang(History.FromString(base64.b64decode(item["lang_history"])))

    def complete(activation: bytes, index: int) -> bytes:
        parsed = WorkflowActivation.FromString(activation)
        completion = history_lang.failed(parsed) if index in item["lang_fails"] else lang.complete(parsed)
        return completion.SerializeToString(deterministic=True)

    async def steps() -> list[replay.Step]:
        history = base64.b64decode(item["history"])
        return await asyncio.wait_for(replay.replay(item["workflow_id"], history, complete), _TIMEOUT_SECONDS)

    try:
        return {"steps": [[_text(step.activation), _text(step.completion)] for step in asyncio.run(steps())]}
    except Exception as error:  # noqa: BLE001 - whatever a Core raises is the result to compare
        return {"error": f"{type(error).__name__}: {error}"}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    main(*sys.argv[1:4])
