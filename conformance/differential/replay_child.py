"""Child: replays named histories on one Core with the history-derived lang; writes one JSON line per history."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from . import cores


def main(core: str, source: str, target: str) -> None:
    """Read histories (JSON lines: the fields of a NamedHistory) from `source`; write steps or an error to `target`."""
    cores.use(core)
    from . import replay_histories

    partial = Path(f"{target}.partial")
    with partial.open("w") as out:
        for line in Path(source).read_text().splitlines():
            item = json.loads(line)
            result = replay_histories.replay_item(item["workflow_id"], base64.b64decode(item["history"]), item["lang"])
            out.write(json.dumps({"name": item["name"], "expected_error": item["expected_error"], **result}) + "\n")
            out.flush()
    partial.rename(target)


if __name__ == "__main__":
    main(*sys.argv[1:4])
