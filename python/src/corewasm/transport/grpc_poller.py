"""The gRPC library's own thread, for its asyncio interface: a thread of the operating system even where greenlets rule.

The library starts it through the `threading` that it finds as its first channel is made. Under gevent or eventlet that
would be a greenlet of a thread that never runs any: no answer would ever arrive.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from corewasm.host.unpatched import Thread, threads_are_patched


class _PollerThread:
    """What the library needs of `threading.Thread`."""

    def __init__(self, target: Callable[[], object], daemon: bool = True, **_: Any) -> None:
        self._target = target
        self._thread: Thread | None = None

    def start(self) -> None:
        """Starts it."""
        self._thread = Thread(self._target, (), "corewasm-grpc")

    def join(self, timeout: float = 10.0) -> None:
        """Waits for it."""
        if self._thread is not None:
            self._thread.join(timeout)


@contextlib.contextmanager
def real_poller() -> Iterator[None]:
    """Channels are made in here. Nothing is changed for the library's other users, nor if nobody patches threads."""
    library: Any = importlib.import_module("grpc._cython.cygrpc")  # another one after a fork
    patched = getattr(library, "threading", None)
    if patched is None or not threads_are_patched():
        yield
        return
    names = {name: getattr(patched, name) for name in dir(patched)}
    library.threading = SimpleNamespace(**{**names, "Thread": _PollerThread})
    try:
        yield
    finally:
        library.threading = patched
