"""Users' slot suppliers: their objects, what they are told, and the permits that they gave."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from corewasm.abi import turn, worker
from corewasm.bridge.slot_contexts import SlotMarkUsedCtx, SlotReleaseCtx, SlotReserveCtx, slot_info
from corewasm.host.handles import Handles

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

    def submit(self, *inputs: turn.Input) -> None:
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
            logger.debug("a slot supplier's event loop is closed")


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
            for message in self._waiting.pop(handle, []):
                self._reserve(message)

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
            return
        supplier = entry.suppliers[message.context.kind].inner
        reservation = Reservation(message.request, supplier, SlotReserveCtx(message.context), entry.home)
        self._reservations[message.request] = reservation
        entry.home.run(lambda: self._begin(reservation))

    def _begin(self, reservation: Reservation) -> None:
        """On the supplier's loop."""
        task = reservation.home.loop.create_task(self._until_reserved(reservation))
        task.add_done_callback(_consume)

    async def _until_reserved(self, reservation: Reservation) -> None:
        done = False
        while not done and not reservation.cancelled:
            done = await self._tried(reservation)

    async def _tried(self, reservation: Reservation) -> bool:
        """Asks the supplier once. False: it failed, and the slot is still wanted."""
        try:
            callback = CreatedTaskForSlotCallback(reservation)
            permit = await reservation.supplier.reserve_slot(reservation.context, callback)
        except asyncio.CancelledError:
            if reservation.task is None:
                raise
            await asyncio.sleep(0)
            return False
        except Exception as error:  # noqa: BLE001 - a user's supplier may raise anything
            logger.debug("slot supplier failed, asked again: %r", error)
            await asyncio.sleep(0)
            return False
        self._reserved(reservation, permit)
        return True

    def _reserved(self, reservation: Reservation, permit: Any) -> None:
        self._reservations.pop(reservation.request, None)
        if reservation.cancelled:
            _guarded(reservation.supplier.release_slot, SlotReleaseCtx(None, permit))
            return
        self._answer(reservation.request, reservation.supplier, permit)

    def _answer(self, request: int, supplier: Any, permit: Any) -> None:
        driver = self._driver()
        if driver is None:
            return
        handle = 0
        if permit is not None:
            handle = driver.permits.take()
            self._permits[handle] = (supplier, permit)
        driver.submit(turn.Input(slot_reserved=worker.SlotReserved(request=request, permit=handle)))

    def _cancel(self, message: worker.SlotReserveCancel) -> None:
        reservation = self._reservations.pop(message.request, None)
        if reservation is not None:
            reservation.cancelled = True
            reservation.home.run(reservation.cancel)

    def _try_reserve(self, message: worker.SlotTryReserve) -> None:
        entry = self._workers.get(message.worker)
        if entry is None:
            self._answer(message.request, None, None)
            return
        supplier = entry.suppliers[message.context.kind].inner
        self._answer(message.request, supplier, _guarded(supplier.try_reserve_slot, SlotReserveCtx(message.context)))

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
    except Exception:
        logger.exception("custom slot supplier failed in %s", getattr(function, "__name__", function))
        return None


def _consume(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("a slot reservation ended: %r", task.exception())
