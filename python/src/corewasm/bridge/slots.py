"""Users' slot suppliers: their objects, what they are told, and the permits that they gave."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from corewasm.abi import turn, worker
from corewasm.bridge.slot_contexts import SlotMarkUsedCtx, SlotReleaseCtx, SlotReserveCtx, slot_info
from corewasm.host.claim import Claim
from corewasm.host.handles import Handles
from corewasm.host.reports import report
from corewasm.host.turn_runner import Late, once

logger = logging.getLogger(__name__)


class CustomSlotSupplier:
    """Wraps the SDK's supplier of slots."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner


class SlotDriver(Protocol):
    """What of the driver is needed here."""

    @property
    def permits(self) -> Handles:
        """Handles of permits."""

    def submit(self, *inputs: turn.Input | Late) -> None:
        """Inputs for Core."""


class CreatedTaskForSlotCallback:
    """Is told the task that a reservation waits in."""

    def __init__(self, reservation: Reservation) -> None:
        self._reservation = reservation

    def __call__(self, task: asyncio.Task[Any]) -> None:
        """The task, once."""
        self._reservation.task = task


@dataclass(eq=False)
class Reservation:
    """A request for a slot that is being answered."""

    request: int
    supplier: Any
    context: SlotReserveCtx
    home: LoopHome
    task: asyncio.Task[Any] | None = None
    cancelled: bool = False
    granted: tuple[Any] | None = None
    handle: int = 0
    answer: Claim = field(default_factory=dict)
    answered: bool = False

    def cancel(self) -> None:
        """Ends the wait for a permit. On the supplier's loop."""
        if self.task is not None:
            self.task.cancel()


@dataclass(frozen=True)
class LoopHome:
    """The loop and context that a worker was validated in: where its suppliers' coroutines run."""

    loop: asyncio.AbstractEventLoop
    context: contextvars.Context

    def run(self, callback: Callable[[], object]) -> None:
        """Runs `callback` there soon; not at all when the loop is closed."""
        try:
            self.loop.call_soon_threadsafe(callback, context=self.context)
        except RuntimeError:
            report(logger, logging.DEBUG, "a slot supplier's event loop is closed")


@dataclass
class _Worker:
    suppliers: dict[int, Any]
    home: LoopHome | None = None


