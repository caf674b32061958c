"""The one thread of a runtime on which its connections and timers live.

A user's event loop may block or close at any time; a worker's heartbeats, timers and last RPCs must not care. It is a
thread of the operating system with a loop of our own (`corewasm.host.unpatched`). A loop that fails is replaced on the
thread, a thread that ends is replaced by the next use; those who live on it are told, and take up what was lost.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from corewasm.host import process
from corewasm.host.claim import Claim
from corewasm.host.reports import report
from corewasm.host.unpatched import EventLoop, Flag, Thread, allocate_lock, get_ident
from corewasm.transport import fresh_grpc

logger = logging.getLogger(__name__)

_ENDING_ROUNDS = 3  # what is cancelled may begin to close its connection, which is a task again
_ENDING_SECONDS = 5.0
_JOIN_SECONDS = 10.0
_LOOP_FAILURES = 3  # without having come to anything
_ATTEMPTS = 3
_running: weakref.WeakSet[IoThread] = weakref.WeakSet()
_used = False
_forked_after_use = False
_renewal = allocate_lock()


Interrupted = Callable[[str, bool], object]


class ForkedAfterUse(RuntimeError):
    """The process was forked from one that had a runtime, and cannot get a gRPC library of its own."""


class IoThreadLost(RuntimeError):
    """The thread has ended and no other one can be started. Its text says why."""


class Posted:
    """Callbacks that wait for the thread, each of which may be called twice."""

    def __init__(self) -> None:
        self.runs = 0
        """How often the loop came to them: a loop that does not is broken."""
        self._waiting: deque[Callable[[], object]] = deque()

    def append(self, callback: Callable[[], object]) -> None:
        """From any thread or finalizer."""
        self._waiting.append(callback)

    def run(self) -> None:
        """On the thread. One that raises is called again, three times in all: what interrupted it may be gone."""
        self.runs += 1
        waiting = self._waiting
        for _ in range(len(waiting)):
            try:
                waiting[0]()
            except BaseException as error:  # noqa: BLE001 - nothing ends the thread but its close
                self._call_again(waiting[0], error)
            waiting.popleft()

    def _call_again(self, callback: Callable[[], object], error: BaseException) -> None:
        for _ in range(_ATTEMPTS - 1):
            try:
                callback()
            except BaseException as again:  # noqa: BLE001 - see above
                error = again
            else:
                return
        report(logger, logging.ERROR, "%r failed on the I/O thread: %r", callback, error)


class IoThread:
    """An event loop in a thread. It holds on to nothing but itself, so that a forgotten runtime can be collected."""

    def __init__(self) -> None:
        """Starts it.

        Raises:
            ForkedAfterUse: the gRPC library would hang or crash in this process, and a new copy cannot be loaded.
            IoThreadLost: the system gives no thread.
        """
        _get_usable_grpc()
        self._loop = EventLoop(self._tell_interrupted)
        self._posted = Posted()
        self._interrupted: list[weakref.WeakMethod[Interrupted]] = []
        self._lost_loops: list[EventLoop] = []
        self._closing = False
        self._pid = process.current()
        self._alive = False
        self._starting: Claim = {}
        self._start()
        _running.add(self)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The thread's event loop. Only to be used on the thread itself, and not to be kept: it may be replaced."""
        return self._loop

    @property
    def is_closing(self) -> bool:
        """Whether it ends, and cancels what runs on it."""
        return self._closing

    def is_current(self) -> bool:
        """Whether this code runs on the thread."""
        return get_ident() == self._ident

    def when_interrupted(self, callback: Interrupted) -> None:
        """Calls a method, weakly held, on the thread after something was raised out of what ran there.

        What was posted is not lost. `callback` gets the reason, and whether another loop has taken the place of one
        that failed: then all its tasks and timers are gone.
        """
        alive = [each for each in self._interrupted if each() is not None]  # replay drivers come and go
        self._interrupted = [*alive, weakref.WeakMethod(callback)]

    def post(self, callback: Callable[[], object]) -> None:
        """Runs `callback` on the thread soon. Dropped when the thread was closed.

        Raises:
            IoThreadLost: the thread has ended, and a new one cannot be started.
        """
        if self._pid != process.current():
            return  # what would wake the loop is shared with the parent's thread
        self._posted.append(callback)
        if get_ident() == self._ident:
            self._loop.call_soon(self._posted.run)
            return
        if not self._alive and not self._closing:
            self._start()
        try:
            self._loop.call_soon_threadsafe(self._posted.run)
        except RuntimeError:  # the loop is closed: the runtime is gone, or the thread makes a new one and looks then
            return

    def close(self) -> None:
        """Ends the thread soon, cancelling what runs on it. Harmless to repeat, from any thread or finalizer."""
        if not self._closing and self._pid == process.current():
            self._closing = True
            try:
                self._loop.call_soon_threadsafe(self._loop.stop)
            except RuntimeError:  # it is closed
                return

    def join(self) -> None:
        """Waits until the thread has ended, ten seconds at most."""
        if not self.is_current():
            self._thread.join(_JOIN_SECONDS)

    def _start(self) -> None:
        token = object()
        if self._starting.setdefault(None, token) is not token:
            return  # another thread does it, and what was posted is looked at then
        try:
            self._start_thread()
        finally:
            self._starting.pop(None, None)

    def _start_thread(self) -> None:
        ready = Flag()
        self._ident = 0
        try:
            self._thread = Thread(_run, (self, ready), "corewasm-io")
        except (RuntimeError, MemoryError) as error:
            raise IoThreadLost(f"no thread for Temporal's connections and timers can be started: {error}") from None
        if not ready.wait(_JOIN_SECONDS):
            raise IoThreadLost(f"the thread for Temporal's connections and timers did not start in {_JOIN_SECONDS} s")

    def _tell_interrupted(self, reason: str, lost: bool = False) -> None:
        """On the thread. `lost`: with all that ran on the loop."""
        for each in self._interrupted:
            callback = each()
            if callback is not None:
                self._posted.append(partial(callback, reason, lost))
        self._loop.call_soon(self._posted.run)

    def _replace_loop(self, reason: str) -> None:
        """On the thread."""
        report(logger, logging.ERROR, "The I/O thread's event loop is replaced: %s", reason)
        # Not closed: the gRPC library still tells it of RPCs that were on it, and would lose others if it failed to.
        self._lost_loops.append(self._loop)
        self._loop = EventLoop(self._tell_interrupted)
        self._tell_interrupted(reason, lost=True)


