"""Samples of the machine's load come as long as a worker wants them, and hold up nothing."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from corewasm.bridge import resources
from corewasm.bridge.machine_load import Load
from corewasm.host import reports
from corewasm.host.driver import Driver
from fake_core import FakeCore, driver_of

PATIENCE = 20.0


class Owner:
    """Whose slots depend on the samples."""


class Sampled:
    """A driver that gets samples, and who wants them."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.loop_lost = threading.Event()
        self.core = FakeCore(self._script)
        self.driver: Driver = driver_of(self.core)
        self.driver.lease(self.core)
        self.owner: Owner | None = Owner()

    def _script(self, each: Any) -> tuple[()]:
        if each.WhichOneof("kind") == "resource_sample":
            self.arrived.release()
        return ()

    def begin(self, measure: resources.Measure) -> None:
        resources.sample_resources(self.driver, self.owner, measure)

    def wait(self, samples: int = 1) -> None:
        for _ in range(samples):
            assert self.arrived.acquire(timeout=PATIENCE)

    def run_on_io(self, step: Callable[[], object]) -> None:
        done = threading.Event()

        def run() -> None:
            step()
            done.set()

        self.driver.io.post(run)
        assert done.wait(PATIENCE)

    def replace_loop(self) -> None:
        """One that comes to nothing any more is given up."""
        self.driver.io.when_interrupted(self._note_loss)
        old: Any = self.driver.io.loop
        self.driver.io.post(lambda: old._selector.close())
        assert self.loop_lost.wait(PATIENCE)

    def _note_loss(self, _: str, lost: bool) -> None:
        if lost:
            self.loop_lost.set()


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sampled]:
    monkeypatch.setattr(reports, "_told", set())
    made = Sampled()
    yield made
    made.owner = None
    gc.collect()
    made.driver.io.close()
    made.driver.io.join()


def test_what_is_measured_arrives(sampled: Sampled) -> None:
    sampled.begin(lambda: Load(0.25, 0.5))
    sampled.wait(3)
    assert {(each.memory_usage, each.cpu_usage) for each in sampled.core.inputs("resource_sample")} == {(0.25, 0.5)}


def test_a_system_that_does_not_answer_holds_up_nothing(sampled: Sampled) -> None:
    asked, answer, first = threading.Event(), threading.Event(), [True]

    def measure() -> Load:
        if first:
            first.clear()
            return Load(0.0, 0.0)
        asked.set()
        assert answer.wait(PATIENCE)
        return Load(0.5, 0.5)

    sampled.begin(measure)
    sampled.wait()
    assert asked.wait(PATIENCE)
    sampled.run_on_io(lambda: None)
    answer.set()
    sampled.wait(2)


@pytest.mark.parametrize("failure", [OSError("no files"), MemoryError(), AttributeError("patched"), SystemExit()])
def test_whatever_a_sample_raises_the_next_one_is_taken(
    sampled: Sampled, failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    results: list[BaseException | None] = [None, failure, failure, None]

    def measure() -> Load:
        result = results.pop(0) if results else None
        if result is not None:
            raise result
        return Load(0.5, 0.5)

    sampled.begin(measure)
    sampled.wait(3)
    assert not results
    told = [record.getMessage() for record in caplog.records if record.name == resources.__name__]
    assert told == [f"The machine's load cannot be measured: {failure!r}"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_struck_is_replaced(sampled: Sampled) -> None:
    threads: list[int] = []

    def measure() -> Load:
        threads.append(threading.get_ident())
        return Load(0.5, 0.5)

    sampled.begin(measure)
    for _ in range(3):
        sampled.wait(2)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threads[-1]), ctypes.py_object(SystemExit))
    sampled.wait(2 + 3 * 2)


def test_where_no_thread_starts_the_io_thread_measures(sampled: Sampled, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> Any:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(resources, "Thread", none)
    where: list[int] = []

    def measure() -> Load:
        where.append(threading.get_ident())
        return Load(0.5, 0.5)

    sampled.begin(measure)
    sampled.wait(3)
    io: list[int] = []
    sampled.run_on_io(lambda: io.append(threading.get_ident()))
    assert set(where[1:]) == set(io)


def test_a_loop_that_is_replaced_loses_no_samples(sampled: Sampled) -> None:
    sampled.begin(lambda: Load(0.5, 0.5))
    sampled.wait(2)
    sampled.replace_loop()
    sampled.wait(10)


def test_without_an_owner_thread_and_samples_end(sampled: Sampled, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[resources.Thread] = []

    class Noted(resources.Thread):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            threads.append(self)

    monkeypatch.setattr(resources, "Thread", Noted)
    sampled.begin(lambda: Load(0.5, 0.5))
    sampled.wait(3)
    sampled.driver.io.close()  # nobody says when a sample is due any more
    sampled.driver.io.join()
    sampled.owner = None
    gc.collect()
    assert len(threads) == 1
    assert threads[0].join(PATIENCE)
