"""Futures of calls: when they resolve, on which loop, and what happens to values that nobody took."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.host.driver import Driver, undelivered
from fake_core import CallFailed, FakeCore, answer_polls, driver_of, resolved, silent


def poll_input(call: int) -> turn.Input:
    return turn.Input(worker_poll=worker.WorkerPoll(worker=1, kind=worker.WORKFLOW, call=call))


def poll(driver: Driver) -> asyncio.Future[Any]:
    return driver.call(poll_input, bytes, undelivered(driver, 1, worker.WORKFLOW))


async def test_value_arrives_but_never_before_the_call_returned() -> None:
    driver = driver_of(FakeCore(answer_polls))
    future = poll(driver)
    assert isinstance(future, asyncio.Future)
    assert not future.done()
    assert await future == b"task 1"


async def test_waiting_yields_to_others_even_if_core_answers_at_once() -> None:
    driver = driver_of(FakeCore(answer_polls))
    others: list[int] = []
    for _ in range(3):
        asyncio.get_running_loop().call_soon(others.append, 1)
        await poll(driver)
    assert others == [1, 1, 1]


async def test_an_answer_without_a_value_that_is_there_does_not_cost_a_round_of_the_loop() -> None:
    driver = driver_of(FakeCore(answer_polls))
    others: list[int] = []
    asyncio.get_running_loop().call_soon(others.append, 1)
    await driver.call(poll_input)
    assert others == []
    await asyncio.sleep(0)
    assert others == [1]


async def test_turn_runs_in_the_callers_thread() -> None:
    core = FakeCore(answer_polls)
    await poll(driver_of(core))
    assert core.threads[0] == threading.get_ident()


async def test_error_arrives() -> None:
    def fail(each: turn.Input) -> Iterable[turn.Effect]:
        if each.WhichOneof("kind") == "worker_poll":
            yield resolved(each.worker_poll.call, error="no more")

    with pytest.raises(CallFailed, match="no more"):
        await poll(driver_of(FakeCore(fail)))


async def test_refused_input_fails_its_call() -> None:
    core = FakeCore(silent)
    original = core._turn

    def refuse(request: turn.TurnRequest) -> turn.TurnResponse:
        response = original(request)
        index = len(request.inputs) - 1
        response.input_errors.add(input_index=index, kind=turn.InputError.BAD_HANDLE, message="worker 1 is unknown")
        return response

    core._turn = refuse  # type: ignore[method-assign]
    with pytest.raises(CallFailed, match="worker 1 is unknown"):
        await poll(driver_of(core))


def test_no_running_loop() -> None:
    driver = driver_of(FakeCore(answer_polls))
    with pytest.raises(RuntimeError, match="no running event loop"):
        poll(driver)


async def test_cancelled_future_cancels_the_call() -> None:
    core = FakeCore(silent)
    future = poll(driver_of(core))
    future.cancel()
    await asyncio.sleep(0)
    (cancelled,) = core.inputs("call_cancelled")
    assert cancelled.call == core.inputs("worker_poll")[0].call


async def test_value_of_a_future_cancelled_in_between_goes_back() -> None:
    core = FakeCore(answer_polls)
    driver = driver_of(core)
    future = poll(driver)
    future.cancel()
    await until(lambda: bool(core.inputs("undelivered")))
    (back,) = core.inputs("undelivered")
    assert (back.worker, back.kind, back.value) == (1, worker.WORKFLOW, b"task 1")


async def test_value_goes_back_if_its_task_is_cancelled_as_it_gets_it() -> None:
    core = FakeCore(answer_polls)
    driver = driver_of(core)

    async def wait() -> bytes:
        return bytes(await poll(driver))

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)  # it has polled, and taken what was there
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: bool(core.inputs("undelivered")))
    assert core.inputs("undelivered")[0].value == b"task 1"


def test_value_for_a_closed_loop_goes_back() -> None:
    core = FakeCore(silent)
    driver = driver_of(core)

    async def main() -> None:
        poll(driver)

    asyncio.run(main())
    core.script = lambda _: [resolved(1, b"late")]
    driver.submit(turn.Input(client_close=turn.ClientClose(client=1)))
    core.script = silent
    spin(lambda: bool(core.inputs("undelivered")))
    assert core.inputs("undelivered")[0].value == b"late"


def test_value_scheduled_on_a_loop_that_closes_goes_back() -> None:
    core = FakeCore(answer_polls)
    driver = driver_of(core)
    loop = asyncio.new_event_loop()

    async def main() -> None:
        poll(driver)
        loop.stop()

    task = loop.create_task(main())
    loop.run_forever()
    assert task.done()
    loop.close()
    gc.collect()
    spin(lambda: bool(core.inputs("undelivered")))
    assert core.inputs("undelivered")[0].value == b"task 1"


async def test_each_loop_gets_its_own_answers() -> None:
    held: list[int] = []

    def hold(each: turn.Input) -> Iterable[turn.Effect]:
        if each.WhichOneof("kind") == "worker_poll":
            held.append(each.worker_poll.call)
        if each.WhichOneof("kind") == "client_close":
            yield from (resolved(call, b"%d" % call) for call in held)

    driver = driver_of(FakeCore(hold))
    other: list[bytes] = []
    thread = threading.Thread(target=lambda: other.append(asyncio.run(wait(driver))))
    mine = poll(driver)
    thread.start()
    await until(lambda: len(held) == 2)
    driver.submit(turn.Input(client_close=turn.ClientClose(client=1)))
    assert await mine == b"1"
    await asyncio.to_thread(thread.join)
    assert other == [b"2"]


async def wait(driver: Driver) -> Any:
    return await poll(driver)


def test_synchronous_result() -> None:
    def reply(each: turn.Input) -> Iterable[turn.Effect]:
        if each.WhichOneof("kind") == "worker_poll":
            yield resolved(each.worker_poll.call, b"now")

    assert driver_of(FakeCore(reply)).call_now(poll_input) == b"now"


async def until(condition: Any) -> None:
    """Lets other threads and callbacks run until the condition holds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < 10, "it never became true"
        await asyncio.sleep(0.001)


def spin(condition: Any) -> None:
    asyncio.run(until(condition))
