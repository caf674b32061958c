"""The effects of turns, carried out in order, by one thread at a time.

An effect leaves the queue only after it was carried out. One that was interrupted is carried out again: whatever
performs effects takes the second time for the same one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from corewasm.abi import turn
from corewasm.host.claim import Claim, drop_if_held_by
from corewasm.host.reports import report

logger = logging.getLogger(__name__)

_ATTEMPTS = 3

Kinded: TypeAlias = "tuple[str, turn.Effect]"
Place: TypeAlias = "tuple[int, int]"
"""The number of an effect's turn, and its place in there. Places only grow."""


class EffectsOfTurn:
    """What one turn of one instance wants done, and how much of it is done."""

    done = 0
    failures = 0
    effects: Sequence[Kinded] = ()

    def __init__(self, number: int, instance: int) -> None:
        self.number = number
        self.instance = instance


Perform: TypeAlias = "Callable[[EffectsOfTurn, str, turn.Effect], None]"


class EffectQueue:
    """Effects that wait to be carried out."""

    def __init__(self, perform: Perform) -> None:
        """`perform` carries out one effect. It may be called twice for one that was interrupted."""
        self._perform = perform
        self._waiting: deque[EffectsOfTurn] = deque()
        self._claim: Claim = {}

    def __len__(self) -> int:
        """How many turns have effects that wait."""
        return len(self._waiting)

    def add(self, effects: EffectsOfTurn) -> None:
        """Harmless to repeat: what was done already is not done again."""
        if effects.done < len(effects.effects) and effects not in self._waiting:
            self._waiting.append(effects)

    def carry_out(self, token: object) -> None:
        """All that wait, unless another thread is at it, which then does these too."""
        waiting, perform, claim = self._waiting, self._perform, self._claim
        while waiting and claim.setdefault(None, token) is token:
            while waiting:
                of_turn = waiting[0]
                for place in range(of_turn.done, len(of_turn.effects)):
                    perform(of_turn, *of_turn.effects[place])
                    of_turn.done = place + 1
                waiting.popleft()
            claim.pop(None, None)

    def take_over(self, token: object) -> None:
        """Whoever had `token` was interrupted. On the I/O thread, which calls `carry_out` next."""
        drop_if_held_by(self._claim, token)

    def failed(self, error: BaseException) -> None:
        """On the I/O thread, after an effect raised: three times, and it is given up."""
        if not self._waiting:
            return
        turn_of_effect = self._waiting[0]
        turn_of_effect.failures += 1
        if turn_of_effect.failures >= _ATTEMPTS and turn_of_effect.done < len(turn_of_effect.effects):
            kind = turn_of_effect.effects[turn_of_effect.done][0]
            report(logger, logging.ERROR, "%s cannot be carried out and is left out: %r", kind, error)
            turn_of_effect.failures = 0
            turn_of_effect.done += 1
