"""Code that may run at any time: finalizers inside a turn, exceptions that strike a thread between two bytecodes.

What such code can call of ours is one atomic step each: nothing waits, and no lock is left held.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import sys
import threading
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.bridge.client import ClientRef
from corewasm.bridge.metrics import MetricAttributesRef, MetricMeterRef
from corewasm.bridge.runtime import raise_in_thread
from corewasm.host.driver import Driver
from corewasm.telemetry.aggregate import Naming
from corewasm.telemetry.buffered import MetricBuffer
from corewasm.telemetry.prometheus import PrometheusExporter
from corewasm.telemetry.records import Attributes
from fake_core import FakeCore, driver_of

STRIKES = 40
STRIKE_SECONDS = 0.005  # until one counts as swallowed: some 200 clients, whose messages the fake Core keeps
PATIENCE_SECONDS = 20


def unreachable_client(driver: Driver, handle: int) -> None:
    """A client in a cycle: only the collector ends it."""
    runtime: Any = SimpleNamespace(driver=driver)
    client = ClientRef(runtime, handle, {})
    client.itself = client  # type: ignore[attr-defined]


@pytest.mark.parametrize("last", [False, True], ids=["among-others", "the-last"])
def test_a_client_collected_inside_a_turn_is_closed_by_a_later_one(last: bool) -> None:
    closed = threading.Event()

    def script(each: turn.Input) -> Iterable[turn.Effect]:
        if each.WhichOneof("kind") == "worker_drop":
            gc.collect()
            assert core.inputs("client_close") == []
        elif each.WhichOneof("kind") == "client_close":
            closed.set()
        return ()

    core = FakeCore(script)
    driver = driver_of(core)
    driver.lease(core)
    if last:
        driver._leases.clear()
    gc.disable()
    try:
        unreachable_client(driver, 7)
        driver.submit(turn.Input(worker_drop=worker.WorkerDrop(worker=1)))
    finally:
        gc.enable()
    assert closed.wait(PATIENCE_SECONDS)
    assert [each.client for each in core.inputs("client_close")] == [7]


class Strike(BaseException):
    """What the SDK raises in a thread whose activity is cancelled."""


def strike(action: Callable[[], object]) -> int:
    """Repeats the action in a thread that is struck again and again; it has to go on each time.

    Returns how often the action was cut short.
    """
    struck, ended = itertools.count(), threading.Event()
    seen = threading.Semaphore(0)

    def work() -> None:
        while not ended.is_set():
            try:
                while not ended.is_set():
                    action()
            except Strike:
                next(struck)
                seen.release()

    def guarded() -> None:
        # A strike may fall between the handler and the next try.
        while not ended.is_set():
            with contextlib.suppress(Strike):
                work()

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    for _ in range(STRIKES):
        assert thread.ident is not None
        assert raise_in_thread(thread.ident, Strike)
        seen.acquire(timeout=STRIKE_SECONDS)
    ended.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), "it waits for something that a strike has left held"
    return next(struck)


@pytest.fixture
def swallowed(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """What strikes inside a finalizer is swallowed there. To tell of it takes milliseconds, in which more strikes."""
    seen: list[None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda _: seen.append(None))
    return seen


@pytest.mark.usefixtures("swallowed")
@pytest.mark.parametrize("kind", ["prometheus", "buffer"])
def test_a_thread_struck_while_it_records_leaves_no_lock_held(kind: str) -> None:
    exporter = PrometheusExporter("127.0.0.1:0", Naming(), {})
    buffer = MetricBuffer(1_000_000)
    meter = MetricMeterRef(exporter if kind == "prometheus" else buffer, Attributes({}))
    counter, duration = meter.new_counter("c", None, None), meter.new_histogram_duration("d", None, None)

    def record() -> None:
        attributes = meter.default_attributes.with_additional_attributes(meter, {"k": 1})
        counter.add(1, attributes)
        duration.record(5, MetricAttributesRef(Attributes({})))

    assert strike(record) > 0
    if kind == "prometheus":
        assert 'c{k="1"}' in exporter.text()
    assert len(buffer.retrieve(False)) == 0 or kind == "buffer"
    exporter.close()
    exporter.join()


def test_a_thread_struck_while_it_collects_leaves_no_lock_held(swallowed: list[None]) -> None:
    core = FakeCore(lambda _: ())
    driver = driver_of(core)
    handles = itertools.count(1)

    def collect() -> None:
        unreachable_client(driver, next(handles))
        gc.collect(0)

    driver.lease(core)
    assert strike(collect) + len(swallowed) > 0
    gc.collect()
    done = threading.Event()
    driver.post(done.set)
    assert done.wait(PATIENCE_SECONDS)
    assert len(core.inputs("client_close")) > 0
