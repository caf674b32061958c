"""The one thread of a runtime on which its connections and timers live.

A user's event loop may block or close at any time; a worker's heartbeats, timers and last RPCs must not care.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Callable

from corewasm.host import process
from corewasm.transport import fresh_grpc

_ENDING_ROUNDS = 3  # what is cancelled may begin to close its connection, which is a task again
_running: weakref.WeakSet[IoThread] = weakref.WeakSet()
_used = False
_forked_after_use = False
_renewal = threading.Lock()


class ForkedAfterUse(RuntimeError):
    """The process was forked from one that had a runtime, and cannot get a gRPC library of its own."""


class IoThread:
    """An event loop in a thread. It holds on to nothing but itself, so that a forgotten runtime can be collected."""

    def __init__(self) -> None:
        """Starts it.

        Raises:
            ForkedAfterUse: the gRPC library would hang or crash in this process, and a new copy cannot be loaded.
        """
        _get_usable_grpc()
        self._loop = asyncio.new_event_loop()
        self._closing = False
        self._thread = threading.Thread(target=_run, args=(self._loop,), name="corewasm-io", daemon=True)
        self._thread.start()
        self._pid = process.current()
        _running.add(self)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The thread's event loop. Only to be used on the thread itself."""
        return self._loop

    @property
    def is_closing(self) -> bool:
        """Whether it ends, and cancels what runs on it."""
        return self._closing

    def is_current(self) -> bool:
        """Whether this code runs on the thread."""
        return threading.get_ident() == self._thread.ident

    def post(self, callback: Callable[[], object]) -> None:
        """Runs `callback` on the thread soon. Dropped when the thread has ended."""
        if self.is_current():
            self._loop.call_soon(callback)
            return
        if self._pid != process.current():
            return  # what would wake the loop is shared with the parent's thread
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop is closed: the runtime is gone, so is what wanted to run
            return

    def close(self) -> None:
        """Ends the thread soon, cancelling what runs on it. Harmless to repeat, from any thread or finalizer."""
        if not self._closing and self._pid == process.current():
            self._closing = True
            self.post(self._loop.stop)

    def join(self) -> None:
        """Waits until the thread has ended."""
        if not self.is_current():
            self._thread.join()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        for _ in range(_ENDING_ROUNDS):
            _cancel_tasks(loop)
        loop.close()


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _join_all() -> None:
    threads = [thread for thread in _running if thread._pid == process.current()]
    for thread in threads:
        thread.close()
    for thread in threads:
        thread.join()


atexit.register(_join_all)


def _get_usable_grpc() -> None:
    """Loads the gRPC library anew if a runtime was made before a fork: it does not survive one. See ADR 0014."""
    global _used, _forked_after_use
    with _renewal:
        if _forked_after_use:
            try:
                fresh_grpc.renew()
            except (OSError, ImportError) as error:
                raise ForkedAfterUse(
                    "a process forked from one with a Temporal runtime needs its own copy of the gRPC library, which "
                    f"cannot be loaded: {error}. Use the start methods spawn or forkserver, or fork before the first "
                    "runtime is made"
                ) from error
        _used, _forked_after_use = True, False


def _after_fork() -> None:
    global _forked_after_use, _renewal
    _forked_after_use = _used
    _renewal = threading.Lock()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
