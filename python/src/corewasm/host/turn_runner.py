"""Turns of one runtime's instance of Core, each of which can be left at any point and gone on with by another thread.

An exception may strike the thread that runs a turn between any two bytecodes. So a turn is a record (`_Turn`), stages
fill it in, and each stage may be done again: inputs leave their queue only once the record has them, the module's
answer is kept where its call leaves it, what is kept for the next instance may be noted twice, and a trap's aftermath
is prepared beside the present state, which then is replaced as a whole.

After a trap the next instance is opened with what Core has kept and with the calls that are unanswered. Then each input
of the turn that trapped is given again, in a turn of its own, so that a second trap names the culprit. What follows for
it is Core's to decide.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from corewasm.abi import turn, worker
from corewasm.host.claim import Claim
from corewasm.host.effects import EffectsOfTurn, Kinded
from corewasm.host.frame import Framer
from corewasm.host.kept import Kept, again, call_of
from corewasm.host.reports import report
from corewasm.host.rpc_results import refusal
from corewasm.host.task_inputs import AnyInput, as_message
from corewasm.host.unpatched import monotonic_ns, time_ns
from corewasm.vm import AnswerLost, CoreTrap

logger = logging.getLogger(__name__)

_CAME_TOO_LATE = (turn.InputError.BAD_HANDLE, turn.InputError.BAD_STATE)  # the thing concerned is gone already
_OPENINGS = 5
"""So many instances in a row that trap as they are opened end it: Core itself gives its workers up at the third."""
_REQUESTS = 1 << 40  # more requests for slots than one instance ever makes

Late: TypeAlias = "Callable[[], AnyInput | None]"
"""An input that is made when its turn begins; None if there is nothing to tell any more. May be called twice."""


class CannotBeOpened(RuntimeError):
    """Every new instance traps. Its text says with what."""


class Turns(Protocol):
    """What is needed of an instance."""

    def turn(self, request: bytes) -> bytes:
        """One turn."""

    def answer_to(self, request: bytes) -> bytes | None:
        """The response to a turn whose caller was interrupted; None if the turn was not made.

        Raises:
            CoreTrap: it was made, and its response is lost.
        """

    def close(self) -> None:
        """Gives its memory back. Harmless to repeat."""


@dataclass
class _State:
    """What a trap replaces, all at once."""

    number: int
    instance: Turns
    kept: Kept
    entropy: bytes = field(default_factory=lambda: os.urandom(32))
    is_new: bool = False
    """The instance before was lost, and this one is not open yet."""
    failed_openings: int = 0
    """How many instances before this one, in a row, trapped as they were opened."""
    trap: CoreTrap | None = None
    alone: AnyInput | Late | None = None
    """What was alone in the turn that trapped."""
    repetition: turn.Input.Repetition = turn.Input.FIRST
    """Whether that had trapped before."""
    again: deque[_Again] = field(default_factory=deque)
    """Comes before the inbox, each in a turn of its own."""


@dataclass(frozen=True)
class _Again:
    """An input of a turn whose instance was lost. `trapped`: it may be to blame."""

    item: AnyInput | Late
    trapped: bool


class _Turn(EffectsOfTurn):
    """A turn in hand. What a stage has not set yet stands in the class: to set it for each turn takes time."""

    interrupted = False
    request: bytes | None = None
    response: bytes | None = None
    refused: Mapping[int, turn.InputError] | None = None
    response_with_changes: turn.TurnResponse | None = None
    inputs_noted = False
    wakeup_ns: int | None = None
    is_read = False
    """Set last of what is read from the response."""
    trap: CoreTrap | None = None
    next: _State | None = None

    def __init__(
        self,
        number: int,
        instance: int,
        items: Sequence[AnyInput | Late],
        batch: Sequence[AnyInput],
        before: list[Kinded],
    ) -> None:
        """`items` are what the inputs of the `batch` were made from, none for those that open an instance.

        `before` are effects that are due whatever the turn comes to.
        """
        super().__init__(number, instance)
        self.items = items
        self.batch = batch
        self.before = before


class TurnRunner:
    """The inbox and the instance. All but `inbox` and what only reads is for one thread at a time."""

    def __init__(
        self, opening: turn.Open, new_instance: Callable[[], Turns], add_effects: Callable[[EffectsOfTurn], None]
    ) -> None:
        """`add_effects` takes a turn's effects; it may get the same ones twice."""
        opening.keep = True
        self.inbox: deque[AnyInput | Late] = deque([turn.Input(open=opening)])
        self.wakeup_ns: int | None = None
        self._new_instance = new_instance
        self._add_effects = add_effects
        self._state = _State(0, new_instance(), Kept(opening))
        self._numbers = itertools.count(1)
        self._framer = Framer()
        self._turn: _Turn | None = None

    @property
    def instance_number(self) -> int:
        """How many instances there were before this one."""
        return self._state.number

    def has_work(self) -> bool:
        """Whether there are inputs, or a turn was left."""
        return True if self.inbox or self._turn is not None else self._state.is_new or bool(self._state.again)

    def run_one(self) -> None:
        """One turn, or the rest of one that was left.

        Raises:
            Exception: a new instance was needed and could not be made. The turn is left in hand.
        """
        current = self._turn or self._begin()
        response = current.response
        try:
            if current.trap is None:  # else they are taken, and wait to be given again
                self._take_from_queue(current)
            if response is None and current.trap is None:
                response = current.response = self._answer(current)
        except CoreTrap as trap:
            current.trap = trap
        if current.trap is not None:
            self._recover(current, current.trap)
        elif response is not None:
            self._finish(current, response)
        self._turn = None

    def interrupted(self) -> None:
        """Whoever ran the turn in hand does not come back to it."""
        if self._turn is not None:
            self._turn.interrupted = True

    def close(self) -> None:
        """Gives the instance's memory back."""
        self._state.instance.close()

    # A turn

    def _begin(self) -> _Turn:
        state = self._state
        before: list[Kinded] = []
        items: Sequence[AnyInput | Late] = ()
        batch: Sequence[AnyInput]
        if state.is_new:
            alone = None if state.alone is None else next(iter(self._made((state.alone,), [])), None)
            batch = state.kept.first_turn(state.trap, None if alone is None else again(alone, state.repetition))
        elif state.again:
            items = (state.again[0].item,)
            batch = self._made(items, before)
            if state.again[0].trapped:
                batch = [again(each, turn.Input.TRAPPED) for each in batch]
        else:
            items = tuple(self.inbox)
            batch = self._made(items, before)
        current = self._turn = _Turn(next(self._numbers), state.number, items, batch, before)
        return current

    def _made(self, items: Sequence[AnyInput | Late], before: list[Kinded]) -> list[AnyInput]:
        batch: list[AnyInput] = []
        for item in items:
            made = item() if callable(item) else item
            if isinstance(made, turn.Input) and made.WhichOneof("kind") == "slot_reserved":
                made = self._permit_given(made.slot_reserved, before)
            if made is not None:
                batch.append(made)
        return batch

    def _permit_given(self, reserved: worker.SlotReserved, before: list[Kinded]) -> turn.Input | None:
        """A permit that an earlier instance had asked for goes back."""
        instance, request = divmod(reserved.request, _REQUESTS)
        if instance == self._state.number:
            return turn.Input(slot_reserved=worker.SlotReserved(request=request, permit=reserved.permit))
        if reserved.permit:
            release = worker.SlotRelease(permit=reserved.permit)
            before.append(("slot_release", turn.Effect(slot_release=release)))
        return None

    def _take_from_queue(self, current: _Turn) -> None:
        """Done again, it takes out what is still there: others only add behind."""
        inbox, state = self.inbox, self._state
        for item in current.items:
            if inbox and inbox[0] is item:
                inbox.popleft()
            elif state.again and state.again[0].item is item:
                state.again.popleft()

    def _answer(self, current: _Turn) -> bytes:
        state = self._state
        if current.request is None:
            current.request = self._framer.turn_request(time_ns(), monotonic_ns(), state.entropy, current.batch)
        if current.interrupted:
            answered = state.instance.answer_to(current.request)
            if answered is not None:
                return answered
        return state.instance.turn(current.request)

    def _finish(self, current: _Turn, response: bytes) -> None:
        if not current.is_read:
            self._read_response(current, turn.TurnResponse.FromString(response))
        state = self._state
        state.entropy = b""
        if state.is_new:
            state.is_new = False
        state.kept.finished(current)
        self.wakeup_ns = current.wakeup_ns
        if current.effects:
            self._add_effects(current)

    def _read_response(self, current: _Turn, response: turn.TurnResponse) -> None:
        # A slice: to iterate over a message's own container takes three times as long.
        effects = [(effect.WhichOneof("kind") or "", effect) for effect in response.effects[:]]
        if current.before:
            effects = current.before + effects
        if response.HasField("kept"):
            current.response_with_changes = response
        if response.HasField("next_wakeup_ns"):
            current.wakeup_ns = response.next_wakeup_ns
        if response.request_error or response.input_errors:
            current.refused = _refusals(response, current.batch)
            for index, why in current.refused.items():
                self._refused(as_message(current.batch[index]), why, effects)
        current.effects = effects
        current.is_read = True

    def _refused(self, refused: turn.Input, why: turn.InputError, effects: list[Kinded]) -> None:
        """Whoever waits for what the input would have done hears that it was not done."""
        kind = refused.WhichOneof("kind") or ""
        call = call_of(refused)
        if call:
            error = turn.CallError(kind=turn.CallError.RUNTIME, message=why.message)
            effects.append(("call_resolved", resolved(call, error)))
            return
        if kind == "rpc_result":
            answer = refusal(refused.rpc_result, why)
            if answer != refused.rpc_result:
                self.inbox.append(turn.Input(rpc_result=answer))  # the next turn is this instance's, and takes it
                return
        level = logging.DEBUG if why.kind in _CAME_TOO_LATE else logging.WARNING
        report(logger, level, "Core did not take %s: %s", kind, why.message)

    # Traps

    def _recover(self, current: _Turn, trap: CoreTrap) -> None:
        """The instance is lost; a new one takes up what the old one had in hand."""
        if current.next is None:
            report(logger, logging.ERROR, "Core trapped, its instance is replaced: %s", trap)
            self._state.instance.close()
            current.next = self._after_trap(current, trap)
        if current.next.failed_openings == _OPENINGS:
            current.next.instance.close()
            current.next = None
            raise CannotBeOpened(f"{_OPENINGS} instances of Core trapped as they were opened, the last with: {trap}")
        self.wakeup_ns = None
        self._state = current.next
        self._add_effects(current)

    def _after_trap(self, current: _Turn, trap: CoreTrap) -> _State:
        old = self._state
        instance, kept = self._new_instance(), old.kept.copy()
        nobody = isinstance(trap, AnswerLost)
        effects = kept.lost(None if nobody else monotonic_ns())
        current.effects = [*current.before, *((effect.WhichOneof("kind") or "", effect) for effect in effects)]
        state = _State(old.number + 1, instance, kept, is_new=True, trap=None if nobody else trap)
        state.failed_openings = old.failed_openings + 1 if old.is_new else 0
        state.again.extend(_Again(item, not nobody) for item in current.items)
        state.again.extend(old.again)
        if len(current.batch) == 1 and not nobody:
            state.alone = next((item for item in current.items if self._made((item,), [])), None)
            state.repetition = as_message(current.batch[0]).repetition
        return state


def once(claim: Claim, make: Callable[[], AnyInput | None]) -> Late:
    """An input of which only the first is made, however many there are with this claim."""

    def item() -> AnyInput | None:
        return make() if claim.setdefault(None, item) is item else None

    return item


def numbered(instance: int, message: worker.SlotReserve | worker.SlotTryReserve | worker.SlotReserveCancel) -> None:
    """Each instance counts its requests for slots from 1; their numbers outside of it are unique."""
    if message.request < _REQUESTS:
        message.request += instance * _REQUESTS


def resolved(call: int, error: turn.CallError) -> turn.Effect:
    """The failure of a call."""
    return turn.Effect(call_resolved=turn.CallResolved(call=call, error=error))


def _refusals(response: turn.TurnResponse, batch: Sequence[AnyInput]) -> dict[int, turn.InputError]:
    """Which inputs of the batch had no effect, and why: all of them if the request could not be read."""
    if response.request_error:
        report(logger, logging.ERROR, "Core could not read its inputs: %s", response.request_error)
        why = turn.InputError(kind=turn.InputError.MALFORMED, message=response.request_error)
        return dict.fromkeys(range(len(batch)), why)
    return {error.input_index: error for error in response.input_errors[:]}
