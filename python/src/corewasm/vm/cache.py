"""Keeps compiled modules between processes, if there is a folder for that.

wasmtime trusts a compiled artefact blindly, so only files that this user or root wrote, that nobody else may write and
whose own hash is right are given to it. Everything else is as if there were no file.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import logging
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import platformdirs
from wasmtime import _ffi as ffi

from corewasm.vm.engine import EngineKind
from corewasm.vm.paths import absolute
from corewasm.vm.source import ModuleSource

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "COREWASM_CACHE_DIR"
"""Environment variable with the folder for compiled artefacts; the user's cache folder without it."""

KEPT = 3
"""How many artefacts of this wasmtime are kept, those used last. Those of others go when they are a month old."""

_SUFFIX, _UNFINISHED = ".cwasm", ".unfinished"
_DIGEST_SIZE = 32
_STALE_SECONDS, _UNFINISHED_SECONDS = 30 * 24 * 3600, 3600
_ROOT = 0
_problem = ""


class NoCache(Exception):
    """There is no folder for compiled artefacts; the text says why."""


def wasmtime_version() -> str:
    """The package's. A frozen program may have left that out: then the library's size tells one from another."""
    try:
        return importlib.metadata.version("wasmtime")
    except importlib.metadata.PackageNotFoundError:
        library = Path(ffi.filename)
        return f"of-{library.stat().st_size if library.exists() else 0}-bytes"


WASMTIME_VERSION = wasmtime_version()


def cache_path(source: ModuleSource, kind: EngineKind) -> Path:
    """The file that holds the artefact. What makes an artefact unusable elsewhere is part of its name.

    Raises:
        NoCache: there is no folder for it.
    """
    machine = f"{sys.platform}-{platform.machine()}-{kind.value}"
    return _folder() / f"{source.sha256[:32]}-wasmtime-{WASMTIME_VERSION}-{machine}{_SUFFIX}"


def cache_problem() -> str:
    """Why this process could not keep what it compiled; empty if it could, or did not compile."""
    return _problem


def read_artefact(source: ModuleSource, kind: EngineKind) -> bytes | None:
    """What an earlier process has kept."""
    try:
        path = cache_path(source, kind)
        with path.open("rb") as file:
            if not _is_trusted(os.fstat(file.fileno())) or not _is_trusted(path.parent.stat()):
                return None
            content = file.read()
    except (NoCache, OSError, ValueError, MemoryError):
        return None
    digest, artefact = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(artefact).digest() != digest:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used last
    return artefact


def keep_artefact(source: ModuleSource, kind: EngineKind, artefact: bytes) -> None:
    """Writes whole or not at all. Where that cannot be, every process compiles for itself."""
    global _problem
    try:
        path = cache_path(source, kind)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, hashlib.sha256(artefact).digest() + artefact)
        _remove_stale(path)
        _problem = ""
    except (NoCache, OSError, ValueError) as error:  # ValueError: a name that the file system cannot have
        if not _problem:
            with contextlib.suppress(Exception):  # a program's logging may raise
                logger.info("Compiled modules are not kept, each process compiles anew: %s", error)
        _problem = str(error)


def _folder() -> Path:
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return absolute(chosen)
    try:
        folder = Path(platformdirs.user_cache_dir("corewasm", appauthor=False))
    except (RuntimeError, OSError, KeyError) as error:
        raise NoCache(f"this user has no home folder ({error}); set {CACHE_VARIABLE}") from error
    if not folder.is_absolute():
        # Some releases of platformdirs give this for no home folder, or for an XDG_CACHE_HOME that is to be ignored.
        raise NoCache(f"the cache folder {folder} is not an absolute path; set {CACHE_VARIABLE}")
    return folder


def _is_trusted(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):
        return True  # Windows: the user's cache folder is protected by its access list
    return status.st_uid in (os.getuid(), _ROOT) and not status.st_mode & 0o022


def _write(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _remove_stale(written: Path) -> None:
    """Harmless to other processes: what they have read is in their memory, and what they miss they compile."""
    now = time.time()
    used = {path: _last_used(path) for path in written.parent.glob(f"*{_SUFFIX}") if path != written}
    ours = [path for path in used if f"-wasmtime-{WASMTIME_VERSION}-" in path.name]
    stale = sorted(ours, key=lambda path: used[path], reverse=True)[KEPT - 1 :]
    stale += [path for path in used.keys() - set(ours) if used[path] < now - _STALE_SECONDS]
    unfinished = written.parent.glob(f"*{_UNFINISHED}")  # of processes that were killed as they wrote
    stale += [path for path in unfinished if _last_used(path) < now - _UNFINISHED_SECONDS]
    for path in stale:
        path.unlink(missing_ok=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0
