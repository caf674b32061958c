"""Child: replays named histories on one Core with the history-derived lang; writes one JSON line per history."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from . import cores


def main(core: str, source: str, target: str) -> None:
    """Read histories (JSON lines: the fields of a NamedHistory) from `source`; write steps or an error to `target`."""
    cores.use(core)
    from . import replay_histories

    def result(item: dict[str, Any]) -> dict[str, Any]:
        steps = replay_histories.replay_item(item["workflow_id"], base64.b64decode(item["history"]), item["lang"])
        return {"name": item["name"], "expected_error": item["expected_error"], **steps}

    cores.write_results(target, map(result, map(json.loads, Path(source).read_text().splitlines())))


if __name__ == "__main__":
    main(*sys.argv[1:4])
