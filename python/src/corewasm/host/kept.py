"""What a runtime's next instance of Core gets if this one traps: Core's own entries, unread, and what is unanswered.

Whoever is interrupted in `finished` calls it again: inputs are taken until the first effect was, and from then on each
step may be done twice.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from corewasm.abi import turn, worker
from corewasm.host.effects import Kinded
from corewasm.host.task_inputs import AnyInput, TaskInput, as_message
from corewasm.vm import CoreTrap

_TRAPS_TOLD = 3


class FinishedTurn(Protocol):
    """What is noted of a turn."""

    batch: Sequence[AnyInput]
    effects: Sequence[Kinded]
    response_with_changes: turn.TurnResponse | None
    inputs_noted: bool
    refused: Mapping[int, turn.InputError] | None  # by their places in the batch


class Kept:
    """Of one runtime."""

    def __init__(self, opening: turn.Open) -> None:
        self._opening = opening
        self._entries: dict[bytes, tuple[bytes, bytes]] = {}
        self._unanswered: dict[int, AnyInput] = {}
        self._reservations: dict[int, None] = {}
        self._trapped_at: deque[int] = deque(maxlen=_TRAPS_TOLD)

    def copy(self) -> Kept:
        """What goes its own way from here. Messages are shared."""
        other = copy.copy(self)
        other._entries, other._unanswered = dict(self._entries), dict(self._unanswered)
        other._reservations, other._trapped_at = dict(self._reservations), self._trapped_at.copy()
        return other

    def finished(self, done: FinishedTurn) -> None:
        """A turn ended well."""
        refused, unanswered = done.refused, self._unanswered
        if not done.inputs_noted:
            for index, each in enumerate(done.batch):
                if isinstance(each, TaskInput):
                    unanswered[each.call] = each
                else:
                    self._note(each)
                if refused and index in refused:
                    unanswered.pop(call_of(each), None)
            done.inputs_noted = True
        for kind, effect in done.effects:
            if kind == "call_resolved":  # most are
                unanswered.pop(effect.call_resolved.call, None)
            elif kind in ("slot_reserve", "slot_try_reserve"):
                self._reservations[getattr(effect, kind).request] = None
            elif kind == "slot_reserve_cancel":
                self._reservations.pop(effect.slot_reserve_cancel.request, None)
        if done.response_with_changes is not None:
            self._keep(done.batch, done.response_with_changes)

    def lost(self, trapped_at_ns: int | None) -> list[turn.Effect]:
        """The instance is gone; it trapped, unless there is no time. Returns what it would have done itself."""
        if trapped_at_ns is not None:
            self._trapped_at.append(trapped_at_ns)
        requests, self._reservations = list(self._reservations), {}
        return [turn.Effect(slot_reserve_cancel=worker.SlotReserveCancel(request=each)) for each in requests]

    def first_turn(self, trap: CoreTrap | None, alone: turn.Input | None) -> list[turn.Input]:
        """The inputs that open the next instance. `alone` is the input that the trapped turn had, if it had one."""
        opening = turn.Open()
        opening.CopyFrom(self._opening)
        entries = self._entries.items()
        opening.kept.extend(turn.Kept(key=key, state=state, body=body) for key, (state, body) in entries)
        if trap is not None:
            named = b"" if alone is None else alone.SerializeToString()
            told = turn.Trapped(text=str(trap), panic=trap.panic, at_ns=self._trapped_at, alone=named)
            opening.trapped.CopyFrom(told)
        unanswered = [again(each, turn.Input.UNANSWERED) for _, each in sorted(self._unanswered.items())]
        return [turn.Input(open=opening), *unanswered]

    def _note(self, each: turn.Input) -> None:
        call = call_of(each)
        if call:
            self._unanswered[call] = each
        elif each.WhichOneof("kind") == "slot_reserved":
            self._reservations.pop(each.slot_reserved.request, None)

    def _keep(self, batch: Sequence[AnyInput], changes: turn.TurnResponse) -> None:
        entries = self._entries
        for keep in changes.kept.keep[:]:
            body, where = b"", keep.WhichOneof("body")
            if where == "input":
                body = batch[keep.input].SerializeToString()
            elif where == "value":
                body = changes.effects[keep.value].call_resolved.value
            elif where == "unchanged":
                body = entries[keep.key][1]
            entries[keep.key] = (keep.state, body)
        for key in changes.kept.forget[:]:
            entries.pop(key, None)


def call_of(each: AnyInput) -> int:
    """The call that waits for an answer to the input; 0 for none."""
    message = as_message(each)
    kind = message.WhichOneof("kind") or "call_cancelled"
    return 0 if kind == "call_cancelled" else getattr(getattr(message, kind), "call", 0)


def again(each: AnyInput, repetition: turn.Input.Repetition) -> turn.Input:
    """The input as it is given to an instance that did not have it before."""
    message = turn.Input()
    message.CopyFrom(as_message(each))
    message.repetition = repetition
    return message
