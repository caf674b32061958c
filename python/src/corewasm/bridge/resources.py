"""Samples the machine's load for workers whose slots depend on it."""

from __future__ import annotations

import logging
import weakref

from corewasm.abi import turn, worker
from corewasm.bridge.machine_load import MachineLoad
from corewasm.host.driver import Driver
from corewasm.host.reports import report_once

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 0.1


def sample_resources(driver: Driver, owner: object) -> None:
    """Gives the driver samples of memory and CPU, ten a second, as long as `owner` exists.

    Raises:
        RuntimeError: psutil is needed and not installed.
    """
    _Sampler(driver, owner, MachineLoad()).begin()


class _Sampler:
    def __init__(self, driver: Driver, owner: object, load: MachineLoad) -> None:
        self._driver = weakref.ref(driver)
        self._owner = weakref.ref(owner)
        self._load = load

    def begin(self) -> None:
        driver = self._driver()
        if driver is not None:
            self._sample(driver)
            driver.io.when_interrupted(self._interrupted)
            driver.io.post(self._wait)

    def _interrupted(self, _: str, lost: bool) -> None:
        if lost:
            self._wait()

    def _wait(self) -> None:
        driver = self._driver()
        if driver is not None and self._owner() is not None:
            driver.io.loop.call_later(_INTERVAL_SECONDS, self._sample_and_wait)

    def _sample_and_wait(self) -> None:
        driver = self._driver()
        if driver is not None and self._owner() is not None:
            try:
                self._sample(driver)
            finally:
                self._wait()

    def _sample(self, driver: Driver) -> None:
        try:
            memory, cpu = self._load.measure()
        except Exception as error:  # noqa: BLE001 - whatever the system has; the last sample holds
            report_once(logger, logging.WARNING, "The machine's load cannot be measured: %r", error)
            return
        driver.submit(turn.Input(resource_sample=worker.ResourceSample(memory_usage=memory, cpu_usage=cpu)))
