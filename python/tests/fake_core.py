"""A stand-in for core.wasm that a test scripts in Python: it gets each turn's inputs and says the effects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from corewasm.abi import turn
from corewasm.host.driver import Driver
from corewasm.host.io_thread import IoThread
from corewasm.vm import CoreTrap

Script = Callable[[turn.Input], Iterable[turn.Effect]]


class FakeCore:
    """Applies `script` to every input. `trap_at` holds the numbers of turns that die.

    `keep` and `forget` go into the next response.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.turns: list[list[turn.Input]] = []
        self.threads: list[int] = []
        self.next_wakeup_ns: int | None = None
        self.trap_at: set[int] = set()
        self.closed = False
        self.keep: list[turn.Keep] = []
        self.forget: list[bytes] = []
        self._last: tuple[bytes, bytes] | None = None
        self._busy = threading.Lock()

    def turn(self, request: bytes) -> bytes:
        assert self._busy.acquire(blocking=False), "two threads are in one instance"
        try:
            response = self._turn(turn.TurnRequest.FromString(request)).SerializeToString()
            self._last = (request, response)
            return response
        finally:
            self._busy.release()

    def answer_to(self, request: bytes) -> bytes | None:
        return self._last[1] if self._last is not None and self._last[0] is request else None

    def _turn(self, request: turn.TurnRequest) -> turn.TurnResponse:
        self.turns.append(list(request.inputs))
        self.threads.append(threading.get_ident())
        if len(self.turns) in self.trap_at:
            raise CoreTrap("trapped", "a test wants it")
        response = turn.TurnResponse()
        for each in request.inputs:
            response.effects.extend(self.script(each))
        if self.next_wakeup_ns is not None:
            response.next_wakeup_ns = self.next_wakeup_ns
        if self.keep or self.forget:
            response.kept.keep.extend(self.keep)
            response.kept.forget.extend(self.forget)
        self.keep, self.forget = [], []
        return response

    def close(self) -> None:
        self.closed = True

    def inputs(self, kind: str) -> list[Any]:
        """All inputs of one kind so far."""
        return [getattr(each, kind) for batch in self.turns for each in batch if each.WhichOneof("kind") == kind]


class RecordingSinks:
    def __init__(self) -> None:
        self.logs: list[Any] = []
        self.metric_effects: list[Any] = []
        self.slot_effects: list[tuple[str, Any]] = []

    def log(self, record: Any) -> None:
        self.logs.append(record)

    def metrics(self, effect: Any) -> None:
        self.metric_effects.append(effect)

    def slots(self, kind: str, effect: Any) -> None:
        self.slot_effects.append((kind, effect))


class CallFailed(Exception):
    pass


def driver_of(core: FakeCore, sinks: RecordingSinks | None = None) -> Driver:
    io = IoThread()
    sinks = sinks or RecordingSinks()
    return Driver(turn.Open(), sinks, lambda error: CallFailed(error.message), io, lambda: core)


def resolved(call: int, value: bytes = b"", error: str = "") -> turn.Effect:
    if error:
        return turn.Effect(call_resolved=turn.CallResolved(call=call, error=turn.CallError(message=error)))
    return turn.Effect(call_resolved=turn.CallResolved(call=call, value=value))


def answer_polls(each: turn.Input) -> Iterable[turn.Effect]:
    """Answers each poll at once with a value that names its call, and each cancelled call as Core does."""
    if each.WhichOneof("kind") == "worker_poll":
        yield resolved(each.worker_poll.call, b"task %d" % each.worker_poll.call)


def silent(_each: turn.Input) -> Iterable[turn.Effect]:
    return ()
