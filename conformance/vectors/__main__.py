"""`python -m conformance.vectors [--check]`: makes the vectors from native Core, or only says which would differ."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.differential import live, replays

from . import make


def main() -> int:
    """Write, or check. Exit status 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m conformance.vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a vector would change")
    check = parser.parse_args().check
    made = list(make.make())
    if check:
        changed = [text for path, vector in made for text in _changes(path, vector)]
        print("\n".join(changed) or f"{len(made)} vectors are as native Core makes them")
        return 1 if changed else 0
    for path, vector in made:
        path.parent.mkdir(exist_ok=True)
        path.write_text(make.text(vector))
    print(f"wrote {len(made)} vectors")
    return 0


def _changes(path: Path, vector: dict[str, Any]) -> Iterator[str]:
    if not path.exists():
        yield f"{path.name}: new"
        return
    stored = json.loads(path.read_text())
    compare = replays.compare_results if vector["kind"] == "replay" else live.compare_transcripts
    for text in compare(stored, vector):
        yield f"{path.name}: {text}"


if __name__ == "__main__":
    sys.exit(main())
