"""Child: runs live scenarios on one Core; writes one JSON line per scenario.

Usage: python -m conformance.live.child CORE NAMES.json OUT.jsonl
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from conformance.differential import cores


def main(core: str, source: str, target: str) -> None:
    """Run the scenarios named in `source` (all if empty)."""
    cores.use(core)
    from . import scenario

    wanted = set(json.loads(Path(source).read_text()))
    chosen = (each for each in scenario.scenarios() if not wanted or each.name in wanted)
    cores.write_results(target, ({"name": each.name, **_run(each)} for each in chosen))


def _run(each: Any) -> dict[str, Any]:
    from . import run

    try:
        result = asyncio.run(run.run(each))
    except Exception as error:  # noqa: BLE001 - whatever a Core raises is the result to compare
        result = {"error": f"{type(error).__name__}: {error}"}
    if "error" in result:
        return {**result, "expected_error": each.expected_error}
    return {
        "expected_error": each.expected_error,
        "requests": [[rpc, base64.b64encode(body).decode()] for rpc, body in result["requests"]],
        "background": [[rpc, base64.b64encode(body).decode()] for rpc, body in result["background"]],
        "activations": [base64.b64encode(body).decode() for body in result["activations"]],
        "completions": [base64.b64encode(body).decode() for body in result["completions"]],
        "times_vary": each.times_vary,
    }


if __name__ == "__main__":
    main(*sys.argv[1:4])
