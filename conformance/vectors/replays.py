"""Replays of native Core for the vectors: histories, and a lang that may follow another one."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.api.history.v1 import History

from conformance.differential import cores
from conformance.histories.bad import BAD, ends
from conformance.histories.small import HISTORIES


@dataclass(frozen=True)
class Replay:
    """A history to push, the one that lang follows, the activations that it fails, and how the replay ends."""

    name: str
    history: bytes
    lang_history: bytes
    lang_fails: frozenset[int] = frozenset()
    expected: frozenset[str] = frozenset()
    workflow_id: str = "conformance-workflow"


def all_replays() -> Iterator[Replay]:
    """One for every small history and every bad one."""
    for name, make in HISTORIES.items():
        history = make().serialized()
        yield Replay(name, history, history)
    for name, make_bad in BAD.items():
        bad, end = make_bad(), ends.of(name).replay
        if end is not None:
            yield Replay(name, _bytes(bad.history), _bytes(bad.lang_history), bad.lang_fails, end)


def run(core: str, replays: list[Replay]) -> dict[str, Any]:
    """Each replay's steps or error on `core`, by name."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        source.write_text("".join(f"{json.dumps(_item(replay))}\n" for replay in replays))
        cores.run_child(core, "conformance.vectors.replay_child", source, target)
        return {item["name"]: item for item in map(json.loads, target.read_text().splitlines())}


def _bytes(history: History) -> bytes:
    return history.SerializeToString(deterministic=True)


def _item(replay: Replay) -> dict[str, Any]:
    encoded = {field: base64.b64encode(getattr(replay, field)).decode() for field in ("history", "lang_history")}
    lang_fails = sorted(replay.lang_fails)
    return {"name": replay.name, "workflow_id": replay.workflow_id, "lang_fails": lang_fails, **encoded}
