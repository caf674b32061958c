"""Samples the machine's load for workers whose slots depend on it."""

from __future__ import annotations

import logging
import weakref
from asyncio import TimerHandle
from collections.abc import Callable

from corewasm.abi import turn, worker
from corewasm.bridge.machine_load import Load, MachineLoad
from corewasm.host.driver import Driver
from corewasm.host.reports import report_once
from corewasm.host.unpatched import Thread, allocate_lock

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 0.1
_FAILED = "The machine's load cannot be measured: %r"

Measure = Callable[[], Load]


def sample_resources(driver: Driver, owner: object, measure: Measure | None = None) -> None:
    """Gives the driver samples of memory and CPU, ten a second, as long as `owner` exists.

    `measure` takes one, of this machine if it is not given. It may block, and raise what it likes.

    Raises:
        RuntimeError: psutil is needed and not installed.
    """
    _Sampler(driver, owner, measure or MachineLoad().measure).begin()


class _Sampler:
    """The I/O thread says when, and gives the driver what a thread of its own has measured.

    To measure lets go of the interpreter for each of some thirty calls of the system; where others compute, each may
    take 5 ms to get it back. The system may be slow as well. None of it holds up connections and timers. The thread has
    no clock, so the I/O thread also replaces one that has ended.
    """

    def __init__(self, driver: Driver, owner: object, measure: Measure) -> None:
        self._driver = weakref.ref(driver)
        self._due = allocate_lock()  # held until a sample is due: to let go is one step, fit for a finalizer
        self._due.acquire()
        self._owner = weakref.ref(owner, self._wake)
        self._measure = measure
        self._thread: Thread | None = None
        self._timer: TimerHandle | None = None

    def begin(self) -> None:
        """The first sample is taken at once."""
        driver = self._driver()
        if driver is not None:
            self._sample(driver.submit)
            driver.io.when_interrupted(self._interrupted)
            driver.io.post(self._wait)

    def _interrupted(self, _: str, __: bool) -> None:
        """The timer may have been lost, with its loop or while it was set."""
        self._wait()

    def _wait(self) -> None:
        driver = self._driver()
        if driver is not None and self._owner() is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = driver.io.loop.call_later(_INTERVAL_SECONDS, self._wake_and_wait)

    def _wake_and_wait(self) -> None:
        try:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(self._work, (), "corewasm-resources")
            self._wake()
        except (RuntimeError, MemoryError) as error:  # the system gives no thread: tried again next time
            report_once(logger, logging.WARNING, "The machine's load is measured on the I/O thread: %r", error)
            self._sample(self._submit)
        finally:
            self._wait()

    def _wake(self, _: object = None) -> None:
        """From any thread or finalizer. Nothing if the thread is still busy with the sample before."""
        try:
            self._due.release()
        except RuntimeError:
            return

    def _work(self) -> None:
        """On its own thread."""
        while True:
            self._due.acquire()
            if self._owner() is None:
                return
            try:
                self._sample(self._post)
            except BaseException as error:  # noqa: BLE001 - meant for another thread, if for any
                report_once(logger, logging.WARNING, _FAILED, error)

    def _post(self, sample: turn.Input) -> None:
        driver = self._driver()
        if driver is not None:
            driver.io.post(lambda: self._submit(sample))

    def _submit(self, sample: turn.Input) -> None:
        driver = self._driver()
        if driver is not None:
            driver.submit(sample)

    def _sample(self, take: Callable[[turn.Input], object]) -> None:
        """Whatever goes wrong is told once; the last sample holds, and the next one is tried."""
        try:
            memory, cpu = self._measure()
            take(turn.Input(resource_sample=worker.ResourceSample(memory_usage=memory, cpu_usage=cpu)))
        except Exception as error:  # noqa: BLE001 - whatever the system or a patch of others has
            report_once(logger, logging.WARNING, _FAILED, error)
