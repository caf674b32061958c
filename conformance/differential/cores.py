"""A child process per Core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

CORES = ("native", "corewasm")
_Result = TypeVar("_Result")
_REPOSITORY = Path(__file__).resolve().parents[2]


class ChildFailed(Exception):
    """A child ended without writing its answers; the text holds its last words."""


def on_both(run: Callable[[str], _Result]) -> dict[str, _Result]:
    """What `run` gives for each Core, both at the same time: they wait more than they compute."""
    with ThreadPoolExecutor(len(CORES)) as threads:
        return dict(zip(CORES, threads.map(run, CORES), strict=True))


def run_child(core: str, module: str, source: Path, target: Path, *, timeout_seconds: float = 600) -> None:
    """Run `python -m MODULE CORE SOURCE TARGET`. Judged by the file it wrote: native may crash while it exits."""
    target.unlink(missing_ok=True)
    command = [sys.executable, "-m", module, core, str(source), str(target)]
    try:
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
        words = done.stdout[-2000:] + done.stderr[-4000:]
    except subprocess.TimeoutExpired:
        words = f"no answer within {timeout_seconds:g} s"
    if not target.exists():
        raise ChildFailed(f"{module} on {core}: {words}")


def write_results(target: str, results: Iterable[dict[str, Any]]) -> None:
    """In a child: write a JSON line per result as it comes. `target` is there only once all are written."""
    partial = Path(f"{target}.partial")
    with partial.open("w") as out:
        for result in results:
            out.write(json.dumps(result) + "\n")
            out.flush()
    partial.rename(target)


def use(core: str) -> None:
    """Decide, before the SDK is imported, which Core this process has.

    Raises ValueError for an unknown Core.
    """
    if core not in CORES:
        raise ValueError(f"unknown core {core!r}: one of {', '.join(CORES)}")
    if core == "corewasm":
        import corewasm

        corewasm.install()


def environment() -> dict[str, str]:
    """The environment of a child: it finds this repository, and decides itself which Core it has."""
    environment = {name: value for name, value in os.environ.items() if name != "COREWASM"}
    search = [str(_REPOSITORY), str(_REPOSITORY / "python" / "src"), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(part for part in search if part)
    return environment
