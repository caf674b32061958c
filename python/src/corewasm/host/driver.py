"""The driver of one runtime's instance of Core.

What may be called from where: `submit`, `call` and `call_now` from any thread, `post` even from finalizers. A
caller's turn runs in its own thread when the instance is free; otherwise its input waits in the inbox for whoever has
the instance. So an event loop's thread never waits for another one, except in `call_now`. Effects are carried out in
order, by one thread at a time, after the instance is free again.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from corewasm.abi import telemetry, turn, worker
from corewasm.host import process
from corewasm.host.calls import LoopCall, ThreadCall
from corewasm.host.frame import Framer
from corewasm.host.handles import Handles
from corewasm.host.io_thread import IoThread
from corewasm.host.recovery import Recovery
from corewasm.host.rpc_results import refusal
from corewasm.host.rpcs import Rpcs, RunningRpc
from corewasm.host.task_inputs import AnyInput, as_message
from corewasm.transport import TransportOptions
from corewasm.vm import CoreTrap, Instance

logger = logging.getLogger(__name__)

_CAME_TOO_LATE = (turn.InputError.BAD_HANDLE, turn.InputError.BAD_STATE)  # the thing concerned is gone already
_REQUESTS = 1 << 40  # more requests for slots than one instance ever makes

Late: TypeAlias = "Callable[[], AnyInput | None]"
"""An input that is made when its turn begins; None if there is nothing to tell any more."""


class Turns(Protocol):
    """What the driver needs of an instance."""

    def turn(self, request: bytes) -> bytes:
        """One turn."""

    def close(self) -> None:
        """Gives its memory back."""


class Sinks(Protocol):
    """Where telemetry and slot effects go. Called in order, by one thread at a time; must not raise or wait."""

    def log(self, record: telemetry.LogRecord) -> None:
        """One log record."""

    def metrics(self, effect: turn.Effect) -> None:
        """A definition or packed records."""

    def slots(self, kind: str, effect: turn.Effect) -> None:
        """One of the slot effects."""


ErrorOf = Callable[[turn.CallError], BaseException]
_alive: set[Driver] = set()


class Driver:
    """See the module's page.

    A driver lives as long as one of those it was leased to, and then ends on its I/O thread. It is never left to the
    collector: a finalizer that uses a driver which is being collected itself would run a turn in freed memory.
    """

    def __init__(
        self,
        opening: turn.Open,
        sinks: Sinks,
        error_of: ErrorOf,
        io: IoThread,
        new_instance: Callable[[], Turns] = Instance,
    ) -> None:
        self.pid = process.current()
        self.clients, self.workers, self.permits = Handles(), Handles(), Handles()
        self.recovery = Recovery(opening)
        self._sinks = sinks
        self._error_of = error_of
        self._new_instance = new_instance
        self._instance = new_instance()
        self._generation = 0
        self._entropy = os.urandom(32)
        self._inbox: deque[AnyInput | Late] = deque([turn.Input(open=opening)])
        self._groups: deque[list[turn.Input]] = deque()
        self._effects: deque[tuple[int, str, turn.Effect]] = deque()
        self._framer = Framer()
        self._turn_lock, self._effects_lock = threading.Lock(), threading.Lock()
        self._calls: dict[int, LoopCall | ThreadCall] = {}
        self._call_ids = itertools.count(1)
        self._wakeup_ns: int | None = None
        self._timer: tuple[int, asyncio.TimerHandle] | None = None
        self.io = io
        self.rpcs = Rpcs(self.io, self._rpc_finished)
        self._leases: set[object] = set()
        self._ended = False
        _alive.add(self)
        self._perform = self._performers()

    # Life

    def lease(self, owner: object, *last: turn.Input) -> weakref.finalize[Any, Any]:
        """Keeps the driver alive until `owner` is collected, and then gives it the `last` inputs."""
        token = object()
        self._leases.add(token)
        finalizer = weakref.finalize(owner, self._return_lease, token, last)
        finalizer.atexit = False
        return finalizer

    def _return_lease(self, token: object, last: tuple[turn.Input, ...]) -> None:
        """In a finalizer: atomic steps only."""
        for each in last:
            self.post(each)
        self._leases.discard(token)
        if not self._leases:
            self.io.post(self._end)
            _alive.discard(self)

    def _end(self) -> None:
        """On the I/O thread, after the last inputs."""
        if self._leases or self._ended:
            return
        with self._turn_lock:
            while self._inbox or self._groups:  # left by who had the instance and did not look again yet
                self._one_turn()
            self._ended = True
            self._instance.close()
        self._carry_out()

    # Inputs

    def submit(self, *inputs: AnyInput | Late) -> None:
        """Gives inputs to Core, now or as soon as who has the instance gets to them.

        Does nothing in a forked child.
        """
        if self._ended or self.pid != process.current():
            return
        self._inbox.extend(inputs)
        self._drain()

    def post(self, item: AnyInput | Late) -> None:
        """As `submit`, for finalizers: two atomic steps, no lock; the turn is the I/O thread's."""
        if not self._ended and self.pid == process.current():
            self._inbox.append(item)
            self.io.post(self._drain)

    def call(
        self,
        make: Callable[[int], AnyInput],
        convert: Callable[[bytes], Any] = bytes,
        undelivered: Callable[[bytes], None] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> asyncio.Future[Any]:
        """An input that Core answers later, by a future of the caller's running loop.

        `undelivered` gets the value when nobody could take it; `ended` is called when the future is done.

        Raises:
            RuntimeError: no event loop runs in this thread.
        """
        number = next(self._call_ids)
        waiting = LoopCall(number, self._given_up, convert, undelivered, ended)
        self._calls[number] = waiting
        self.submit(make(number))
        return waiting

    def _given_up(self, number: int) -> None:
        if number in self._calls:
            self.submit(turn.Input(call_cancelled=turn.CallCancelled(call=number)))

    def call_now(self, make: Callable[[int], AnyInput]) -> bytes:
        """An input that Core answers in the same turn; waits for that turn.

        Raises:
            Exception: what the call failed with.
        """
        waiting = ThreadCall()
        number = next(self._call_ids)
        self._calls[number] = waiting
        self.submit(make(number))
        return waiting.wait()

    def open_client(self, options: TransportOptions) -> int:
        """A new client's handle; its connection is made with its first RPC."""
        client = self.clients.take()
        self.rpcs.open_client(client, options)
        return client

    # Turns

    def _drain(self, *, tick: bool = False) -> None:
        while self._inbox or self._groups or tick:
            if not self._turn_lock.acquire(False):
                break  # its holder looks into the inbox again after letting go
            try:
                if self._ended:
                    return
                self._one_turn()
            finally:
                self._turn_lock.release()
            tick = False
        self._carry_out()
        self._arm_timer()

    def _one_turn(self) -> None:
        batch: Sequence[AnyInput]
        if self._groups:
            batch = self._groups.popleft()
            self.recovery.began(batch, as_message(batch[0]).WhichOneof("kind") == "open")
        else:
            batch = self._take_inbox()
            self.recovery.began(batch)
        request = self._framer.turn_request(time.time_ns(), time.monotonic_ns(), self._entropy, batch)
        try:
            response = turn.TurnResponse.FromString(self._instance.turn(request))
        except CoreTrap as trap:
            self._recover(trap)
            return
        self._entropy = b""
        refused = _refusals(response, batch)
        # Slices: to iterate over a message's own container takes three times as long.
        effects = [(self._generation, effect.WhichOneof("kind") or "", effect) for effect in response.effects[:]]
        self.recovery.finished(effects, refused)
        self._effects += effects
        self._wakeup_ns = response.next_wakeup_ns if response.HasField("next_wakeup_ns") else None
        for index, why in refused.items():
            self._refused(as_message(batch[index]), why)

    def _take_inbox(self) -> list[AnyInput]:
        batch: list[AnyInput] = []
        while self._inbox:
            item = self._inbox.popleft()
            made = item() if callable(item) else item
            if isinstance(made, turn.Input) and made.WhichOneof("kind") == "slot_reserved":
                made = self._permit_given(made.slot_reserved)
            if made is not None:
                batch.append(made)
        return batch

    def _permit_given(self, reserved: worker.SlotReserved) -> turn.Input | None:
        """A permit that an earlier instance had asked for goes back."""
        instance, request = divmod(reserved.request, _REQUESTS)
        if instance == self._generation:
            return turn.Input(slot_reserved=worker.SlotReserved(request=request, permit=reserved.permit))
        if reserved.permit:
            release = worker.SlotRelease(permit=reserved.permit)
            self._effects.append((self._generation, "slot_release", turn.Effect(slot_release=release)))
        return None

    def _recover(self, trap: CoreTrap) -> None:
        """The instance is lost; a new one takes up what the old one had in hand."""
        logger.error("Core trapped, its instance is replaced: %s", trap)
        self._instance.close()
        self._instance = self._new_instance()
        self._generation += 1
        self._entropy = os.urandom(32)
        self._wakeup_ns = None
        recovered = self.recovery.after_trap(trap, time.monotonic())
        self._groups.extendleft(reversed(recovered.groups))
        for effect in recovered.effects:
            self._effects.append((self._generation - 1, effect.WhichOneof("kind") or "", effect))

    def _refused(self, refused: turn.Input, why: turn.InputError) -> None:
        """Whoever waits for what the input would have done hears that it was not done."""
        kind = refused.WhichOneof("kind") or ""
        call = getattr(getattr(refused, kind, None), "call", 0)
        if call and kind != "call_cancelled":
            error = turn.CallError(kind=turn.CallError.RUNTIME, message=why.message)
            self._effects.append((self._generation, "call_resolved", _resolved(call, error)))
            return
        if kind == "rpc_result":
            answer = refusal(refused.rpc_result, why)
            if answer != refused.rpc_result:
                self._inbox.append(turn.Input(rpc_result=answer))  # the next turn is this instance's, and takes it
                return
        level = logging.DEBUG if why.kind in _CAME_TOO_LATE else logging.WARNING
        logger.log(level, "Core did not take %s: %s", kind, why.message)

    # Effects

    def _carry_out(self) -> None:
        while self._effects:
            if not self._effects_lock.acquire(False):
                return
            try:
                while self._effects:
                    generation, kind, effect = self._effects.popleft()
                    if kind == "call_resolved":  # most are
                        self._resolve(effect.call_resolved)
                    elif kind in self._perform:
                        self._perform[kind](generation, effect)
            finally:
                self._effects_lock.release()

    def _performers(self) -> dict[str, Callable[[int, turn.Effect], None]]:
        me = weakref.proxy(self)
        sinks = self._sinks

        def slots(kind: str) -> Callable[[int, turn.Effect], None]:
            return lambda _, effect: sinks.slots(kind, effect)

        def slot_requests(kind: str) -> Callable[[int, turn.Effect], None]:
            return lambda generation, effect: sinks.slots(kind, _numbered(generation, getattr(effect, kind), effect))

        return {
            "rpc_start": lambda generation, effect: me.rpcs.start(generation, effect.rpc_start),
            "rpc_cancel": lambda generation, effect: me.rpcs.cancel(generation, effect.rpc_cancel.rpc),
            "log": lambda _, effect: sinks.log(effect.log),
            "define_instrument": lambda _, effect: sinks.metrics(effect),
            "define_attributes": lambda _, effect: sinks.metrics(effect),
            "metric_records": lambda _, effect: sinks.metrics(effect),
            "handle_closed": lambda _, effect: me._handle_closed(effect.handle_closed),
            **{kind: slots(kind) for kind in ("slot_mark_used", "slot_release")},
            **{kind: slot_requests(kind) for kind in ("slot_reserve", "slot_reserve_cancel", "slot_try_reserve")},
        }

    def _resolve(self, resolved: turn.CallResolved) -> None:
        waiting = self._calls.pop(resolved.call, None)
        if waiting is None:
            return
        if resolved.HasField("error"):
            waiting.resolve(b"", self._error_of(resolved.error))
        else:
            waiting.resolve(resolved.value, None)

    def _handle_closed(self, closed: turn.HandleClosed) -> None:
        if closed.client:
            self.rpcs.close_client(closed.client)
            self.clients.give_back(closed.client)
        if closed.worker:
            self.rpcs.cancel_orphans(closed.worker, self._generation)
            self.workers.give_back(closed.worker)

    def _rpc_finished(self, rpc: RunningRpc, result: turn.RpcResult) -> None:
        self.submit(lambda: self._rpc_result(rpc, result))

    def _rpc_result(self, rpc: RunningRpc, result: turn.RpcResult) -> turn.Input | None:
        if rpc.instance == self._generation:
            return turn.Input(rpc_result=result)
        if not rpc.start.worker:
            return None
        orphan = turn.OrphanedRpcResult(worker=rpc.start.worker, uri=rpc.start.uri, result=result)
        return turn.Input(orphaned_rpc_result=orphan)

    # Time

    def _arm_timer(self) -> None:
        wakeup, timer = self._wakeup_ns, self._timer
        if wakeup is not None and (timer is None or wakeup < timer[0]):
            self.io.post(self._set_timer)

    def _set_timer(self) -> None:
        """On the I/O thread. A timer that is too early only costs a look at the clock."""
        wakeup, timer = self._wakeup_ns, self._timer
        if wakeup is None or (timer is not None and timer[0] <= wakeup):
            return
        if timer is not None:
            timer[1].cancel()
        delay = max(0.0, (wakeup - time.monotonic_ns()) / 1e9)
        self._timer = (wakeup, self.io.loop.call_later(delay, _wake, weakref.ref(self)))

    def _timer_fired(self) -> None:
        self._timer = None
        wakeup = self._wakeup_ns
        self._drain(tick=wakeup is not None and wakeup <= time.monotonic_ns())


def undelivered(driver: Driver, worker_handle: int, kind: worker.TaskKind) -> Callable[[bytes], None]:
    """What gives a poll's value back to Core."""

    def give_back(value: bytes) -> None:
        driver.post(turn.Input(undelivered=worker.Undelivered(worker=worker_handle, kind=kind, value=value)))

    return give_back


def _numbered(generation: int, message: Any, effect: turn.Effect) -> turn.Effect:
    """Each instance counts its requests for slots from 1; their numbers outside of it are unique."""
    message.request += generation * _REQUESTS
    return effect


def _refusals(response: turn.TurnResponse, batch: Sequence[AnyInput]) -> dict[int, turn.InputError]:
    """Which inputs of the batch had no effect, and why: all of them if the request could not be read."""
    if response.request_error:
        logger.error("Core could not read its inputs: %s", response.request_error)
        why = turn.InputError(kind=turn.InputError.MALFORMED, message=response.request_error)
        return dict.fromkeys(range(len(batch)), why)
    return {error.input_index: error for error in response.input_errors[:]}


def _resolved(call: int, error: turn.CallError) -> turn.Effect:
    return turn.Effect(call_resolved=turn.CallResolved(call=call, error=error))


def _wake(driver: weakref.ref[Driver]) -> None:
    alive = driver()
    if alive is not None:
        alive._timer_fired()


def _after_fork() -> None:
    # What is inherited is never used again, nor collected: connections and loops that end would wait for threads that
    # are not here, or reach into the parent. This reference is one that not even the interpreter's end gives up.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(tuple(_alive)))
    for driver in list(_alive):
        driver._turn_lock, driver._effects_lock = threading.Lock(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
