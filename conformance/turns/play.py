"""Plays sessions on core.wasm in wasmtime, as this project's Python host runs it."""

from __future__ import annotations

from pathlib import Path

from conformance.turns.session import read
from corewasm.vm import Instance, ModuleSource


def difference(path: Path, module: ModuleSource) -> str:
    """Where the session goes another way on `module`; empty if every response is the same to the byte."""
    for number, turns in enumerate(read(path)):
        with Instance(module) as instance:
            for index, turn in enumerate(turns):
                if instance.turn(turn.request) != turn.response:
                    return f"{path.stem}: instance {number}, turn {index}: another response"
    return ""
