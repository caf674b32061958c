"""Finds core.wasm and proves that it is the file it claims to be."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from corewasm.vm.errors import ModuleError

MODULE_VARIABLE = "COREWASM_MODULE"
"""Environment variable with the path of a module to use instead of the packaged one."""


@dataclass(frozen=True)
class ModuleSource:
    """The bytes of a module, where they came from, and their SHA-256 in hexadecimal."""

    path: Path
    wasm: bytes
    sha256: str


def module_path() -> Path:
    """Where the module is: `COREWASM_MODULE`, or core.wasm beside this package."""
    override = os.environ.get(MODULE_VARIABLE)
    return Path(override) if override else Path(__file__).resolve().parents[1] / "core.wasm"


def read_module(path: Path) -> ModuleSource:
    """Reads the module; `<path>.json` beside it, if there, must name its hash.

    Raises:
        ModuleError: no such file, or its hash is not the recorded one.
    """
    try:
        wasm = path.read_bytes()
    except OSError as error:
        raise ModuleError(f"cannot read the module {path}: {error}") from error
    actual = hashlib.sha256(wasm).hexdigest()
    expected = _recorded_hash(path)
    if expected is not None and expected != actual:
        raise ModuleError(f"{path} is damaged: its SHA-256 is {actual}, expected {expected}")
    return ModuleSource(path, wasm, actual)


def _recorded_hash(path: Path) -> str | None:
    record = path.with_name(path.name + ".json")
    try:
        value = json.loads(record.read_text())["sha256"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModuleError(f"{record} does not tell the module's SHA-256: {error!r}") from error
    return str(value)
