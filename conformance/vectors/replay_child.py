"""Child: replays named histories on one Core; writes one JSON line per history.

Usage: python -m conformance.vectors.replay_child CORE IN.jsonl OUT.jsonl
"""

from __future__ import annotations

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
    items = map(json.loads, Path(source).read_text().splitlines())
    cores.write_results(target, ({"name": item["name"], **_replay(item)} for item in items))


def _replay(item: dict[str, Any]) -> dict[str, Any]:
    from temporalio.api.history.v1 import History
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation

    from conformance.differential import replay_histories
    from conformance.lang import history_lang

    lang = history_lang.HistoryLang(History.FromString(base64.b64decode(item["lang_history"])))

    def complete(activation: bytes, index: int) -> bytes:
        parsed = WorkflowActivation.FromString(activation)
        completion = history_lang.failed(parsed) if index in item["lang_fails"] else lang.complete(parsed)
        return completion.SerializeToString(deterministic=True)

    history = base64.b64decode(item["history"])
    return replay_histories.replay_answered(item["workflow_id"], history, complete, _TIMEOUT_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:4])