class SlotBroker:
    """Between Core's slot effects and users' suppliers."""

    def __init__(self) -> None:
        self._workers: dict[int, _Worker] = {}
        self._waiting: dict[int, list[worker.SlotReserve]] = {}
        self._reservations: dict[int, Reservation] = {}
        self._permits: dict[int, tuple[Any, Any]] = {}
        self._driver: Callable[[], SlotDriver | None] = lambda: None

    def attach(self, driver: Callable[[], SlotDriver | None]) -> None:
        """Tells where answers go."""
        self._driver = driver

    def add_worker(self, handle: int, suppliers: dict[int, Any]) -> None:
        """A worker's custom suppliers by kind of slot."""
        if suppliers:
            self._workers[handle] = _Worker(suppliers)

    def remove_worker(self, handle: int) -> None:
        """The worker is gone."""
        self._workers.pop(handle, None)
        self._waiting.pop(handle, None)

    def settle_worker(self, handle: int) -> None:
        """The worker's suppliers run on the current loop and context from now on."""
        entry = self._workers.get(handle)
        if entry is not None:
            entry.home = LoopHome(asyncio.get_running_loop(), contextvars.copy_context())
            self._reserve_waiting(handle)

    def take(self, kind: str, effect: turn.Effect) -> None:
        """One slot effect."""
        handlers: dict[str, Callable[[Any], None]] = {
            "slot_reserve": self._reserve,
            "slot_reserve_cancel": self._cancel,
            "slot_try_reserve": self._try_reserve,
            "slot_mark_used": self._mark_used,
            "slot_release": self._release,
        }
        handlers[kind](getattr(effect, kind))

    def _reserve(self, message: worker.SlotReserve) -> None:
        entry = self._workers.get(message.worker)
        if entry is None:
            return
        if entry.home is None:
            self._waiting.setdefault(message.worker, []).append(message)
            self._reserve_waiting(message.worker)  # settled in between, by another thread?
            return
        self._reserve_at(entry, entry.home, message)

    def _reserve_waiting(self, handle: int) -> None:
        entry = self._workers.get(handle)
        if entry is not None and entry.home is not None:
            for message in self._waiting.pop(handle, []):
                self._reserve_at(entry, entry.home, message)

    def _reserve_at(self, entry: _Worker, home: LoopHome, message: worker.SlotReserve) -> None:
        if message.request in self._reservations:
            return
        supplier = entry.suppliers[message.context.kind].inner
        reservation = Reservation(message.request, supplier, SlotReserveCtx(message.context), home)
        self._reservations[message.request] = reservation
        home.run(lambda: self._begin(reservation))

    def _begin(self, reservation: Reservation) -> None:
        """On the supplier's loop."""
        task = reservation.home.loop.create_task(self._until_reserved(reservation))
        task.add_done_callback(lambda _: self._ended(reservation, task))

    async def _until_reserved(self, reservation: Reservation) -> None:
        while reservation.granted is None and not reservation.cancelled:
            await self._try_once(reservation)
        self._reserved(reservation)

    async def _try_once(self, reservation: Reservation) -> None:
        """Asks the supplier. If it fails, the slot is still wanted."""
        try:
            callback = CreatedTaskForSlotCallback(reservation)
            reservation.granted = (await reservation.supplier.reserve_slot(reservation.context, callback),)
        except asyncio.CancelledError:
            if reservation.task is None:
                raise
            await asyncio.sleep(0)
        except Exception as error:  # noqa: BLE001 - a user's supplier may raise anything
            report(logger, logging.DEBUG, "slot supplier failed, asked again: %r", error)
            await asyncio.sleep(0)

    def _ended(self, reservation: Reservation, task: asyncio.Task[None]) -> None:
        """Whatever interrupted it: a permit that was given is not lost, a slot still wanted is asked for again."""
        if task.cancelled() or task.exception() is None:
            return
        report(logger, logging.ERROR, "a slot reservation was interrupted: %r", task.exception())
        if reservation.granted is not None:
            self._reserved(reservation)
        elif not reservation.cancelled:
            self._begin(reservation)

    def _reserved(self, reservation: Reservation) -> None:
        """Harmless to repeat."""
        if reservation.granted is None or reservation.answered:
            return
        (permit,) = reservation.granted
        if reservation.cancelled:
            reservation.answered = True
            _guarded(reservation.supplier.release_slot, SlotReleaseCtx(None, permit))
            return
        if permit is not None and not reservation.handle:
            reservation.handle = self._new_permit(reservation.supplier, permit)
        self._answer(reservation.request, reservation.handle, reservation.answer)
        reservation.answered = True
        self._reservations.pop(reservation.request, None)

    def _new_permit(self, supplier: Any, permit: Any) -> int:
        driver = self._driver()
        if driver is None:
            return 0
        handle = driver.permits.take()
        self._permits[handle] = (supplier, permit)
        return handle

    def _answer(self, request: int, permit: int, claim: Claim) -> None:
        driver = self._driver()
        if driver is not None:
            message = turn.Input(slot_reserved=worker.SlotReserved(request=request, permit=permit))
            driver.submit(once(claim, lambda: message))

    def _cancel(self, message: worker.SlotReserveCancel) -> None:
        reservation = self._reservations.pop(message.request, None)
        if reservation is not None:
            reservation.cancelled = True
            reservation.home.run(reservation.cancel)

    def _try_reserve(self, message: worker.SlotTryReserve) -> None:
        entry = self._workers.get(message.worker)
        handle = 0
        if entry is not None:
            supplier = entry.suppliers[message.context.kind].inner
            permit = _guarded(supplier.try_reserve_slot, SlotReserveCtx(message.context))
            handle = 0 if permit is None else self._new_permit(supplier, permit)
        self._answer(message.request, handle, {})

    def _mark_used(self, message: worker.SlotMarkUsed) -> None:
        held = self._permits.get(message.permit)
        if held is not None:
            supplier, permit = held
            _guarded(supplier.mark_slot_used, SlotMarkUsedCtx(slot_info(message.info), permit))

    def _release(self, message: worker.SlotRelease) -> None:
        held = self._permits.pop(message.permit, None)
        if held is None:
            return
        supplier, permit = held
        info = slot_info(message.info) if message.HasField("info") else None
        _guarded(supplier.release_slot, SlotReleaseCtx(info, permit))
        driver = self._driver()
        if driver is not None:
            driver.permits.give_back(message.permit)


def _guarded(function: Callable[[Any], Any], context: Any) -> Any:
    try:
        return function(context)
    except Exception as error:  # noqa: BLE001 - a user's supplier may raise anything
        name = getattr(function, "__name__", function)
        report(logger, logging.ERROR, "custom slot supplier failed in %s", name, traceback_of=error)
        return None
