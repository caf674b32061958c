"""`python -m conformance.vectors [--check] [NAME...]`: makes vectors from native Core, or says which would differ."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.differential import live
from conformance.differential import replays as replay_comparison

from . import make

_COMPARED = ("steps", "requests", "activations")
"""Fields with what native made, for which there are masks; the others must be the same."""


def main() -> int:
    """Write, or check. Exit status 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m conformance.vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a vector would change")
    parser.add_argument("names", nargs="*", help="names of replays and live scenarios, or shell patterns; default: all")
    options = parser.parse_args()
    made = list(make.make(lambda name: _chosen(name, options.names)))
    if options.check:
        changed = [text for path, vector in made for text in changes(path, vector)]
        changed += [] if options.names else [f"{path.name}: made no more" for path in _stale(made)]
        print("\n".join(changed) or f"{len(made)} vectors are as native Core makes them")
        return 1 if changed else 0
    written = [path for path, vector in made if _write(path, vector)]
    for path in [] if options.names else _stale(made):
        path.unlink()
    print(f"wrote {len(written)} of {len(made)} vectors; the others are as they were")
    return 0


def _write(path: Path, vector: dict[str, Any]) -> bool:
    """Leave what differs only in what every run has of its own, such as process ids."""
    if next(changes(path, vector), None) is None:
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_text(make.text(vector))
    return True


def changes(path: Path, vector: dict[str, Any]) -> Iterator[str]:
    """Texts of what differs between a vector's file and the vector made anew."""
    if not path.exists():
        yield f"{path.name}: new"
        return
    stored = json.loads(path.read_text())
    for field in sorted((stored.keys() | vector.keys()) - set(_COMPARED)):
        if stored.get(field) != vector.get(field):
            yield f"{path.name}: {field} differs"
    compare = replay_comparison.compare_results if vector["kind"] == "replay" else live.compare_transcripts
    for text in compare(stored, vector):
        yield f"{path.name}: {text}"


def _chosen(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _stale(made: list[tuple[Path, dict[str, Any]]]) -> list[Path]:
    kept = {path for path, _ in made}
    return sorted(path for path in make.FOLDER.glob("*/*.json") if path not in kept)


if __name__ == "__main__":
    sys.exit(main())
