"""What effects want done on the I/O thread: in order, each once, whoever is interrupted on the way."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from corewasm.host.effects import Place
from corewasm.host.reports import report

logger = logging.getLogger(__name__)

_ATTEMPTS = 3


class IoRequests:
    """A queue in front of the I/O thread."""

    def __init__(self, io: Any) -> None:
        self._io = io
        self._waiting: deque[tuple[Place, Callable[..., object], tuple[Any, ...]]] = deque()
        self._last: Place = (-1, -1)
        self._failures = 0

    def add(self, place: Place, action: Callable[..., object], *arguments: Any) -> None:
        """Calls `action` soon. What came with this place already is not done again.

        Many requests of one turn wake the thread once.
        """
        self._waiting.append((place, action, arguments))
        if len(self._waiting) == 1:
            self._io.post(self.carry_out)

    def carry_out(self) -> None:
        """On the I/O thread."""
        waiting = self._waiting
        while waiting:
            place, action, arguments = waiting[0]
            if place > self._last:
                try:
                    action(*arguments)
                except BaseException as error:  # noqa: BLE001 - nothing stops the I/O thread
                    if self._is_tried_again(action, error):
                        return
                self._last = place
            waiting.popleft()

    def _is_tried_again(self, action: Callable[..., object], error: BaseException) -> bool:
        self._failures += 1
        if self._failures < _ATTEMPTS:
            self._io.post(self.carry_out)
            return True
        self._failures = 0
        report(logger, logging.ERROR, "%r cannot be done on the I/O thread: %r", action, error)
        return False
