"""Histories that native Core's own tests replay. They lie in the installed wheel, are found there, and stay there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import temporalio
from google.protobuf import json_format
from google.protobuf.internal.decoder import _DecodeVarint32  # type: ignore[attr-defined]
from temporalio.api.history.v1 import History

from .sources import NamedHistory

FOLDER = Path(temporalio.__file__).parent / "bridge" / "sdk-core" / "crates" / "sdk-core" / "tests" / "histories"
# What each workflow of native's tests does, in a lang of ours.
_LANGS = {"Fanout": "fan out", "Nothing": "two and an activity"}


class NoNativeHistories(Exception):
    """The installed wheel has none; the text says where they were looked for."""


def read(folder: Path = FOLDER) -> Iterator[NamedHistory]:
    """Every history there, in each of the forms in which native's tests keep them.

    Raises:
        NoNativeHistories: the folder has none.
    """
    files = sorted(folder.glob("*.bin")) + sorted(folder.glob("*.json"))
    if not files:
        raise NoNativeHistories(f"no histories in {folder}: the wheel of temporalio 1.35.0 ships native Core's source")
    for file in files:
        index = file.with_suffix(".json")
        if file.suffix == ".bin" and index in files:
            yield from _collection(file, json.loads(index.read_text()))
        elif file.suffix == ".bin":
            yield _named(file.stem, History.FromString(file.read_bytes()))
        elif file.with_suffix(".bin") not in files:
            yield _named(file.stem, _from_rust_json(json.loads(file.read_text())))


def _collection(file: Path, index: list[dict[str, Any]]) -> Iterator[NamedHistory]:
    """Many histories in one file, each behind its length; names and workflows in the JSON beside it.

    Each is replayed with its own workflow, and with the commands of its history all at once.
    """
    data, position = file.read_bytes(), 0
    for entry in index:
        length, position = _DecodeVarint32(data, position)
        history = History.FromString(data[position : position + length])
        position += length
        yield _named(f"{file.stem}/{entry['name']}", history, _LANGS[entry["workflow"]])
        yield _named(f"{file.stem}/{entry['name']}/all-at-once", history)


def _from_rust_json(document: dict[str, Any]) -> History:
    """JSON as Rust's types are written: attributes lie below the name of their kind, which starts with a capital."""
    events = []
    for event in document["events"]:
        plain = {name: value for name, value in event.items() if name != "attributes"}
        for kind, attributes in event["attributes"].items():
            plain[kind[0].lower() + kind[1:]] = attributes
        events.append(plain)
    return json_format.ParseDict({"events": events}, History(), ignore_unknown_fields=True)


def _named(name: str, history: History, lang: str = "history") -> NamedHistory:
    return NamedHistory(f"native/{name}", history.SerializeToString(deterministic=True), lang=lang)
