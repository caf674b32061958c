"""The interpreter's own threads, locks and clocks, whatever has been patched over them.

gevent and eventlet put greenlets in the place of threads and locks, freezegun a frozen clock in the place of time's;
they do so in the modules that are loaded. The extension modules behind those can be loaded once more: a second copy has
the functions that the interpreter was built with, and nobody finds it in sys.modules to patch it.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import importlib.util
import logging
import sys
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from corewasm.host.reports import report

logger = logging.getLogger(__name__)

T = TypeVar("T")


def _own_copy(name: str) -> Any:
    """A second copy of an extension module; the loaded one where there can be no second."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            raise ImportError(f"no module {name}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except (ImportError, ValueError):
        return importlib.import_module(name)
    return module


_thread, _time, _queue = _own_copy("_thread"), _own_copy("time"), _own_copy("_queue")

_start_new_thread: Callable[[Callable[..., object], tuple[Any, ...]], int] = _thread.start_new_thread
allocate_lock: Callable[[], Any] = _thread.allocate_lock
get_ident: Callable[[], int] = _thread.get_ident
monotonic: Callable[[], float] = _time.monotonic
monotonic_ns: Callable[[], int] = _time.monotonic_ns
time_ns: Callable[[], int] = _time.time_ns
SimpleQueue: Callable[[], Any] = _queue.SimpleQueue
Empty: type[Exception] = _queue.Empty
"""What a `SimpleQueue` of these raises."""


_STARTS = ("_start_new_thread", "_start_joinable_thread")
_METHODS = ("__init__", "start", "run", "_bootstrap", "_bootstrap_inner")


def threads_are_patched() -> bool:
    """Whether `threading` may make something else than threads of the operating system."""
    library: Any = importlib.import_module("threading")
    functions = [getattr(library, name) for name in _STARTS if hasattr(library, name)]
    methods = [getattr(library.Thread, name) for name in _METHODS if hasattr(library.Thread, name)]
    return any(each.__class__ is not _start_new_thread.__class__ for each in functions) or any(
        getattr(each, "__module__", None) != "threading" for each in methods
    )


class Flag:
    """Set once, waited for by one thread. As `threading.Event`, but of the operating system."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        """Lets the waiting thread go on. Harmless to repeat, from any thread or finalizer."""
        with contextlib.suppress(RuntimeError):  # it is set
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Whether it was set before so many seconds were over."""
        if threads_are_patched():
            return self._wait_with_greenlets(seconds)
        return self._passed(seconds)

    def _wait_with_greenlets(self, seconds: float) -> bool:
        """Who sets it may be another greenlet of this thread, which must get its turn."""
        patched: Any = importlib.import_module("time")
        until = monotonic() + seconds
        while not self._passed(0):
            if monotonic() >= until:
                return False
            patched.sleep(0.001)
        return True

    def _passed(self, seconds: float) -> bool:
        if not self._lock.acquire(timeout=seconds):
            return False
        self.set()
        return True


class Thread:
    """A daemon thread of the operating system, with its name in `threading` if nobody has patched that."""

    def __init__(self, target: Callable[..., object], arguments: tuple[Any, ...], name: str) -> None:
        """Starts it.

        Raises:
            RuntimeError: the system gives none.
        """
        self._ended = Flag()
        self._known: Any = None
        if threads_are_patched():
            _start_new_thread(self._run, (target, arguments))
            return
        library: Any = importlib.import_module("threading")
        self._known = library.Thread(target=self._run, args=(target, arguments), name=name, daemon=True)
        self._known.start()

    def join(self, seconds: float) -> bool:
        """Whether it has ended before so many seconds were over."""
        if self._known is not None:
            self._known.join(seconds)
        return self._ended.wait(0 if self._known is not None else seconds)

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.wait(0)

    def _run(self, target: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        try:
            target(*arguments)
        finally:
            self._ended.set()


def real_selector() -> Any:
    """The best selector of the system."""
    return _real_selectors().DefaultSelector()


def _real_selectors() -> Any:
    """The module `selectors`; one of our own, on the system's calls, if those were taken out of it."""
    loaded = importlib.import_module("selectors")
    select, ours = importlib.import_module("select"), _own_copy("select")
    if all(getattr(select, name, None) is not None for name in ("epoll", "kqueue", "poll") if hasattr(ours, name)):
        return loaded
    spec = importlib.util.find_spec("selectors")
    assert spec is not None, "it was imported above"
    loader: Any = spec.loader

    def import_ours(name: str, *rest: Any) -> ModuleType:
        return ours if name == "select" else builtins.__import__(name, *rest)

    module = ModuleType("selectors")
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": import_ours}
    exec(loader.get_code("selectors"), vars(module))
    return module


_Loop: Any = getattr(asyncio, "ProactorEventLoop", asyncio.SelectorEventLoop)  # the former where it is the default


class EventLoop(_Loop):  # type: ignore[misc]
    """asyncio's own loop on real clocks and threads: no policy, no loop factory and no patch of others has a say."""

    def __init__(self, interrupted: Callable[[str], object]) -> None:
        """`interrupted` hears of what a callback or task raised that nobody took."""
        if sys.platform == "win32":
            super().__init__()
        else:
            super().__init__(real_selector())
        self._tell_interrupted = weakref.WeakMethod(interrupted)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's, whatever logging does; a callback that was cut short has left things undone."""
        error = context.get("exception")
        report(logger, logging.ERROR, "%s: %r", context.get("message"), error)
        tell = self._tell_interrupted()
        if tell is not None and "handle" in context:
            tell(repr(error))

    def time(self) -> float:
        """Seconds of a clock that nobody can set or freeze."""
        return monotonic()

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """As asyncio's. Without an executor: in a thread of its own, for the few calls that there are."""
        if executor is not None:
            future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
            return future
        result: asyncio.Future[T] = self.create_future()
        Thread(_run, (self, result, func, args), "corewasm-resolver")
        return result

    async def shutdown_default_executor(self, *_: Any) -> None:
        """There is none."""

    def __del__(self) -> None:
        """A loop that was lost is closed by nobody else, and may be in any state."""
        with contextlib.suppress(Exception):
            self.close()


def _run(loop: EventLoop, result: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    value, failure = None, None
    try:
        value = func(*args)
    except BaseException as error:  # noqa: BLE001 - it is for who waits
        failure = error
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(_settle, result, value, failure)


def _settle(result: asyncio.Future[Any], value: Any, failure: BaseException | None) -> None:
    if result.done():
        return
    if failure is None:
        result.set_result(value)
    elif isinstance(failure, StopIteration):
        result.set_exception(RuntimeError(f"{failure!r} was raised in a thread"))
    else:
        result.set_exception(failure)
