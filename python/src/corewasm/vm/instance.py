"""One instance of core.wasm: the exports of docs/abi.md as Python methods."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import wasmtime

from corewasm.abi import ABI_MAJOR
from corewasm.vm import limits
from corewasm.vm.compiled import compiled_module
from corewasm.vm.engine import RESERVED
from corewasm.vm.errors import CoreTrap, MemoryRangeError, ModuleError
from corewasm.vm.raw_calls import RawFunction, memory_of
from corewasm.vm.source import ModuleSource, module_in_use

_EXPORTS: dict[str, tuple[list[str], list[str]]] = {
    "abi_version": ([], ["i32"]),
    "alloc": (["i32"], ["i32"]),
    "free": (["i32", "i32"], []),
    "turn": (["i32", "i32"], ["i64"]),
    "last_panic": ([], ["i64"]),
}
_U32 = 0xFFFF_FFFF
_REQUEST_ROOM = 65536
"""Bytes of the buffer that is kept for requests: nearly all fit."""

_WHAT = "An instance of Core, one for each runtime and each replay worker,"
_ROOM_BESIDE = 4 * limits.MIB
"""What wasmtime takes for an instance beside its memory, generously."""


class Instance:
    """A fresh instance. Not to be used by two threads at once; after a `CoreTrap` not to be used at all."""

    def __init__(self, source: ModuleSource | None = None) -> None:
        """Loads `source`, or the module that this process uses.

        Raises:
            NoRoomForModule: this process may not have the memory.
            ModuleError: damaged, another ABI, imports something, lacks an export.
        """
        self.source = source or module_in_use()
        compiled = compiled_module(self.source)
        if compiled.module.imports:
            names = ", ".join(f"{i.module}.{i.name}" for i in compiled.module.imports)
            raise ModuleError(f"{self.source.path} wants imports, which this host does not give: {names}")
        self._began: bytes | None = None
        self._to_free: tuple[int, int] | None = None
        limits.need_room(_WHAT, RESERVED + _ROOM_BESIDE)
        self._store = wasmtime.Store(compiled.engine)
        try:
            self._use_exports(self._instantiate(compiled.module))
        except BaseException:
            self._store.close()  # now: whoever tries again may not have the memory for two
            raise

    def turn(self, request: bytes) -> bytes:
        """One turn: a serialized TurnRequest in, a serialized TurnResponse out.

        Raises:
            CoreTrap: the instance is lost.
            InstanceClosed: it was closed.
        """
        if self._to_free is not None:
            self._free(*self._to_free)
            self._to_free = None
        self._turn.forget()
        self._began = request
        try:
            if self._fits(request):
                self._memory.write(self._request, request)
                packed = self._turn(self._request, len(request))
                return self._memory.read(packed >> 32, packed & _U32)
            return self._turn_with_own_buffers(request)
        except MemoryRangeError as error:
            raise CoreTrap(str(error)) from error
        except CoreTrap as trap:
            raise CoreTrap(str(trap), self._panic_text()) from None

    def answer_to(self, request: bytes) -> bytes | None:
        """The response to a turn whose caller was interrupted, between any two bytecodes of `turn`; None if not made.

        Raises:
            AnswerLost: the turn was made, or was about to be, and its response is lost.
        """
        packed = self._turn.result() if self._began is request else None
        if packed is None:
            return None
        if not self._fits(request):
            self._to_free = packed >> 32, packed & _U32
        return self._memory.read(packed >> 32, packed & _U32)

    def memory_size(self) -> int:
        """Bytes of linear memory. It never shrinks."""
        return self._memory.size()

    def close(self) -> None:
        """Gives the memory back. Whatever is called later raises `InstanceClosed`; closing again is harmless."""
        for holder in (self._memory, self._turn, self._alloc, self._free, self._last_panic):
            holder.close()  # first: they hold addresses of what is given back
        self._store.close()

    def __enter__(self) -> Instance:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _instantiate(self, module: wasmtime.Module) -> Any:
        try:
            return wasmtime.Instance(self._store, module, []).exports(self._store)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            if limits.is_about_memory(error):
                raise limits.no_room(_WHAT, RESERVED, error) from error
            raise ModuleError(f"{self.source.path} cannot be instantiated: {error}") from error

    def _use_exports(self, exports: Any) -> None:
        context = self._store._context()
        functions = {name: self._function(exports, name, context) for name in _EXPORTS}
        self._alloc, self._free = functions["alloc"], functions["free"]
        self._turn, self._last_panic = functions["turn"], functions["last_panic"]
        exported = exports["memory"] if "memory" in exports else None
        if not isinstance(exported, wasmtime.Memory):
            raise ModuleError(f"{self.source.path} does not export its memory")
        self._exported_memory = exported
        self._memory = memory_of(context, exported)
        self.abi_version = self._checked_version(functions["abi_version"])
        keeps_buffers = self.abi_version >= (1, 1)
        self._request = self._alloc(_REQUEST_ROOM) & _U32 if keeps_buffers else 0

    def _fits(self, request: bytes) -> bool:
        return bool(self._request) and len(request) < _REQUEST_ROOM

    def _turn_with_own_buffers(self, request: bytes) -> bytes:
        pointer = self._alloc(len(request)) & _U32
        self._memory.write(pointer, request)
        packed = self._turn(pointer, len(request))
        place = packed >> 32, packed & _U32
        self._to_free = place
        return self._memory.read(*place)

    def _panic_text(self) -> str:
        try:
            packed = self._last_panic()
            return self._memory.read(packed >> 32, packed & _U32).decode(errors="replace")
        except (CoreTrap, MemoryRangeError):
            return ""

    def _function(self, exports: Any, name: str, context: Any) -> RawFunction:
        function = exports[name] if name in exports else None
        if not isinstance(function, wasmtime.Func):
            raise ModuleError(f"{self.source.path} has no export {name}")
        kind = function.type(self._store)
        found = ([str(p) for p in kind.params], [str(r) for r in kind.results])
        if found != _EXPORTS[name]:
            raise ModuleError(f"{self.source.path}: {name} has the type {found}, expected {_EXPORTS[name]}")
        return RawFunction(context, function, max(len(found[0]), len(found[1])))

    def _checked_version(self, abi_version: RawFunction) -> tuple[int, int]:
        packed = abi_version() & _U32
        major, minor = packed >> 16, packed & 0xFFFF
        if major != ABI_MAJOR:
            raise ModuleError(f"{self.source.path} speaks ABI {major}.{minor}, this host speaks ABI {ABI_MAJOR}")
        return major, minor
