"""Live scenarios on both Cores: requests and activations, in order; what pollers ask by themselves, as a set."""

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

from . import cores, deviations, masks, replays
from .background import compare_background
from .errors import ending_difference
from .report import Compared


def compare_all(patterns: list[str], listed: dict[str, deviations.Deviation]) -> Iterator[Compared]:
    """Compare the scenarios whose names match, or all."""
    names = [each.name for each in scenarios() if not patterns or any(fnmatch.fnmatch(each.name, p) for p in patterns)]
    results = cores.on_both(lambda core: run_live(core, names))
    for name in names:
        pair = (results["native"][name], results["corewasm"][name])
        found = Compared(name, list(_compare(*pair)))
        if name in listed:
            found = deviations.judge(found, pair, listed[name], lambda name: run_live("native", [name])[name], _compare)
        yield found
    if not patterns:
        yield from deviations.unknown(listed, names)


def run_live(core: str, names: list[str]) -> dict[str, Any]:
    """Each scenario's transcript on `core`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.json"), Path(folder, "out.jsonl")
        source.write_text(json.dumps(names))
        cores.run_child(core, "conformance.live.child", source, target, timeout_seconds=1800)
        return {item["name"]: item for item in map(json.loads, target.read_text().splitlines())}


def compare_transcripts(native: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Texts of what differs between two transcripts, in what vectors hold."""
    ending = ending_difference(native, ours)
    if ending is not None:
        yield ending
    if "error" in native or "error" in ours:
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


def _compare(native: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    yield from compare_transcripts(native, ours)
    if "error" not in native and "error" not in ours:
        yield from compare_background(native["background"], ours["background"])


def _name(request: list[str] | None) -> str:
    return request[0] if request else "nothing"


def _request(request: list[str]) -> Any:
    return getattr(api, f"{request[0]}Request").FromString(base64.b64decode(request[1]))
