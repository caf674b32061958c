"""A trap loses nothing, and nothing is done twice: the same small runs, with a trap at each turn, on the real module.

Everything happens on the test's own event loop: a turn's number means the same turn each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.host.driver import Driver
from corewasm.host.io_thread import Posted
from corewasm.transport.api import TransportOptions
from corewasm.vm import CoreTrap, Instance
from small_lang import TASK_QUEUE, CallError, SmallLang
from small_service import SmallService

RUNS = 2
# Nothing here waits for time: this is only how long a loss takes to be believed.
PATIENCE_SECONDS = 5.0


class LoopIo:
    """Does the I/O thread's work on the test's loop."""

    def __init__(self) -> None:
        self.is_closing = False
        self.loop = asyncio.get_running_loop()
        self.posted = Posted()
        self.interrupted: list[Callable[[str, bool], object]] = []

    def post(self, callback: Callable[[], object]) -> None:
        self.posted.append(callback)
        self.loop.call_soon(self.posted.run)

    def when_interrupted(self, callback: Callable[[str, bool], object]) -> None:
        self.interrupted.append(callback)


class TrappingInstances:
    """Makes instances that share one count of turns; those in `traps` die."""

    def __init__(self, traps: Collection[int]) -> None:
        self.turns = 0
        self.traps = traps

    def __call__(self) -> TrappingInstance:
        return TrappingInstance(self)


class TrappingInstance:
    def __init__(self, all_of_them: TrappingInstances) -> None:
        self._all = all_of_them
        self._inner = Instance()

    def turn(self, request: bytes) -> bytes:
        self._all.turns += 1
        if self._all.turns in self._all.traps:
            raise CoreTrap("trapped", "a test wants it")
        return self._inner.turn(request)

    def answer_to(self, request: bytes) -> bytes | None:
        return self._inner.answer_to(request)

    def close(self) -> None:
        self._inner.close()


class Suppliers:
    """A user's slot suppliers: so many permits of each kind, given `rounds` of the loop later, by turns."""

    def __init__(self, slots: int, rounds: Sequence[int] = (0,)) -> None:
        self._slots = slots
        self._rounds = itertools.cycle(rounds)
        self._free: dict[int, int] = {}
        self._kinds: dict[int, int] = {}
        self._asked: dict[int, worker.SlotReserve] = {}
        self.driver: Driver | None = None

    def log(self, _record: Any) -> None:
        """Not looked at."""

    def metrics(self, _effect: turn.Effect) -> None:
        """Not looked at."""

    def slots(self, kind: str, effect: turn.Effect) -> None:
        if kind == "slot_reserve":
            self._asked[effect.slot_reserve.request] = effect.slot_reserve
        elif kind == "slot_reserve_cancel":
            self._asked.pop(effect.slot_reserve_cancel.request, None)
        elif kind == "slot_try_reserve":
            self._give(effect.slot_try_reserve, wait=False)
        elif kind == "slot_release":
            self._kinds.pop(effect.slot_release.permit)  # KeyError: released twice
        asyncio.get_running_loop().call_soon(self._serve_after, next(self._rounds))

    def out(self) -> list[int]:
        """Permits that did not come back."""
        return list(self._kinds)

    def waiting(self) -> list[int]:
        """Requests that nobody took back."""
        return list(self._asked)

    def _serve_after(self, rounds: int) -> None:
        if rounds:
            asyncio.get_running_loop().call_soon(self._serve_after, rounds - 1)
        else:
            self._serve()

    def _serve(self) -> None:
        for request, message in list(self._asked.items()):
            if request in self._asked and self._give(message, wait=True):
                self._asked.pop(request, None)

    def _give(self, message: Any, *, wait: bool) -> bool:
        kind, permit = message.context.kind, 0
        if list(self._kinds.values()).count(kind) < self._slots:
            permit = next(number for number in range(1, 10_000) if number not in self._kinds)
            self._kinds[permit] = kind
        elif wait:
            return False
        assert self.driver is not None
        self._asked.pop(message.request, None)
        self.driver.submit(turn.Input(slot_reserved=worker.SlotReserved(request=message.request, permit=permit)))
        return True


def configuration(cached: int) -> worker.WorkerConfig:
    custom = worker.SlotSupplier(custom=worker.CustomSlots())
    pollers = worker.PollerBehavior(simple_maximum=2)
    return worker.WorkerConfig(
        namespace="default",
        task_queue=TASK_QUEUE,
        max_cached_workflows=cached,
        workflow_slots=custom,
        activity_slots=custom,
        local_activity_slots=custom,
        nexus_slots=worker.SlotSupplier(fixed=1),
        workflow_pollers=pollers,
        activity_pollers=pollers,
        nonsticky_to_sticky_poll_ratio=0.5,
        enable_workflows=True,
        enable_local_activities=True,
        enable_remote_activities=True,
        max_eager_activity_reservations_per_workflow_task=1,
        sticky_queue_schedule_to_start_timeout_ns=10_000_000_000,
        versioning=worker.Versioning(none="test"),
    )


