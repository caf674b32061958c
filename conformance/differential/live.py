"""Live scenarios on both Cores: requests about workflow tasks and activations, in order."""

from __future__ import annotations

import base64
import fnmatch
import json
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from temporalio.api.workflowservice import v1 as api

from conformance.live.scenario import scenarios
from corewasm.compare.differences import differences

from . import cores, masks, replays
from .report import Compared


def compare_all(patterns: list[str]) -> Iterator[Compared]:
    """Compare the scenarios whose names match, or all."""
    names = [each.name for each in scenarios() if not patterns or any(fnmatch.fnmatch(each.name, p) for p in patterns)]
    results = {core: run_live(core, names) for core in cores.CORES}
    for name in names:
        yield Compared(name, list(compare_transcripts(results["native"][name], results["corewasm"][name])))


def run_live(core: str, names: list[str]) -> dict[str, Any]:
    """Each scenario's transcript on `core`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.json"), Path(folder, "out.jsonl")
        source.write_text(json.dumps(names))
        cores.run_child(core, "conformance.live.child", source, target, timeout_seconds=1800)
        return {item["name"]: item for item in map(json.loads, target.read_text().splitlines())}


def compare_transcripts(native: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Texts of what differs between two transcripts."""
    if "error" in native or "error" in ours:
        if native.get("error") != ours.get("error"):
            yield f"native ended with {native.get('error', 'success')}, corewasm with {ours.get('error', 'success')}"
        return
    pairs = zip_longest(native["requests"], ours["requests"])
    for index, (left, right) in enumerate(pairs):
        if left is None or right is None or left[0] != right[0]:
            yield f"request {index}: native {_name(left)}, corewasm {_name(right)}"
            break
        for difference in differences(_request(left), _request(right), masks.REQUESTS):
            yield f"request {index} {left[0]}: {difference}"
    times = masks.ACTIVATIONS_OF_LOCAL_ACTIVITIES if native["times_vary"] else masks.ACTIVATIONS
    yield from replays.compare_activations(native["activations"], ours["activations"], times)


def _name(request: list[str] | None) -> str:
    return request[0] if request else "nothing"


def _request(request: list[str]) -> Any:
    return getattr(api, f"{request[0]}Request").FromString(base64.b64decode(request[1]))
