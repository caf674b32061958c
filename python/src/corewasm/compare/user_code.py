"""A user's workflows and histories, found in files."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class UnusableFile(Exception):
    """A file holds no workflow, or no history; the text names it and says what is expected."""


def workflows_in(file: Path) -> list[type[Any]]:
    """The classes with `@workflow.defn` in a Python file, which is imported under its own name.

    Raises:
        UnusableFile: it cannot be imported, or defines no workflow.
    """
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UnusableFile(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # The sandbox imports the workflow's module by name.
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UnusableFile(f"{file} could not be imported: {type(error).__name__}: {error}") from error
    found = [each for each in vars(module).values() if _is_workflow(each)]
    if not found:
        raise UnusableFile(f"{file} defines no class with @workflow.defn")
    return found


def _is_workflow(candidate: object) -> bool:
    return isinstance(candidate, type) and "__temporal_workflow_definition" in vars(candidate)


def files_of(paths: list[Path]) -> list[Path]:
    """The history files (`.json`, `.bin`) among these paths; folders are searched.

    Raises:
        UnusableFile: a path does not exist, or there is no history at all.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UnusableFile(f"{path} does not exist")
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in files if file.suffix in (".json", ".bin")]
    if not found:
        raise UnusableFile(f"no history (.json or .bin) in {', '.join(map(str, paths))}")
    return found


def histories_in(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Name and serialized History of each file: `.json` as the web UI and the CLI export it, `.bin` as protobuf.

    Raises:
        UnusableFile: a file holds no history.
    """
    for file in files:
        yield str(file), _history(file)


def _history(file: Path) -> bytes:
    from google.protobuf.message import DecodeError
    from temporalio.api.history.v1 import History
    from temporalio.client import WorkflowHistory

    try:
        if file.suffix == ".bin":
            return History.FromString(file.read_bytes()).SerializeToString()
        events = WorkflowHistory.from_json("unused", json.loads(file.read_text())).events
        return History(events=events).SerializeToString()
    except (DecodeError, ValueError, KeyError, TypeError) as error:
        raise UnusableFile(f"{file} holds no workflow history: {error}") from error
