"""Plays the turn kit on wasmtime: play_wasmtime.py cranelift|pulley CORE_WASM SESSIONS_FOLDER.

One line of JSON on standard output: README.md beside this file. It uses wasmtime alone, not this project's host.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import wasmtime

from conformance.turns.session import read, sessions

_IDLE_INSTANCES = 20
_U32 = 0xFFFF_FFFF


class Core:
    """One instance."""

    def __init__(self, engine: wasmtime.Engine, module: wasmtime.Module) -> None:
        self._store = wasmtime.Store(engine)
        self._exports: Any = wasmtime.Instance(self._store, module, []).exports(self._store)

    def turn(self, request: bytes) -> bytes:
        """One turn, in buffers of its own."""
        memory = self._exports["memory"]
        pointer = self._call("alloc", len(request)) & _U32
        memory.write(self._store, request, pointer)
        packed = self._call("turn", pointer, len(request))
        pointer, length = packed >> 32 & _U32, packed & _U32
        response = bytes(memory.read(self._store, pointer, pointer + length))
        self._call("free", pointer, length)
        return response

    def _call(self, name: str, *arguments: int) -> int:
        return self._exports[name](self._store, *arguments) or 0


def play(engine: wasmtime.Engine, module: wasmtime.Module, folder: Path) -> tuple[list[str], int, float]:
    """What differs, how many turns were made, and how many seconds they took."""
    differences, made, spent = [], 0, 0.0
    for path in sessions(folder):
        for number, turns in enumerate(read(path)):
            core = Core(engine, module)
            for index, turn in enumerate(turns):
                begun = time.perf_counter()
                response = core.turn(turn.request)
                spent += time.perf_counter() - begun
                made += 1
                if response != turn.response:
                    differences.append(f"{path.name}: instance {number}, turn {index}")
                    break
    return differences, made, spent


def main() -> None:
    """Play, and print the figures."""
    kind, module_path, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    config = wasmtime.Config()
    if kind == "pulley":
        config.target = "pulley64"
    engine = wasmtime.Engine(config)
    begun = time.perf_counter()
    module = wasmtime.Module(engine, module_path.read_bytes())
    compiled = time.perf_counter()
    artefact = module.serialize()
    cached = time.perf_counter()
    wasmtime.Module.deserialize(engine, artefact)
    loaded = time.perf_counter()
    Core(engine, module)
    instantiated = time.perf_counter()
    before = _resident()
    opening = read(next(sessions(folder)))[0][0].request
    idle = [Core(engine, module) for _ in range(_IDLE_INSTANCES)]
    for core in idle:
        core.turn(opening)
    memory = (_resident() - before) // len(idle)
    first, turns, _ = play(engine, module, folder)
    second, again, spent = play(engine, module, folder)
    figures = {
        "version": f"wasmtime {version('wasmtime')}",
        "compile_ms": (compiled - begun) * 1000,
        "cached_ms": (loaded - cached) * 1000,
        "instantiate_ms": (instantiated - loaded) * 1000,
        "idle_bytes": memory,
        "sessions": len(list(sessions(folder))),
        "turns": turns,
        "turns_per_second": round(again / spent),
        "differences": first + second,
    }
    print(json.dumps(figures))


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
