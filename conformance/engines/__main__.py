"""`python -m conformance.engines [NAME...]`: plays the turn kit on every engine that this machine can run.

Exit status 1 if a response differs from the kit's, or an engine that should run does not. `--write` keeps the table in
results.md and the figures in results.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conformance.engines.engines import ENGINES, Engine, PlayerNotBuilt
from conformance.engines.table import table
from conformance.turns.session import FOLDER
from corewasm.vm import module_path

_RESULTS = Path(__file__).parent
_LONGEST_S = 600


def main() -> int:
    """Play on all engines and print the table."""
    parser = argparse.ArgumentParser(prog="python -m conformance.engines", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of engines' names; default: all")
    parser.add_argument("--write", action="store_true", help="keep table and figures")
    options = parser.parse_args()
    chosen = [each for each in ENGINES if not options.names or any(name in each.name for name in options.names)]
    results, failed = {}, []
    for engine in chosen:
        if missing := engine.missing():
            print(f"{engine.name}: left out, this machine has no {missing}", flush=True)
            continue
        result = _played(engine)
        if isinstance(result, str):
            failed.append(f"{engine.name}: {result}")
            continue
        print(f"{engine.name}: {result['turns']} turns of {result['sessions']} sessions", flush=True)
        failed += [f"{engine.name}: {each}: another response" for each in result["differences"]]
        results[engine.name] = result
    print("\n" + table(results))
    if options.write:
        (_RESULTS / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (_RESULTS / "results.md").write_text(_page(results))
    print("\n".join(failed) or f"{len(results)} engines: every response is the same to the byte")
    return 1 if failed or not results else 0


def _played(engine: Engine) -> dict[str, Any] | str:
    """The player's figures, or why there are none."""
    try:
        command = [*engine.player(), str(module_path().resolve()), str(FOLDER)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S)
    except (PlayerNotBuilt, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode:
        return f"its player ended with status {done.returncode}:\n{done.stderr[-2000:]}"
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _page(results: dict[str, Any]) -> str:
    return (
        "# Engines\n\nWritten by `make engines ARGS=--write`: what core.wasm costs on each engine, on a machine of two "
        "cores.\n[README.md](README.md) says what is measured.\n\n" + table(results)
    )


if __name__ == "__main__":
    sys.exit(main())
