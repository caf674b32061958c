"""Calls of a module's exports with raw values, past wasmtime's own call path.

That one builds type objects for every call (tens of microseconds). This one hands wasmtime a flat array of raw values
instead, which it does not check: whoever makes a `RawFunction` must have compared the function's type. Also wasmtime's
wrappers around its C functions make pointer objects for each call; here they are made once, or are plain addresses.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from corewasm.vm.errors import AnswerLost, CoreTrap, refuse_closed
from corewasm.vm.memory import Memory

_ADDRESS = ctypes.c_void_p
_U32 = 0xFFFF_FFFF
# Without types for its arguments, which are made only once: to convert them takes a quarter of the call's time.
_call = ctypes.CFUNCTYPE(_ADDRESS)(("wasmtime_func_call_unchecked", ffi.dll))
# These two only read a field: not worth letting go of the interpreter's lock.
_memory_data = ctypes.PYFUNCTYPE(ctypes.c_size_t, _ADDRESS, _ADDRESS)(("wasmtime_memory_data", ffi.dll))
_memory_size = ctypes.PYFUNCTYPE(ctypes.c_size_t, _ADDRESS, _ADDRESS)(("wasmtime_memory_data_size", ffi.dll))


class RawFunction:
    """An export called with 16-byte raw values, of which the low 8 bytes are used.

    The result comes back in the first one.
    """

    def __init__(self, context: Any, function: wasmtime.Func, arity: int) -> None:
        self._function = function  # owns what the call below points to
        length = max(arity, 2)
        self._values = (ctypes.c_uint64 * (2 * length))()
        self._trap = _ADDRESS()
        self._invoke: Callable[[], int | None] = partial(
            _call, _ADDRESS(address(context)), _ADDRESS(ctypes.addressof(function._func)),
            _ADDRESS(ctypes.addressof(self._values)), ctypes.c_size_t(length), _ADDRESS(ctypes.addressof(self._trap)),
        )  # fmt: skip

    def __call__(self, first: int = 0, second: int = 0) -> int:
        """The result, or what the low half of the first value was if there is none.

        Raises:
            CoreTrap: the instance is lost.
        """
        values = self._values
        values[0], values[2] = first, second
        error = self._invoke()
        if error or self._trap.value:
            raise CoreTrap(self._failure(error))
        return values[0]

    def close(self) -> None:
        """The instance is given back: from now on a call raises `InstanceClosed`."""
        self._invoke = refuse_closed

    def forget(self) -> None:
        """From now on `result` is None, until the next call."""
        self._values[0] = 0

    def result(self) -> int | None:
        """The last call's result, also if its caller was interrupted; None if there was no call since `forget`.

        Only for a function whose result is over 32 bits long, and whose first argument is not 0.

        Raises:
            AnswerLost: it was called or was about to be, and nobody knows which.
        """
        value: int = self._values[0]
        if 0 < value <= _U32:
            raise AnswerLost("a turn was interrupted at its call")
        return value or None

    def _failure(self, error: int | None) -> str:
        if error:
            pointer = ctypes.cast(error, ctypes.POINTER(ffi.wasmtime_error_t))
            return str(wasmtime.WasmtimeError._from_ptr(pointer))
        trap = ctypes.cast(self._trap, ctypes.POINTER(ffi.wasm_trap_t))
        self._trap.value = None
        return wasmtime.Trap._from_ptr(trap).message.strip().splitlines()[-1].strip()


def memory_of(context: Any, memory: wasmtime.Memory) -> Memory:
    """The memory behind wasmtime's object, which must outlive the result, or its use."""
    handle = ctypes.addressof(memory._memory)
    base: Callable[[], int] = partial(_memory_data, address(context), handle)
    size: Callable[[], int] = partial(_memory_size, address(context), handle)
    return Memory(base, size)


def address(pointer: Any) -> int:
    """Where a ctypes pointer points."""
    return ctypes.cast(pointer, _ADDRESS).value or 0
