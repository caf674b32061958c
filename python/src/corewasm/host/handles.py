"""Handles of clients, workers and permits: 20 bits of index below 12 bits of generation, never 0."""

from __future__ import annotations

import itertools

_INDEX_BITS = 20
_MAX_INDEX = (1 << _INDEX_BITS) - 1
_MAX_GENERATION = (1 << 12) - 1


class HandlesExhausted(RuntimeError):
    """More than a million things are open at once."""


class Handles:
    """Hands out handles. One given back comes again only under another generation.

    From any thread, without a lock: whoever is interrupted in here loses at most an index of the million.
    """

    def __init__(self) -> None:
        self._free: dict[int, None] = {}
        self._indices = itertools.count(1)
        self._out: set[int] = set()

    def take(self) -> int:
        """A handle that nothing else has."""
        try:
            handle, _ = self._free.popitem()
        except KeyError:
            handle = next(self._indices)
            if handle > _MAX_INDEX:
                raise HandlesExhausted("no free handle is left") from None
        self._out.add(handle)
        return handle

    def give_back(self, handle: int) -> None:
        """The thing is gone; the old value is stale from now on. Harmless to repeat.

        An index whose generations are used up stays unused.
        """
        try:
            self._out.remove(handle)
        except KeyError:
            return
        generation = (handle >> _INDEX_BITS) + 1
        if generation <= _MAX_GENERATION:
            self._free[generation << _INDEX_BITS | handle & _MAX_INDEX] = None
