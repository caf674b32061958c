"""Replays of histories on both Cores, activation by activation."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from conformance.histories.small import HISTORIES
from corewasm.compare.differences import differences

from . import cores, masks, sources
from .report import Compared


def compare_all(names: list[str]) -> Iterator[Compared]:
    """Compare the histories in these files, or the small ones."""
    histories = list(sources.read([Path(name) for name in names])) if names else small()
    results = {core: run_replays(core, histories) for core in cores.CORES}
    for history in histories:
        found = compare_results(results["native"][history.name], results["corewasm"][history.name])
        yield Compared(history.name, list(found))


def small() -> list[sources.NamedHistory]:
    """The small histories of every feature."""
    return [sources.NamedHistory(name, make().serialized()) for name, make in HISTORIES.items()]


def run_replays(core: str, histories: list[sources.NamedHistory]) -> dict[str, Any]:
    """Each history's result on `core`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        source.write_text("".join(f"{json.dumps(_item(history))}\n" for history in histories))
        cores.run_child(core, "conformance.differential.replay_child", source, target)
        return {item["name"]: item for item in map(json.loads, target.read_text().splitlines())}


def compare_results(native: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Texts of what differs between two replays, in the order of the activations."""
    if native.get("error") != ours.get("error"):
        yield f"native ended with {native.get('error', 'success')}, corewasm with {ours.get('error', 'success')}"
    left = [step[0] for step in native.get("steps", [])]
    yield from compare_activations(left, [step[0] for step in ours.get("steps", [])])


def compare_activations(native: list[str], ours: list[str], times: masks.Masks = masks.ACTIVATIONS) -> Iterator[str]:
    """Compare two streams of base64 activations; stops where one ends."""
    for index, (left, right) in enumerate(zip_longest(native, ours)):
        if left is None or right is None:
            only = " ".join(str(_decode(left or right or "")).split())[:300]
            yield f"activation {index}: only {'corewasm' if left is None else 'native'} has it: {only}"
            return
        for difference in differences(_decode(left), _decode(right), times):
            yield f"activation {index}: {difference}"


def _decode(activation: str) -> WorkflowActivation:
    return WorkflowActivation.FromString(base64.b64decode(activation))


def _item(history: sources.NamedHistory) -> dict[str, str]:
    encoded = base64.b64encode(history.history).decode()
    return {"name": history.name, "workflow_id": history.workflow_id, "history": encoded}
