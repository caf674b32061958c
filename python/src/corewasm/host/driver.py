"""The driver of one runtime's instance of Core.

What may be called from where: `submit`, `call` and `call_now` from any thread, `post` even from finalizers. A
caller's turn runs in its own thread when the instance is free; otherwise its input waits in the inbox for whoever has
the instance. So an event loop's thread never waits for another one, except in `call_now`. Effects are carried out in
order, by one thread at a time, after the instance is free again.

Whoever is interrupted in here (a signal's handler that raises, a cancelled activity, no memory) hands what it had over
to the I/O thread: see `turn_runner` and `effects`.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import logging
import os
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from corewasm.abi import telemetry, turn, worker
from corewasm.host import process
from corewasm.host.calls import LoopCall, ThreadCall, raise_in_loop
from corewasm.host.claim import Claim, drop_if_held_by, is_held_by
from corewasm.host.effects import EffectQueue, EffectsOfTurn
from corewasm.host.handles import Handles
from corewasm.host.io_requests import IoRequests
from corewasm.host.io_thread import IoThread
from corewasm.host.reports import report, report_once
from corewasm.host.rpcs import Rpcs, RunningRpc
from corewasm.host.task_inputs import AnyInput
from corewasm.host.turn_runner import Late, TurnRunner, Turns, numbered, once
from corewasm.host.unpatched import monotonic_ns
from corewasm.transport import TransportOptions
from corewasm.vm import Instance, ModuleError

logger = logging.getLogger(__name__)

_IO_ATTEMPTS = 5
_BUSY_SECONDS = 0.01
_KEEPS = (1, 2)
"""The first ABI in which Core says what outlives an instance."""


class Sinks(Protocol):
    """Where telemetry and slot effects go. Called in order, by one thread at a time; must not wait."""

    def log(self, record: telemetry.LogRecord) -> None:
        """One log record."""

    def metrics(self, effect: turn.Effect) -> None:
        """A definition or packed records."""

    def slots(self, kind: str, effect: turn.Effect) -> None:
        """One of the slot effects. On the I/O thread: a user's code gets it, which may raise or be slow."""


