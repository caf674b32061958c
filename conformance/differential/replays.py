"""Replays of histories on both Cores, activation by activation."""

from __future__ import annotations

import base64
import dataclasses
import json
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from conformance.histories.builder import HistoryBuilder
from conformance.histories.small import HISTORIES
from corewasm.compare.differences import differences

from . import cores, deviations, masks, native_histories, sources
from .errors import ending_difference
from .report import Compared


def compare_all(names: list[str], listed: dict[str, deviations.Deviation]) -> Iterator[Compared]:
    """Compare the histories in these files; without names, the small ones and those of native's own tests."""
    histories = list(sources.read([Path(name) for name in names])) if names else [*small(), *native_histories.read()]
    results = cores.on_both(lambda core: run_replays(core, histories))
    for history in histories:
        name, pair = history.name, (results["native"][history.name], results["corewasm"][history.name])
        found = Compared(name, list(compare_results(*pair)))
        if name in listed:
            again = _native_again(history)
            found = deviations.judge(found, pair, listed[name], again, compare_results)
        yield found
    if not names:
        yield from deviations.unknown(listed, [history.name for history in histories])


def small() -> list[sources.NamedHistory]:
    """The small histories of every feature."""
    small = [sources.NamedHistory(name, make().serialized()) for name, make in HISTORIES.items()]
    return [*small, _second_cancelled()]


def _second_cancelled() -> sources.NamedHistory:
    """Two results in one activation, the second of them cancelled before: it comes first (docs/notes/quirks.md)."""
    builder = HistoryBuilder()
    builder.task()
    builder.signaled()
    builder.task()
    builder.local_activity_marker(1, activation_index=1)
    builder.local_activity_marker(2, activation_index=1)
    builder.workflow_completed()
    name = "local-activities-the-second-cancelled"
    return sources.NamedHistory(name, builder.serialized(), lang="cancels the second")


def run_replays(core: str, histories: list[sources.NamedHistory]) -> dict[str, Any]:
    """Each history's result on `core`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        source.write_text("".join(f"{json.dumps(_item(history))}\n" for history in histories))
        cores.run_child(core, "conformance.differential.replay_child", source, target)
        return {item["name"]: item for item in map(json.loads, target.read_text().splitlines())}


def compare_results(native: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    """Texts of what differs between two replays, in the order of the activations."""
    ending = ending_difference(native, ours)
    if ending is not None:
        yield ending
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


def _native_again(history: sources.NamedHistory) -> deviations.RunNative:
    return lambda name: run_replays("native", [history])[name]


def _decode(activation: str) -> WorkflowActivation:
    return WorkflowActivation.FromString(base64.b64decode(activation))


def _item(history: sources.NamedHistory) -> dict[str, Any]:
    return {**dataclasses.asdict(history), "history": base64.b64encode(history.history).decode()}
