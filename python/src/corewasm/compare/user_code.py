"""A user's workflows and histories, found in files."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any


class UnusableFile(Exception):
    """A file holds no workflow, or no history; the text names it and says what is expected."""


def workflows_in(file: Path) -> list[type[Any]]:
    """The classes with `@workflow.defn` in a Python file, which is imported under its own name.

    Raises:
        UnusableFile: it cannot be imported, defines no workflow, or two of one name.
    """
    try:
        module = _imported(file.resolve())
    except Exception as error:
        raise UnusableFile(f"{file} could not be imported: {type(error).__name__}: {error}") from error
    found = list(dict.fromkeys(each for each in vars(module).values() if _is_workflow(each)))
    if not found:
        raise UnusableFile(f"{file} defines no class with @workflow.defn")
    names = [_type_name(each) for each in found]
    for name in names:
        if names.count(name) > 1:
            raise UnusableFile(f"{file} has two workflows named {name}: put them into files of their own")
    return found


def _imported(file: Path) -> ModuleType:
    """The file as a module; inside a package as a part of that, so that it may import from its neighbours."""
    name, root = file.stem, file.parent
    while (root / "__init__.py").exists():
        name, root = f"{root.name}.{name}", root.parent
    # The sandbox imports the workflow's module by name.
    sys.path.insert(0, str(root))
    if "." in name:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _is_workflow(candidate: object) -> bool:
    return isinstance(candidate, type) and "__temporal_workflow_definition" in vars(candidate)


def _type_name(workflow: type[Any]) -> str:
    return str(vars(workflow)["__temporal_workflow_definition"].name)


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
