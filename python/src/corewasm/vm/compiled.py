"""Makes a module ready to run, once per process: from what an earlier process kept, else by compiling it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import wasmtime

from corewasm.vm import limits
from corewasm.vm.cache import keep_artefact, read_artefact
from corewasm.vm.engine import EngineKind, engine_kind, engine_of, interpret
from corewasm.vm.errors import ModuleError
from corewasm.vm.limits import MIB
from corewasm.vm.source import ModuleSource

_COMPILING = {EngineKind.COMPILED: 112 * MIB, EngineKind.INTERPRETED: 64 * MIB}
_LOADING = {EngineKind.COMPILED: 24 * MIB, EngineKind.INTERPRETED: 16 * MIB}
"""Measured for core.wasm: 86 and 45, 13 and 6."""

_modules: dict[tuple[str, EngineKind], Compiled] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Compiled:
    """A module that is ready, and the engine that it is for."""

    module: wasmtime.Module
    engine: wasmtime.Engine
    kind: EngineKind


def compiled_module(source: ModuleSource) -> Compiled:
    """`source` for this process's engine.

    Raises:
        NoRoomForModule: this process may not have the memory.
        ModuleError: the bytes are not a WebAssembly module that this host can run.
    """
    with _lock:
        kind = engine_kind()
        return _modules.get((source.sha256, kind)) or _make(source, kind)


def _make(source: ModuleSource, kind: EngineKind) -> Compiled:
    engine = engine_of(kind)
    try:
        module = _load(source, kind, engine) or _compile(source, kind, engine)
    except wasmtime.WasmtimeError as error:
        if kind is EngineKind.INTERPRETED or "executable" not in str(error):
            raise _refused(source, kind, error) from error
        interpret(str(error).strip().splitlines()[-1].strip())
        return _make(source, EngineKind.INTERPRETED)
    made = _modules[source.sha256, kind] = Compiled(module, engine, kind)
    return made


def _load(source: ModuleSource, kind: EngineKind, engine: wasmtime.Engine) -> wasmtime.Module | None:
    limits.need_room(f"Loading the compiled {source.path}", _LOADING[kind])
    artefact = read_artefact(source, kind)
    if artefact is None:
        return None
    try:
        return wasmtime.Module.deserialize(engine, artefact)
    except (wasmtime.WasmtimeError, MemoryError):
        return None  # of another CPU or another build of wasmtime: compiled again and overwritten


def _compile(source: ModuleSource, kind: EngineKind, engine: wasmtime.Engine) -> wasmtime.Module:
    limits.need_room(f"Compiling {source.path}, for the first time on this machine,", _COMPILING[kind])
    module = wasmtime.Module(engine, source.wasm)
    keep_artefact(source, kind, bytes(module.serialize()))
    return module


def _refused(source: ModuleSource, kind: EngineKind, error: wasmtime.WasmtimeError) -> ModuleError:
    if limits.is_about_memory(error):
        return limits.no_room(f"Compiling {source.path}", _COMPILING[kind], error)
    return ModuleError(f"{source.path} is not a module this host can run: {error}")


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
