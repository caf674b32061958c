"""Samples the machine's load for workers whose slots depend on it."""

from __future__ import annotations

import weakref
from typing import Any

from corewasm.abi import turn, worker
from corewasm.host.driver import Driver

try:
    import psutil
except ImportError:
    psutil = None  # type: ignore[assignment]

_INTERVAL_SECONDS = 0.1


def sample_resources(driver: Driver, owner: object) -> None:
    """Gives the driver samples of memory and CPU, ten a second, as long as `owner` exists.

    Raises:
        RuntimeError: psutil is not installed.
    """
    if psutil is None:
        raise RuntimeError("resource-based slots need psutil: pip install 'corewasm[psutil]'")
    _Sampler(driver, owner).begin()


class _Sampler:
    def __init__(self, driver: Driver, owner: object) -> None:
        self._driver = weakref.ref(driver)
        self._owner = weakref.ref(owner)

    def begin(self) -> None:
        driver = self._driver()
        if driver is not None:
            driver.submit(turn.Input(resource_sample=_sample()))
            driver.io.post(self._sample_and_wait)

    def _sample_and_wait(self) -> None:
        driver = self._driver()
        if driver is None or self._owner() is None:
            return
        driver.submit(turn.Input(resource_sample=_sample()))
        driver.io.loop.call_later(_INTERVAL_SECONDS, self._sample_and_wait)


def _sample() -> worker.ResourceSample:
    library: Any = psutil
    memory = library.virtual_memory()
    return worker.ResourceSample(
        memory_usage=(memory.total - memory.available) / memory.total, cpu_usage=library.cpu_percent() / 100
    )
