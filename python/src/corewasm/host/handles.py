"""Handles of clients, workers and permits: 20 bits of index below 12 bits of generation, never 0."""

from __future__ import annotations

import threading

_INDEX_BITS = 20
_MAX_INDEX = (1 << _INDEX_BITS) - 1
_MAX_GENERATION = (1 << 12) - 1


class HandlesExhausted(RuntimeError):
    """More than a million things are open at once."""


class Handles:
    """Hands out handles. One given back comes again only under another generation."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next_index = 1
        self._lock = threading.Lock()

    def take(self) -> int:
        """A handle that nothing else has."""
        with self._lock:
            if self._free:
                return self._free.pop()
            if self._next_index > _MAX_INDEX:
                raise HandlesExhausted("no free handle is left")
            self._next_index += 1
            return self._next_index - 1

    def give_back(self, handle: int) -> None:
        """The thing is gone; the old value is stale from now on.

        An index whose generations are used up stays unused.
        """
        generation = (handle >> _INDEX_BITS) + 1
        if generation <= _MAX_GENERATION:
            with self._lock:
                self._free.append(generation << _INDEX_BITS | handle & _MAX_INDEX)
