"""Finds core.wasm, wherever the package lies, and proves that it is the file it claims to be."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from corewasm.vm.errors import ModuleError
from corewasm.vm.paths import absolute

MODULE_VARIABLE = "COREWASM_MODULE"
"""Environment variable with the path of a module to use instead of the packaged one."""

_PACKAGE, _NAME = "corewasm", "core.wasm"


@dataclass(frozen=True)
class ModuleSource:
    """The bytes of a module, where they came from, and their SHA-256 in hexadecimal."""

    path: Path
    wasm: bytes
    sha256: str


def module_path() -> Path:
    """Where the module is: `COREWASM_MODULE`, or core.wasm of this package, which may lie in an archive."""
    override = os.environ.get(MODULE_VARIABLE)
    return absolute(override) if override else _packaged


def module_in_use() -> ModuleSource:
    """The module at `module_path`, read once: an upgrade that replaces the file is for processes that start later.

    Raises:
        ModuleError: as of `read_module`.
    """
    path = module_path()
    source = _in_use.get(path)
    if source is None:
        source = _in_use[path] = read_module(path)
    return source


def read_module(path: Path) -> ModuleSource:
    """Reads the module; `<path>.json` beside it, if there, must name its hash.

    Raises:
        ModuleError: no such file, or its hash is not the recorded one.
    """
    try:
        wasm = _read(path)
    except OSError as error:
        raise ModuleError(f"cannot read the module {path}: {error}{_hint(path)}") from error
    actual = hashlib.sha256(wasm).hexdigest()
    expected = _recorded_hash(path)
    if expected is not None and expected != actual:
        raise ModuleError(f"{path} is damaged: its SHA-256 is {actual}, expected {expected}")
    return ModuleSource(path, wasm, actual)


def _recorded_hash(path: Path) -> str | None:
    record = path.with_name(path.name + ".json")
    try:
        value = json.loads(_read(record))["sha256"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModuleError(f"{record} does not tell the module's SHA-256: {error!r}") from error
    return str(value)


def _read(path: Path) -> bytes:
    archived = _archived.get(path)
    return path.read_bytes() if archived is None else archived


def _hint(path: Path) -> str:
    if path != _packaged:
        return f" ({MODULE_VARIABLE} names it)" if os.environ.get(MODULE_VARIABLE) else ""
    return (
        f". Whatever packed this program has left it out: add the package's data to it "
        f"(PyInstaller: --collect-data {_PACKAGE}), or set {MODULE_VARIABLE} to the file's path"
    )


def _folders() -> Iterator[Path]:
    """Where the package's files may be. A frozen program's modules may have no file of their own."""
    file = globals().get("__file__")
    if file:
        yield absolute(file).resolve().parents[1]
    for folder in getattr(sys.modules.get(_PACKAGE), "__path__", ()):
        yield absolute(str(folder))
    unpacked = getattr(sys, "_MEIPASS", None)
    if unpacked:
        yield absolute(unpacked) / _PACKAGE
    yield absolute(sys.executable or sys.argv[0]).parent / _PACKAGE


def _from_loader(path: Path) -> dict[Path, bytes]:
    """The module, and its record, of a package that is in no folder. Read now: its archive may have a relative path."""
    loader = getattr(getattr(sys.modules.get(_PACKAGE), "__spec__", None), "loader", None)
    read: Callable[[str], bytes] = getattr(loader, "get_data", _no_data)
    found: dict[Path, bytes] = {}
    for file in (path, path.with_name(path.name + ".json")):
        for name in (str(file), os.path.join(_PACKAGE, file.name)):
            with contextlib.suppress(OSError):
                found.setdefault(file, read(name))
    return found


def _no_data(name: str) -> bytes:
    raise FileNotFoundError(name)


def _find() -> tuple[Path, dict[Path, bytes]]:
    places = [folder / _NAME for folder in _folders()]
    for place in places:
        if place.is_file():
            return place, {}
    return places[0], _from_loader(places[0])


_packaged, _archived = _find()
_in_use: dict[Path, ModuleSource] = {}
