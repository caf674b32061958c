"""Histories to compare on: files in the formats in which they are found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory


@dataclass(frozen=True)
class NamedHistory:
    """A history and what to call it, and which lang (conformance/lang/langs.py) answers its activations."""

    name: str
    history: bytes
    workflow_id: str = "conformance-workflow"
    lang: str = "history"
    expected_error: str | None = None


class UnreadableHistory(Exception):
    """A file holds no history; the text names it."""


def read(paths: list[Path]) -> Iterator[NamedHistory]:
    """Histories in files, and in folders of files (`.bin` serialized, `.json` as the web UI and the CLI export)."""
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.suffix in (".bin", ".json") and file.is_file():
                yield NamedHistory(file.stem, _read_one(file))


def _read_one(file: Path) -> bytes:
    try:
        if file.suffix == ".bin":
            return History.FromString(file.read_bytes()).SerializeToString(deterministic=True)
        events = WorkflowHistory.from_json("unused", json.loads(file.read_text())).events
        return History(events=events).SerializeToString(deterministic=True)
    except (DecodeError, ValueError, KeyError) as error:
        raise UnreadableHistory(f"{file} holds no workflow history: {error}") from error