class Failed(Exception):
    """A run with a trap lost something."""


async def until(done: Callable[[], bool], lang: SmallLang) -> None:
    while not done() and not lang.failure():  # noqa: ASYNC110 - what is done is a matter of many messages
        await asyncio.sleep(0.001)


async def all_ends_well(
    traps: Collection[int],
    cached: int,
    monkeypatch: pytest.MonkeyPatch,
    began: Callable[[Driver, Suppliers], None] = lambda *_: None,
    new_lang: Callable[..., SmallLang] = SmallLang,
    permit_rounds: Sequence[int] = (0,),
) -> int:
    """Plays the runs. Returns how many turns they took. `began` is called when the worker is open.

    Raises:
        Failed: with what was lost.
    """
    service, instances, suppliers = SmallService(), TrappingInstances(traps), Suppliers(5, permit_rounds)
    transport: Callable[[TransportOptions], SmallService] = lambda _: service  # noqa: E731
    monkeypatch.setattr("corewasm.host.rpcs.make_transport", transport)
    io: Any = LoopIo()
    driver = suppliers.driver = Driver(turn.Open(host_name="h", process_id="1"), suppliers, CallError, io, instances)
    driver.open_client(TransportOptions("nowhere", 1))
    # A run that leaves a full cache while a local activity runs never answers its workflow task: native Core leaves
    # that to the server's time-out, which there is not here.
    lang = new_lang(driver, configuration(cached), local_activities=cached > RUNS)
    try:
        for number in range(RUNS):
            service.start_run(f"run-{number}", TASK_QUEUE)
        await asyncio.wait_for(lang.open(), PATIENCE_SECONDS)
        began(driver, suppliers)
        closed = lambda: all(run.closed for run in service.runs.values())  # noqa: E731
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(until(closed, lang), PATIENCE_SECONDS)
        open_runs = [(run.run_id, len(run.events), bool(run.token)) for run in service.runs.values() if not run.closed]
        if open_runs or lang.failure():
            raise Failed(f"not closed: {open_runs}, {lang.failure()}")
        assert lang.evictions or cached >= RUNS, "a cache that is too small evicts"
        await asyncio.wait_for(lang.close(), PATIENCE_SECONDS)
        repeated = {token: times for token, times in lang.executions.items() if times > 1}
        # An activity's answer of which no instance knows whether it arrived is sent again, and refused the second time.
        refused = [each for each in service.refused if not each.startswith("RespondActivityTaskCompleted")]
        if repeated or refused:
            raise Failed(f"executed more than once: {repeated}, answered more than once: {refused}")
        if driver._runner._state.kept._unanswered or driver._calls:
            raise Failed(f"calls that nobody waits for: {driver._runner._state.kept._unanswered}, {driver._calls}")
        if suppliers.out() or suppliers.waiting():
            raise Failed(f"permits out: {suppliers.out()}, requests: {suppliers.waiting()}")
    except (asyncio.TimeoutError, CallError) as error:
        raise Failed(f"opening or closing does not end: {error!r}") from error
    finally:
        io.is_closing = True
        lang.stop()
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    return instances.turns


# Cached runs, the distance of a second trap (0: none), and how many turns apart the first ones are.
CASES = {
    "roomy": (100, 0, 1),
    "again-at-once": (100, 1, 3),
    "again-soon": (100, 7, 3),
    "evicting": (1, 0, 1),
    "evicting-again-soon": (1, 7, 3),
}


@pytest.mark.parametrize(("cached", "then", "step"), CASES.values(), ids=CASES)
async def test_nothing_is_lost_wherever_the_traps_are(
    cached: int, then: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = await all_ends_well((), cached, monkeypatch)
    assert turns > 30
    lost: dict[int, str] = {}
    for first in range(1, turns + 1, step):
        try:
            await all_ends_well({first, first + then}, cached, monkeypatch)
        except Failed as failure:
            lost[first] = str(failure)
    assert lost == {}


@pytest.mark.parametrize("permit_rounds", [(1, 0, 5), (8, 2, 0, 3), (3, 13)], ids=str)
async def test_permits_that_come_late_are_not_lost(
    permit_rounds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = await all_ends_well((), 100, monkeypatch, permit_rounds=permit_rounds)
    lost: dict[tuple[int, int], str] = {}
    for first, then in itertools.product(range(turns - 12, turns + 1), range(3, 9)):
        try:
            await all_ends_well({first, first + then}, 100, monkeypatch, permit_rounds=permit_rounds)
        except Failed as failure:
            lost[first, first + then] = str(failure)
    assert lost == {}
