"""Users' slot suppliers: what they are asked, told and given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from corewasm.abi import turn, worker
from corewasm.bridge.slots import CustomSlotSupplier, SlotBroker
from corewasm.host.handles import Handles
from corewasm.host.turn_runner import Late
from test_host_calls import until


class Supplier:
    """As the SDK wraps a user's supplier."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def reserve_slot(self, context: Any, created: Callable[[asyncio.Task[Any]], None]) -> Any:
        async def inner() -> Any:
            await self.gate.wait()
            return f"permit {context.slot_type}"

        task = asyncio.create_task(inner())
        created(task)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a user's mistake")
        return await task

    def try_reserve_slot(self, context: Any) -> Any:
        return None if context.is_sticky else "tried"

    def mark_slot_used(self, context: Any) -> None:
        self.events.append(("used", context.slot_info.workflow_type, context.permit))

    def release_slot(self, context: Any) -> None:
        self.events.append(("released", context.slot_info is not None, context.permit))


class Answers:
    """What Core gets."""

    def __init__(self) -> None:
        self.permits = Handles()
        self.given: list[worker.SlotReserved] = []

    def submit(self, *inputs: turn.Input | Late) -> None:
        made = [each() if callable(each) else each for each in inputs]
        self.given += [each.slot_reserved for each in made if isinstance(each, turn.Input)]


def opened() -> tuple[SlotBroker, Supplier, Answers]:
    broker, supplier, answers = SlotBroker(), Supplier(), Answers()
    broker.attach(lambda: answers)
    broker.add_worker(1, {worker.WORKFLOW_SLOT: CustomSlotSupplier(supplier)})
    return broker, supplier, answers


CONTEXT = worker.SlotReserveContext(kind=worker.WORKFLOW_SLOT, task_queue="q", build_id="b", deployment_name="d")


def reserve(broker: SlotBroker, request: int = 1) -> None:
    message = worker.SlotReserve(request=request, worker=1, context=CONTEXT)
    broker.take("slot_reserve", turn.Effect(slot_reserve=message))


async def test_permit_is_used_and_released() -> None:
    broker, supplier, answers = opened()
    broker.settle_worker(1)
    reserve(broker, 7)
    await until(lambda: bool(answers.given))
    (given,) = answers.given
    assert given.request == 7
    info = worker.SlotInfo(workflow=worker.WorkflowSlot(workflow_type="W"))
    broker.take("slot_mark_used", turn.Effect(slot_mark_used=worker.SlotMarkUsed(permit=given.permit, info=info)))
    released = turn.Effect(slot_release=worker.SlotRelease(permit=given.permit, info=info))
    broker.take("slot_release", released)
    broker.take("slot_release", released)
    assert supplier.events == [("used", "W", "permit workflow"), ("released", True, "permit workflow")]


async def test_reservations_wait_until_the_worker_is_validated() -> None:
    broker, _, answers = opened()
    reserve(broker)
    await asyncio.sleep(0)
    assert answers.given == []
    broker.settle_worker(1)
    await until(lambda: len(answers.given) == 1)


async def test_supplier_that_fails_is_asked_again() -> None:
    broker, supplier, answers = opened()
    supplier.failures = 3
    broker.settle_worker(1)
    reserve(broker)
    await until(lambda: len(answers.given) == 1)


async def test_cancelled_reservation_ends_without_an_answer() -> None:
    broker, supplier, answers = opened()
    supplier.gate.clear()
    broker.settle_worker(1)
    reserve(broker)
    await until(lambda: broker._reservations[1].task is not None)
    task = broker._reservations[1].task
    broker.take("slot_reserve_cancel", turn.Effect(slot_reserve_cancel=worker.SlotReserveCancel(request=1)))
    await until(lambda: task is not None and task.cancelled())
    assert answers.given == []


def test_tried_at_once() -> None:
    broker, supplier, answers = SlotBroker(), Supplier.__new__(Supplier), Answers()
    broker.attach(lambda: answers)
    broker.add_worker(1, {worker.WORKFLOW_SLOT: CustomSlotSupplier(supplier)})
    for sticky in (False, True):
        context = worker.SlotReserveContext(kind=worker.WORKFLOW_SLOT, is_sticky=sticky)
        message = worker.SlotTryReserve(request=1, worker=1, context=context)
        broker.take("slot_try_reserve", turn.Effect(slot_try_reserve=message))
    assert [bool(given.permit) for given in answers.given] == [True, False]
