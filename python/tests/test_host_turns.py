"""Turns: one at a time, in order, in time."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterable

from corewasm.abi import telemetry, turn
from corewasm.host.io_thread import IoThread
from fake_core import FakeCore, RecordingSinks, driver_of, silent
from test_host_calls import until


def closing(client: int) -> turn.Input:
    return turn.Input(client_close=turn.ClientClose(client=client))


def test_first_input_opens() -> None:
    core = FakeCore(silent)
    driver_of(core).submit(closing(1))
    assert [each.WhichOneof("kind") for each in core.turns[0]] == ["open", "client_close"]


def test_inputs_of_many_threads_are_all_applied_and_effects_keep_their_order() -> None:
    def log(each: turn.Input) -> Iterable[turn.Effect]:
        if each.WhichOneof("kind") == "client_close":
            yield turn.Effect(log=telemetry.LogRecord(message=str(each.client_close.client)))

    core, sinks = FakeCore(log), RecordingSinks()
    driver = driver_of(core, sinks)
    barrier = threading.Barrier(4)

    def work(first: int) -> None:
        barrier.wait()
        for number in range(500):
            driver.submit(closing(first + number))

    threads = [threading.Thread(target=work, args=(1000 * index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    applied = [each.client for each in core.inputs("client_close")]
    assert sorted(applied) == sorted(1000 * index + number for index in range(4) for number in range(500))
    asyncio.run(until(lambda: len(sinks.logs) == 2000))
    assert [int(record.message) for record in sinks.logs] == applied


def test_caller_does_not_wait_for_a_busy_instance() -> None:
    inside, leave = threading.Event(), threading.Event()

    def block(each: turn.Input) -> Iterable[turn.Effect]:
        if each.WhichOneof("kind") == "client_close" and each.client_close.client == 1:
            inside.set()
            assert leave.wait(10)
        return ()

    core = FakeCore(block)
    driver = driver_of(core)
    holder = threading.Thread(target=driver.submit, args=(closing(1),))
    holder.start()
    assert inside.wait(10)
    driver.submit(closing(2))  # returns although the instance is busy
    leave.set()
    holder.join()
    assert [each.client for each in core.inputs("client_close")] == [1, 2]
    assert core.threads[-1] == holder.ident


def test_wake_up_makes_a_turn_without_any_user_loop() -> None:
    core = FakeCore(silent)
    driver = driver_of(core)
    core.next_wakeup_ns = time.monotonic_ns() + 20_000_000
    driver.submit(closing(1))
    core.next_wakeup_ns = None
    asyncio.run(until(lambda: len(core.turns) == 2))
    assert core.turns[1] == []
    del driver


def test_earlier_wake_up_replaces_a_later_one() -> None:
    core = FakeCore(silent)
    driver = driver_of(core)
    core.next_wakeup_ns = time.monotonic_ns() + 3600 * 10**9
    driver.submit(closing(1))
    core.next_wakeup_ns = time.monotonic_ns() + 10_000_000
    driver.submit(closing(2))
    core.next_wakeup_ns = None
    asyncio.run(until(lambda: len(core.turns) == 3))


class Owner:
    """Someone a driver is leased to."""


def test_driver_ends_with_the_last_of_its_owners_after_their_last_inputs() -> None:
    core = FakeCore(silent)
    driver = driver_of(core)
    first, second = Owner(), Owner()
    driver.lease(first, closing(1))
    driver.lease(second, closing(2))
    del first
    asyncio.run(until(lambda: len(core.inputs("client_close")) == 1))
    driver.submit(closing(3))
    assert len(core.inputs("client_close")) == 2
    del second
    asyncio.run(until(lambda: core.closed))
    assert [each.client for each in core.inputs("client_close")] == [1, 3, 2]
    driver.submit(closing(4))
    assert len(core.inputs("client_close")) == 3


def test_owners_in_a_cycle_with_the_driver() -> None:
    cores = [FakeCore(silent) for _ in range(50)]
    for core in cores:
        owner = Owner()
        owner.driver = driver_of(core)  # type: ignore[attr-defined]
        owner.myself = owner  # type: ignore[attr-defined]
        owner.driver.lease(owner, closing(1))  # type: ignore[attr-defined]
    del owner
    gc.collect()
    asyncio.run(until(lambda: all(len(core.inputs("client_close")) == 1 for core in cores)))


def test_thread_ends_when_closed() -> None:
    thread = IoThread()
    thread.close()
    thread.join()
    assert not thread._thread.is_alive()
