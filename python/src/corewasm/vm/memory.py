"""Copies in and out of an instance's memory, with every range checked."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from corewasm.vm.errors import MemoryRangeError


class Memory:
    """`base` and `size` are asked anew for each copy: the memory moves and grows while the module runs."""

    def __init__(self, base: Callable[[], int], size: Callable[[], int]) -> None:
        self._base = base
        self._size = size

    def write(self, pointer: int, data: bytes) -> None:
        """Copies `data` to `pointer`.

        Raises:
            MemoryRangeError: the range is not inside the memory.
        """
        length = len(data)
        if pointer + length > self._size():
            raise self._outside(pointer, length)
        ctypes.memmove(self._base() + pointer, data, length)

    def read(self, pointer: int, length: int) -> bytes:
        """A copy of `length` bytes at `pointer`.

        Raises:
            MemoryRangeError: the range is not inside the memory.
        """
        if pointer + length > self._size():
            raise self._outside(pointer, length)
        return ctypes.string_at(self._base() + pointer, length)

    def _outside(self, pointer: int, length: int) -> MemoryRangeError:
        return MemoryRangeError(f"bytes {pointer}..{pointer + length} are outside of the module's {self._size()}")
