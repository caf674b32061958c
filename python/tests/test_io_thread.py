"""The I/O thread is a real thread with a real loop, and what breaks it is mended or told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.bridge.runtime import raise_in_thread
from corewasm.host import calls, io_thread
from corewasm.host.calls import CoreDoesNotAnswer
from corewasm.host.io_thread import IoThread, IoThreadLost
from corewasm.host.unpatched import EventLoop, threads_are_patched
from fake_core import FakeCore, RecordingSinks, driver_of, silent

PATIENCE_SECONDS = 20


def answers(io: IoThread) -> bool:
    done = threading.Event()
    io.post(done.set)
    return done.wait(PATIENCE_SECONDS)


@pytest.fixture
def io() -> Any:
    thread = IoThread()
    yield thread
    thread.close()
    thread.join()
    assert not thread._thread.is_alive()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, RuntimeError])
def test_what_a_callback_raises_does_not_end_it(io: IoThread, kind: type[BaseException]) -> None:
    def fail() -> None:
        raise kind("a test wants it")

    io.post(fail)
    io.post(lambda: io.loop.call_soon(fail))
    assert answers(io)


def test_a_thread_that_is_struck_goes_on(io: IoThread) -> None:
    for _ in range(20):
        assert raise_in_thread(io._ident, SystemExit)
        assert answers(io)


@pytest.mark.parametrize("harm", ["stop", "close", "close_selector"])
def test_a_loop_that_others_break_is_replaced(io: IoThread, harm: str) -> None:
    told: list[bool] = []
    mended = threading.Event()

    class Owner:
        def interrupted(self, reason: str, lost: bool) -> None:
            told.append(lost)
            if lost or harm == "stop":
                mended.set()

    owner = Owner()
    io.when_interrupted(owner.interrupted)

    def break_it() -> None:
        loop: Any = io.loop
        if harm == "stop":
            loop.stop()
        elif harm == "close_selector":
            loop._selector.close()
        else:
            loop.stop()
            loop.call_soon(loop.stop)
            loop._closed = True

    io.post(break_it)
    assert mended.wait(PATIENCE_SECONDS)
    assert answers(io)
    assert (True in told) == (harm != "stop")


def test_a_thread_that_ended_is_replaced_by_the_next_use(io: IoThread, monkeypatch: pytest.MonkeyPatch) -> None:
    first = io._thread
    with monkeypatch.context() as patch:
        patch.setattr(io, "_closing", True)  # it leaves its loop
        io._loop.call_soon_threadsafe(io._loop.stop)
        first.join(PATIENCE_SECONDS)
    assert not first.is_alive()
    assert answers(io)
    assert io._thread is not first


def test_no_thread_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(io_thread, "Thread", refuse)
    with pytest.raises(IoThreadLost, match="no thread .* can be started: can't start new thread"):
        IoThread()


def test_a_call_does_not_wait_for_ever_for_a_turn_that_nobody_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WAIT_SECONDS", 0.05)
    driver = driver_of(FakeCore(silent))
    with pytest.raises(CoreDoesNotAnswer, match="did not answer"):
        driver.call_now(lambda call: turn.Input(worker_open=worker.WorkerOpen(call=call)))


def test_an_instance_that_cannot_be_replaced_fails_all_calls_and_is_tried_again_later() -> None:
    core = FakeCore(silent)
    driver = driver_of(core, RecordingSinks())
    working, broken = driver._runner._new_instance, threading.Event()

    def refuse() -> Any:
        broken.set()
        raise OSError("no memory for another one")

    async def asked() -> None:
        core.trap_at = {len(core.turns) + 1}
        driver._runner._new_instance = refuse
        with pytest.raises((RuntimeError, OSError), match="no memory for another one"):
            await driver.call(lambda call: turn.Input(worker_validate=worker.WorkerValidate(worker=1, call=call)))
        with pytest.raises((RuntimeError, OSError), match="no memory for another one"):
            await asyncio.wait_for(
                driver.call(lambda call: turn.Input(worker_validate=worker.WorkerValidate(worker=1, call=call))),
                PATIENCE_SECONDS,
            )

    asyncio.run(asked())
    driver._runner._new_instance = working
    driver.submit(turn.Input(worker_drop=worker.WorkerDrop(worker=9)))
    assert broken.is_set()
    assert [each.worker for each in core.inputs("worker_drop")] == [9]


@pytest.mark.parametrize("name", ["new_event_loop", "set_event_loop", "get_event_loop_policy"])
def test_asyncios_factories_have_no_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("patched")

    monkeypatch.setattr(asyncio, name, refuse)
    monkeypatch.setattr(asyncio.events, name, refuse)
    thread = IoThread()
    assert answers(thread)
    assert isinstance(thread.loop, EventLoop)
    thread.close()
    thread.join()


def test_a_frozen_clock_does_not_stop_timers(io: IoThread, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    fired = threading.Event()
    io.post(lambda: io.loop.call_later(0.01, fired.set))
    assert fired.wait(PATIENCE_SECONDS)


GREENLETS = """
import gevent.monkey
gevent.monkey.patch_all()
from corewasm.host.unpatched import threads_are_patched
assert threads_are_patched()
from corewasm.host.io_thread import IoThread
from corewasm.host.unpatched import Flag
io, done, resolved = IoThread(), Flag(), Flag()
async def resolve():
    assert await io.loop.getaddrinfo("127.0.0.1", 80)
    resolved.set()
io.post(lambda: io.loop.call_later(0.01, done.set))
io.post(lambda: io.loop.create_task(resolve()))
print(done.wait(20), resolved.wait(20))
"""


def test_greenlets_in_the_place_of_threads() -> None:
    assert not threads_are_patched()
    done = subprocess.run([sys.executable, "-c", GREENLETS], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["True", "True"], done.stderr