ErrorOf = Callable[[turn.CallError], BaseException]
_Performer = Callable[[EffectsOfTurn, turn.Effect], None]
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
        new_instance: Callable[[], Turns] | None = None,
    ) -> None:
        self.pid = process.current()
        self.clients, self.workers, self.permits = Handles(), Handles(), Handles()
        self.io = io
        self.rpcs = Rpcs(self.io, self._rpc_finished)
        self._sinks = sinks
        self._error_of = error_of
        self._effects = EffectQueue(self._perform)
        self._runner = TurnRunner(opening, new_instance or _instance_that_keeps, self._effects.add)
        self._requests = IoRequests(io)
        self._turn_claim: Claim = {}
        self._calls: dict[int, LoopCall | ThreadCall] = {}
        self._call_ids = itertools.count(1)
        self._timer: tuple[int, asyncio.TimerHandle] | None = None
        self._io_failures = 0
        self._struck: BaseException | None = None
        self._leases: set[object] = set()
        self._ended = False
        _alive.add(self)
        self._performers = self._make_performers()
        io.when_interrupted(self._io_interrupted)

    # Life

    def lease(self, owner: object, *last: turn.Input) -> weakref.finalize[Any, Any]:
        """Keeps the driver alive until `owner` is collected, and then gives it the `last` inputs."""
        token = object()
        self._leases.add(token)
        finalizer = weakref.finalize(owner, self._return_lease, token, last)
        finalizer.atexit = False
        return finalizer

    def end_lease(self, lease: weakref.finalize[Any, Any]) -> None:
        """The lease's last inputs are not wanted any more, nor is the driver for its sake. Harmless to repeat."""
        detached = lease.detach()
        if detached is not None:
            token: object = detached[2][0]
            self._return_lease(token, ())

    def _return_lease(self, token: object, last: tuple[turn.Input, ...]) -> None:
        """In a finalizer: atomic steps only, which may be taken twice."""
        try:
            self._end_lease(token, last)
        except BaseException:
            self._end_lease(token, last)
            raise

    def _end_lease(self, token: object, last: tuple[turn.Input, ...]) -> None:
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
        token = object()
        if self._turn_claim.setdefault(None, token) is not token:
            self.io.loop.call_later(_BUSY_SECONDS, self._end)
            return
        try:
            while self._runner.has_work():  # left by who had the instance and did not look again yet
                self._runner.run_one()
        except Exception as error:  # noqa: BLE001 - nobody is left to wait
            report(logger, logging.WARNING, "Core could not take its last inputs: %r", error)
        self._ended = True
        self._runner.close()
        self._turn_claim.pop(None, None)
        self._effects.carry_out(token)

    # Inputs

    def submit(self, *inputs: AnyInput | Late) -> None:
        """Gives inputs to Core, now or as soon as who has the instance gets to them.

        Does nothing in a forked child. What a signal's handler raises meanwhile comes out of the thread's event loop,
        if one runs, and of this call otherwise.
        """
        if self._ended or self.pid != process.current():
            return
        token, added = object(), False
        try:
            self._runner.inbox.extend(inputs)
            added = True
            self._work(token)
        except BaseException as error:
            self._hand_over(token)
            loop = asyncio._get_running_loop()
            if loop is None or not isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            if not added:
                self._make_sure_of(inputs)
            raise_in_loop(loop, error)

    def _make_sure_of(self, inputs: tuple[AnyInput | Late, ...]) -> None:
        """Whoever added these was interrupted. A call leaves the inbox once it was asked for; others may come twice."""
        there = tuple(self._runner.inbox)
        for each in inputs:
            call = getattr(each, "__self__", each)
            added = any(getattr(other, "__self__", other) is call for other in there)
            if not added and not (isinstance(call, LoopCall) and call.asked):
                self._runner.inbox.append(each)
        self.io.post(self._look)

    def _add(self, item: AnyInput | Late) -> bool:
        self._runner.inbox.append(item)
        return True

    def post(self, item: AnyInput | Late) -> None:
        """As `submit`, for finalizers: two atomic steps, no lock; the turn is the I/O thread's."""
        if not self._ended and self.pid == process.current():
            self._runner.inbox.append(item)
            self.io.post(self._look)

    def call(
        self,
        make: Callable[[int], AnyInput],
        convert: Callable[[bytes], Any] = bytes,
        undelivered: Callable[[bytes, Claim], None] | None = None,
        outstanding: set[asyncio.Future[Any]] | None = None,
    ) -> asyncio.Future[Any]:
        """An input that Core answers later, by a future of the caller's running loop.

        `make` may be called twice. `undelivered` gets the value when nobody could take it. The future is in
        `outstanding` until it is done.

        Raises:
            RuntimeError: no event loop runs in this thread.
        """
        waiting: LoopCall | None = None
        try:
            number = next(self._call_ids)
            waiting = LoopCall(number, make, self._calls, self._given_up, convert, undelivered, outstanding)
            self.submit(waiting.ask)
            return waiting
        except (KeyboardInterrupt, SystemExit) as error:
            if waiting is None:
                raise
            raise_in_loop(waiting.get_loop(), error)
            self._make_sure_of((waiting.ask,))
            return waiting
        except BaseException:
            if waiting is not None:
                waiting.cancel()  # its caller does not get it
            raise

    def _given_up(self, number: int) -> None:
        if number in self._calls:
            self.submit(turn.Input(call_cancelled=turn.CallCancelled(call=number)))

    def call_now(self, make: Callable[[int], AnyInput]) -> bytes:
        """An input that Core answers in the same turn; waits for that turn.

        Raises:
            CoreDoesNotAnswer: nobody makes the turn.
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

    def _work(self, token: object, *, tick: bool = False) -> None:
        """Turns as long as there are inputs, then their effects. Whoever is interrupted in here must hand over."""
        runner, claim = self._runner, self._turn_claim
        while runner.inbox or tick or runner.has_work():
            if claim.setdefault(None, token) is not token:
                break  # its holder looks into the inbox again after letting go
            if not self._ended:
                runner.run_one()
            claim.pop(None, None)
            tick = False
            if self._ended:
                return
        self._effects.carry_out(token)
        self._arm_timer()
        self._io_failures = 0
        if self._struck is not None:
            struck, self._struck = self._struck, None
            raise struck

    def _look(self) -> None:
        """On the I/O thread."""
        token = object()
        try:
            self._work(token)
        except BaseException as error:  # noqa: BLE001 - nothing ends the I/O thread
            self._try_again(token, error)

    def _hand_over(self, token: object) -> None:
        """The thread that had `token` was interrupted: the I/O thread goes on in its place."""
        try:
            self.io.post(partial(self._take_over, token))
        except BaseException:
            self.io.post(partial(self._take_over, token))
            raise

    def _take_over(self, token: object) -> None:
        """On the I/O thread."""
        if is_held_by(self._turn_claim, token):
            self._runner.interrupted()
            self._turn_claim.pop(None, None)
        self._effects.take_over(token)
        self._forget_timer()
        self._requests.carry_out()
        self._look()

    def _try_again(self, token: object, error: BaseException) -> None:
        """On the I/O thread: what fails there is tried again, until it is given up."""
        self._io_failures += 1
        self._effects.failed(error)
        if self._io_failures < _IO_ATTEMPTS:
            self.io.post(partial(self._take_over, token))
        else:
            self._give_up(token, error)

    def _give_up(self, token: object, error: BaseException) -> None:
        """Whoever waits hears why. The next input tries again."""
        self._io_failures = 0
        report(logger, logging.ERROR, "Temporal's Core cannot go on, all calls fail: %r", error)
        self._runner.interrupted()
        drop_if_held_by(self._turn_claim, token)
        self._effects.take_over(token)
        asked = (getattr(each, "__self__", None) for each in tuple(self._runner.inbox))
        for waiting in [*self._calls.values(), *(each for each in asked if isinstance(each, LoopCall))]:
            waiting.fail(RuntimeError(f"Temporal's Core cannot go on: {error!r}"))

    # Effects

    def _perform(self, turn_of_effect: EffectsOfTurn, kind: str, effect: turn.Effect) -> None:
        if kind == "call_resolved":  # most are
            self._resolve(effect.call_resolved)
            return
        performer = self._performers.get(kind)
        if performer is not None:
            performer(turn_of_effect, effect)

    def _make_performers(self) -> dict[str, _Performer]:
        sinks = self._sinks

        def on_io(action: Callable[[int, turn.Effect], object]) -> _Performer:
            def request(of_turn: EffectsOfTurn, effect: turn.Effect) -> None:
                self._requests.add((of_turn.number, of_turn.done), action, of_turn.instance, effect)

            return request

        def slots(kind: str) -> _Performer:
            return on_io(lambda _, effect: sinks.slots(kind, effect))

        def slot_requests(kind: str) -> _Performer:
            def request(instance: int, effect: turn.Effect) -> None:
                numbered(instance, getattr(effect, kind))
                sinks.slots(kind, effect)

            return on_io(request)

        def sink(kind: str, take: Callable[[turn.Effect], None]) -> _Performer:
            return lambda _, effect: self._give_to_sink(kind, take, effect)

        return {
            "rpc_start": on_io(lambda instance, effect: self.rpcs.start(instance, effect.rpc_start)),
            "rpc_cancel": on_io(lambda instance, effect: self.rpcs.cancel(instance, effect.rpc_cancel.rpc)),
            "log": sink("logs", lambda effect: sinks.log(effect.log)),
            "define_instrument": sink("metrics", sinks.metrics),
            "define_attributes": sink("metrics", sinks.metrics),
            "metric_records": sink("metrics", sinks.metrics),
            "handle_closed": on_io(lambda _, effect: self._handle_closed(effect.handle_closed)),
            **{kind: slots(kind) for kind in ("slot_mark_used", "slot_release")},
            **{kind: slot_requests(kind) for kind in ("slot_reserve", "slot_reserve_cancel", "slot_try_reserve")},
        }

    def _give_to_sink(self, kind: str, take: Callable[[turn.Effect], None], effect: turn.Effect) -> None:
        """What a sink raises stays here. What strikes the thread in a sink is raised again when all is done."""
        try:
            take(effect)
        except Exception as first:  # noqa: BLE001 - the sink's, or what strikes the thread in there
            try:
                take(effect)
            except Exception as error:  # noqa: BLE001 - it is the sink that fails
                text = f"{kind} of Temporal's Core are lost: their receiver raised %r"
                report_once(logger, logging.ERROR, text, error)
            else:
                self._struck = first

    def _resolve(self, resolved: turn.CallResolved) -> None:
        waiting = self._calls.get(resolved.call)
        if waiting is None:
            return
        if resolved.HasField("error"):
            waiting.resolve(b"", self._error_of(resolved.error))
        else:
            waiting.resolve(resolved.value, None)
        self._calls.pop(resolved.call, None)

    def _handle_closed(self, closed: turn.HandleClosed) -> None:
        """On the I/O thread."""
        if closed.client:
            self.rpcs.close_client(closed.client)
            self.clients.give_back(closed.client)
        if closed.worker:
            self.rpcs.cancel_orphans(closed.worker, self._runner.instance_number)
            self.workers.give_back(closed.worker)

    def _rpc_finished(self, rpc: RunningRpc, result: turn.RpcResult) -> None:
        """On the I/O thread."""
        if not self._ended:
            if not rpc.told:
                rpc.told = self._add(partial(self._rpc_result, rpc, result))
            self._look()

    def _rpc_result(self, rpc: RunningRpc, result: turn.RpcResult) -> turn.Input | None:
        if rpc.instance == self._runner.instance_number:
            return turn.Input(rpc_result=result)
        if not rpc.start.worker:
            return None
        orphan = turn.OrphanedRpcResult(worker=rpc.start.worker, uri=rpc.start.uri, result=result)
        return turn.Input(orphaned_rpc_result=orphan)

    # Time

    def _arm_timer(self) -> None:
        wakeup, timer = self._runner.wakeup_ns, self._timer
        if wakeup is not None and (timer is None or wakeup < timer[0]):
            self.io.post(self._set_timer)

    def _set_timer(self) -> None:
        """On the I/O thread. A timer that is too early only costs a look at the clock."""
        wakeup, timer = self._runner.wakeup_ns, self._timer
        if wakeup is None or (timer is not None and timer[0] <= wakeup):
            return
        self._forget_timer()
        delay = max(0.0, (wakeup - monotonic_ns()) / 1e9)
        self._timer = (wakeup, self.io.loop.call_later(delay, _wake, weakref.ref(self)))

    def _forget_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer[1].cancel()

    def _timer_fired(self) -> None:
        self._timer = None
        wakeup = self._runner.wakeup_ns
        token = object()
        try:
            self._work(token, tick=wakeup is not None and wakeup <= monotonic_ns())
        except BaseException as error:  # noqa: BLE001 - nothing ends the I/O thread
            self._try_again(token, error)

    def _io_interrupted(self, reason: str, lost: bool) -> None:
        """On the I/O thread: what was going on there was cut short. `lost`: with its tasks and timers."""
        if lost:
            self._timer = None
            self.rpcs.loop_lost(reason)
        self.rpcs.deliver_ended()
        self._take_over(object())


def undelivered(driver: Driver, worker_handle: int, kind: worker.TaskKind) -> Callable[[bytes, Claim], None]:
    """What gives a poll's value back to Core."""

    def give_back(value: bytes, claim: Claim) -> None:
        message = worker.Undelivered(worker=worker_handle, kind=kind, value=value)
        driver.post(once(claim, lambda: turn.Input(undelivered=message)))

    return give_back


def _instance_that_keeps() -> Instance:
    instance = Instance()
    if instance.abi_version < _KEEPS:
        instance.close()
        found, needed = ((".".join(map(str, each))) for each in (instance.abi_version, _KEEPS))
        raise ModuleError(f"{instance.source.path} speaks ABI {found}, this version of corewasm needs {needed}")
    return instance


def _wake(driver: weakref.ref[Driver]) -> None:
    alive = driver()
    if alive is not None:
        alive._timer_fired()


def _after_fork() -> None:
    # What is inherited is never used again, nor collected: connections and loops that end would wait for threads that
    # are not here, or reach into the parent. This reference is one that not even the interpreter's end gives up.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(tuple(_alive)))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
