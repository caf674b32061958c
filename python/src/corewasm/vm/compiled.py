"""Compiles a module once per process, and keeps the machine code between processes.

wasmtime trusts a compiled artefact blindly, so only files that this user wrote, that nobody else may write and whose
own hash is right are given to it. Everything else is as if there were no file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import platformdirs
import wasmtime

from corewasm.vm.errors import ModuleError
from corewasm.vm.source import ModuleSource

CACHE_VARIABLE = "COREWASM_CACHE_DIR"
"""Environment variable with the folder for compiled artefacts; the user's cache folder without it."""

WASMTIME_VERSION = version("wasmtime")

KEPT = 3
"""How many artefacts of this wasmtime are kept, those used last. Those of others go when they are a month old."""

_DIGEST_SIZE = 32
_STALE_SECONDS = 30 * 24 * 3600
_modules: dict[str, wasmtime.Module] = {}
_lock = threading.Lock()
_engine: wasmtime.Engine | None = None


def compiled_module(source: ModuleSource) -> wasmtime.Module:
    """The machine code of `source`: this process's, else the cached file's, else compiled now and cached.

    Raises:
        ModuleError: the bytes are not a WebAssembly module that this host can run.
    """
    with _lock:
        module = _modules.get(source.sha256)
        if module is None:
            module = _modules[source.sha256] = _load(source) or _compile(source)
        return module


def cache_path(source: ModuleSource) -> Path:
    """The file that holds the artefact. What makes an artefact unusable elsewhere is part of its name."""
    folder = os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("corewasm", appauthor=False)
    machine = f"{sys.platform}-{platform.machine()}"
    return Path(folder) / f"{source.sha256[:32]}-wasmtime-{WASMTIME_VERSION}-{machine}.cwasm"


def shared_engine() -> wasmtime.Engine:
    """The engine that all modules of this process are compiled for."""
    global _engine
    if _engine is None:
        _engine = wasmtime.Engine()
    return _engine


def _compile(source: ModuleSource) -> wasmtime.Module:
    try:
        module = wasmtime.Module(shared_engine(), source.wasm)
    except wasmtime.WasmtimeError as error:
        raise ModuleError(f"{source.path} is not a module this host can run: {error}") from error
    _store(cache_path(source), bytes(module.serialize()))
    return module


def _load(source: ModuleSource) -> wasmtime.Module | None:
    path = cache_path(source)
    artefact = _read_own(path)
    if artefact is None:
        return None
    try:
        module = wasmtime.Module.deserialize(shared_engine(), artefact)
    except wasmtime.WasmtimeError:
        return None  # of another CPU or another build of wasmtime: compiled again and overwritten
    with contextlib.suppress(OSError):
        os.utime(path)
    return module


def _read_own(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            if not _is_own(os.fstat(file.fileno())) or not _is_own(path.parent.stat()):
                return None
            content = file.read()
    except OSError:
        return None
    digest, artefact = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    return artefact if hashlib.sha256(artefact).digest() == digest else None


def _is_own(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):
        return True  # Windows: the user's cache folder is protected by its access list
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _store(path: Path, artefact: bytes) -> None:
    """Writes whole or not at all. Without a writable cache every process compiles for itself."""
    temporary = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(artefact).digest())
            file.write(artefact)
        os.replace(temporary, path)
        _remove_stale(path)
    except OSError:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def _remove_stale(written: Path) -> None:
    """Harmless to other processes: what they have read is in their memory, and what they miss they compile."""
    used = {path: _last_used(path) for path in written.parent.glob("*.cwasm") if path != written}
    ours = [path for path in used if f"-wasmtime-{WASMTIME_VERSION}-" in path.name]
    stale = sorted(ours, key=lambda path: used[path], reverse=True)[KEPT - 1 :]
    stale += [path for path in used.keys() - set(ours) if used[path] < time.time() - _STALE_SECONDS]
    for path in stale:
        path.unlink(missing_ok=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
