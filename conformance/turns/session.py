"""Reads a session's file: its format is in README.md beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "sessions"
MODULE = Path(__file__).parent / "MODULE"
"""Holds the SHA-256 of the core.wasm that gave the responses, in hexadecimal."""

_MAGIC = b"CWTURNS1"
_NEW_INSTANCE, _TURN = 1, 2


class BadSession(ValueError):
    """The file is not a session; the text says where."""


@dataclass(frozen=True)
class Turn:
    """An encoded TurnRequest, and the encoded TurnResponse that Core gave to it."""

    request: bytes
    response: bytes


def read(path: Path) -> list[list[Turn]]:
    """The turns of each instance of the session, in their order.

    Raises:
        BadSession: it is damaged, cut off, or of a later format.
    """
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise BadSession(f"{path.name} does not begin with {_MAGIC.decode()}")
    instances: list[list[Turn]] = []
    at = len(_MAGIC)
    while at < len(data):
        kind, at = data[at], at + 1
        if kind == _NEW_INSTANCE:
            instances.append([])
        elif kind == _TURN and instances:
            request, at = _field(path, data, at)
            response, at = _field(path, data, at)
            instances[-1].append(Turn(request, response))
        else:
            raise BadSession(f"{path.name}: byte {at - 1} begins no record: {kind}")
    return instances


def _field(path: Path, data: bytes, at: int) -> tuple[bytes, int]:
    begin = at + 4
    end = begin + int.from_bytes(data[at:begin], "little")
    if end > len(data) or begin > len(data):
        raise BadSession(f"{path.name} is cut off in the record at byte {at}")
    return data[begin:end], end


def sessions(folder: Path = FOLDER) -> Iterator[Path]:
    """The files of the kit, by name."""
    return iter(sorted(folder.glob("*.turns")))
