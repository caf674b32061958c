"""wasmtime's settings for a library inside somebody else's process, and which engine runs in this one.

docs/adr/0015 has the figures. No signal handler, no thread, no gigabytes of address space, nothing in the process's
unwinder. Where memory may not be made executable, wasmtime's interpreter runs the module instead.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import os

import wasmtime

from corewasm.vm import limits
from corewasm.vm.errors import ModuleError
from corewasm.vm.limits import MIB

logger = logging.getLogger(__name__)

ENGINE_VARIABLE = "COREWASM_ENGINE"
"""Environment variable: `compiled` or `interpreted`. Without it, what this process may do decides."""

RESERVED = 16 * MIB
"""Address space that an instance's memory takes. Beyond it, the memory moves."""

MAX_STACK = 64 << 10
"""Bytes of a thread's stack that the module may use: twice what the deepest messages need.

wasmtime itself and what calls it need 16 KiB more, so it fits into musl's threads of 128 KiB.
"""

_GROWTH, _GROWTH_IF_LIMITED = 1024 * MIB, 64 * MIB
_PULLEY = "pulley64"


class EngineKind(enum.Enum):
    """How the module is run."""

    COMPILED = "compiled"
    INTERPRETED = "interpreted"
    """Turns take about twenty times as long."""


_engines: dict[EngineKind, wasmtime.Engine] = {}
_kind: EngineKind | None = None
_why = ""


def engine_kind() -> EngineKind:
    """Which engine this process has. The first call decides.

    Raises:
        ModuleError: `COREWASM_ENGINE` has another value.
    """
    global _kind, _why
    if _kind is None:
        chosen = os.environ.get(ENGINE_VARIABLE)
        if chosen:
            _kind, _why = _named(chosen), f"{ENGINE_VARIABLE} says so"
        else:
            refused = limits.code_is_refused()
            if refused:
                interpret(refused)
            else:
                _kind, _why = EngineKind.COMPILED, "memory may be made executable"
    return _kind or EngineKind.COMPILED


def engine_reason() -> str:
    """Why it is that engine, in a few words."""
    engine_kind()
    return _why


def interpret(refused: str) -> None:
    """From now on this process interprets; `refused` says why memory may not be made executable."""
    global _kind, _why
    _kind, _why = EngineKind.INTERPRETED, f"memory may not be made executable here ({refused})"
    with contextlib.suppress(Exception):  # a program's logging may raise
        logger.warning("%s: Core is interpreted, and its turns take about twenty times as long", _why)


def engine_of(kind: EngineKind) -> wasmtime.Engine:
    """The engine of this kind that all modules of this process are made for."""
    engine = _engines.get(kind)
    if engine is None:
        engine = _engines[kind] = wasmtime.Engine(_settings(kind))
    return engine


def _settings(kind: EngineKind) -> wasmtime.Config:
    config = wasmtime.Config()
    if kind is EngineKind.INTERPRETED:
        config.target = _PULLEY
    # Traps are branches in the code: handlers of SIGSEGV and others belong to the program.
    config.signals_based_traps = False
    config.max_wasm_stack = MAX_STACK
    config.memory_reservation = RESERVED
    config.memory_reservation_for_growth = _GROWTH_IF_LIMITED if limits.address_space_is_limited() else _GROWTH
    config.memory_guard_size = 0  # nothing relies on guards without signals
    config.memory_may_move = True
    config.memory_init_cow = False  # needs memfd_create and more mappings
    config.parallel_compilation = False  # threads that stay, and an abort where a process may not have them
    if os.name == "posix":
        config.native_unwind_info = False  # would be registered with the process's unwinder, under its lock
    return config


def _named(text: str) -> EngineKind:
    try:
        return EngineKind(text)
    except ValueError:
        names = " or ".join(kind.value for kind in EngineKind)
        raise ModuleError(f"{ENGINE_VARIABLE}={text}: there is only {names}") from None
