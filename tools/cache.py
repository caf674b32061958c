"""Where builds that are worth keeping live: the user's cache directory, shared by all checkouts."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cache_dir(*parts: str) -> Path:
    """Return (and create) ``$XDG_CACHE_HOME/corewasm/parts...``, with ``~/.cache`` as the fallback."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = base.joinpath("corewasm", *parts)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def tree_hash(paths: Iterable[Path], root: Path = ROOT) -> str:
    """Hash names (relative to ``root``) and contents of files, and of all files below directories: 64 hex digits.

    What git would not keep (``target``, byte code, hidden files) does not count; missing paths count as empty.
    """
    digest = hashlib.sha256()
    for file in sorted(_files(paths)):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(paths: Iterable[Path]) -> set[Path]:
    found: set[Path] = set()
    for path in paths:
        if path.is_file():
            found.add(path)
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name not in {"target", "__pycache__"} and name[0] != "."]
            found.update(Path(folder, name) for name in names if name[0] != "." and not name.endswith(".pyc"))
    return found


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold ``directory`` for this process: two checkouts, or two test workers, do not build the same thing at once."""
    with open(directory / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another build to leave {directory}", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prune(directory: Path, keep: int) -> None:
    """Remove all but the ``keep`` entries of ``directory`` that were used last (lock files stay)."""
    entries = [entry for entry in directory.iterdir() if entry.name[0] != "."]
    for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True)[keep:]:
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
