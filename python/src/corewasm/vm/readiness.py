"""How core.wasm runs in this process, for reports to people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corewasm.vm import limits
from corewasm.vm.cache import NoCache, cache_path, cache_problem
from corewasm.vm.engine import EngineKind, engine_kind, engine_reason
from corewasm.vm.source import ModuleSource


@dataclass(frozen=True)
class Readiness:
    """Which engine runs the module and why; where its compiled form is kept; what is scarce."""

    engine: EngineKind
    reason: str
    cache_file: Path | None
    """None if there is no folder for it."""
    cached: bool
    """Whether the file is there."""
    cache_problem: str
    """Why nothing is kept; empty if it is, or was not tried yet."""
    tightest_room: str
    """What this process may have least of; empty if nothing is limited."""


def readiness(source: ModuleSource) -> Readiness:
    """For this process, as it is now. After a first `Instance(source)`, what could not be kept is known.

    Raises:
        ModuleError: `COREWASM_ENGINE` has a value that there is not.
    """
    kind = engine_kind()
    path, problem = None, cache_problem()
    try:
        path = cache_path(source, kind)
        cached = path.exists()
    except (NoCache, OSError, ValueError) as error:
        cached, problem = False, str(error)
    room = limits.tightest_room()
    return Readiness(kind, engine_reason(), path, cached, problem, "" if room is None else str(room))
