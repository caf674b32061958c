"""Copies in and out of an instance's memory, with every range checked."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from corewasm.vm.errors import MemoryRangeError, refuse_closed


class Memory:
    """`base` is asked anew for each copy, `size` where it seems too small: the memory moves, and only ever grows."""

    def __init__(self, base: Callable[[], int], size: Callable[[], int]) -> None:
        self._base = base
        self._size = size
        self._seen_base = self._seen_size = 0
        self._view = memoryview(b"")

    def size(self) -> int:
        """Bytes of it now."""
        return self._size()

    def close(self) -> None:
        """The memory is given back: from now on every use raises `InstanceClosed`."""
        self._base = self._size = refuse_closed
        self._view = memoryview(b"")

    def write(self, pointer: int, data: bytes) -> None:
        """Copies `data` to `pointer`.

        Raises:
            MemoryRangeError: the range is not inside the memory.
        """
        end = pointer + len(data)
        if self._base() != self._seen_base or end > self._seen_size:
            self._look(pointer, end)
        self._view[pointer:end] = data

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of `length` bytes at `pointer`.

        Raises:
            MemoryRangeError: the range is not inside the memory.
        """
        end = pointer + length
        if self._base() != self._seen_base or end > self._seen_size:
            self._look(pointer, end)
        return self._view[pointer:end].tobytes()

    def _look(self, pointer: int, end: int) -> None:
        """Views the memory where it is now. Whoever is interrupted in here finds the old base, and looks again."""
        self._seen_base = 0
        base, size = self._base(), self._size()
        self._view = memoryview((ctypes.c_char * size).from_address(base)).cast("B")
        self._seen_size = size
        self._seen_base = base
        if end > size:
            raise MemoryRangeError(f"bytes {pointer}..{end} are outside of the module's {size}")