def _run(io: IoThread, ready: Flag) -> None:
    try:
        io._ident = get_ident()
        io._alive = True
        ready.set()
        while not io._closing:
            _serve(io)
    except BaseException as error:  # noqa: BLE001 - there is nobody above
        report(logger, logging.ERROR, "The I/O thread ended: %r", error)
    finally:
        io._alive = False
        if io._closing:
            _end(io._loop)


def _serve(io: IoThread) -> None:
    """Runs the loop until the thread closes, whatever raises or stops it."""
    failures = 0
    while not io._closing:
        runs = io._posted.runs
        reason = _interruption(io)
        if not reason:
            return
        report(logger, logging.ERROR, "The I/O thread's event loop was interrupted: %s", reason)
        failures = failures + 1 if io._posted.runs == runs else 0
        if failures == _LOOP_FAILURES:
            failures = 0
            io._replace_loop(reason)
        elif not io._loop.is_closed():
            io._tell_interrupted(reason)


def _interruption(io: IoThread) -> str:
    """Runs the loop. Why it ended; nothing if the thread closes."""
    reason = "it was stopped by others"
    try:
        io._loop.call_soon(io._posted.run)
        io._loop.run_forever()
    except BaseException as error:  # noqa: BLE001 - nothing ends the thread but its close
        reason = repr(error)
    return "" if io._closing else reason


def _end(loop: Any) -> None:
    try:
        for _ in range(_ENDING_ROUNDS):
            loop.run_until_complete(_cancel_tasks(loop))
    except BaseException as error:  # noqa: BLE001 - it ends anyway
        report(logger, logging.DEBUG, "The I/O thread's tasks did not end: %r", error)
    _close(loop)


async def _cancel_tasks(loop: Any) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_ENDING_SECONDS)


def _close(loop: Any) -> None:
    try:
        loop.close()
    except BaseException as error:  # noqa: BLE001 - it is not used any more
        report(logger, logging.DEBUG, "The I/O thread's event loop did not close: %r", error)


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
    _renewal = allocate_lock()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
