"""Calls into Core that someone waits for, on an event loop or (for synchronous results) in a thread."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import Any

Undelivered = Callable[[bytes], None]


class LoopCall(asyncio.Future[Any]):
    """A call whose caller holds it, as an asyncio future.

    It is never resolved before the call has returned to its caller: awaiting one that is done does not yield, and the
    SDK's poll loops would then starve everything else on their loop. An outcome that is there by then is taken as soon
    as somebody waits for it, at the latest when the loop goes round.
    """

    __slots__ = ("_convert", "_ended", "_given_up", "_outcome", "_undelivered", "number")

    def __init__(
        self,
        number: int,
        given_up: Callable[[int], None],
        convert: Callable[[bytes], Any],
        undelivered: Undelivered | None,
        ended: Callable[[], None] | None,
    ) -> None:
        """Made in the caller's thread. `given_up` gets the number when the future is cancelled.

        `ended` is called when it is resolved or cancelled; `undelivered` gets a value that nobody could take.

        Raises:
            RuntimeError: no event loop runs there.
        """
        super().__init__(loop=asyncio.get_running_loop())
        self.number = number
        self._given_up = given_up
        self._convert = convert
        self._undelivered = undelivered
        self._ended = ended
        self._outcome: weakref.ref[_Outcome] | None = None

    def resolve(self, value: bytes, error: BaseException | None) -> None:
        """Schedules the outcome on the caller's loop. From any thread."""
        outcome = _Outcome(self, value, error)
        loop = self.get_loop()
        if asyncio._get_running_loop() is loop:
            self._outcome = weakref.ref(outcome)
            loop.call_soon(outcome)
            return
        try:
            loop.call_soon_threadsafe(outcome)
        except RuntimeError:  # the loop is closed
            outcome.lose()

    def add_done_callback(self, *args: Any, **options: Any) -> None:
        """As a future's. Whoever waits has got the call: a scheduled outcome need not wait for the loop."""
        super().add_done_callback(*args, **options)
        outcome = self._outcome and self._outcome()
        if outcome is not None:
            outcome()

    def cancel(self, *args: Any, **options: Any) -> bool:
        """As a future's. Core is told that nobody waits any more."""
        cancelled = super().cancel(*args, **options)
        if cancelled:
            self._end()
            self._given_up(self.number)
        return cancelled

    def settle(self, value: bytes, error: BaseException | None) -> None:
        """Resolves it. On its loop, once."""
        self._end()
        if error is None:
            self.set_result(self._convert(value))
        elif isinstance(error, asyncio.CancelledError):
            super().cancel()
        else:
            self.set_exception(error)

    def lose(self, value: bytes, error: BaseException | None) -> None:
        """Gives a value back that cannot be delivered."""
        if error is None and self._undelivered is not None:
            self._undelivered(value)

    def _end(self) -> None:
        if self._ended is not None:
            self._ended()


class _Outcome:
    """What a call came to, scheduled on its loop.

    If the loop closes before it ran, the collector finds it and the value goes back to Core.
    """

    __slots__ = ("__weakref__", "_call", "_error", "_value")

    def __init__(self, call: LoopCall, value: bytes, error: BaseException | None) -> None:
        self._call: LoopCall | None = call
        self._value = value
        self._error = error

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is None:
            return
        if call.done():
            call.lose(self._value, self._error)
        else:
            call.settle(self._value, self._error)

    def lose(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.lose(self._value, self._error)

    def __del__(self) -> None:
        if self._call is not None:
            self.lose()


class ThreadCall:
    """A call whose caller waits in its thread, for inputs that Core answers in the same turn."""

    __slots__ = ("_done", "_error", "_value")

    def __init__(self) -> None:
        self._done = threading.Event()
        self._value = b""
        self._error: BaseException | None = None

    def resolve(self, value: bytes, error: BaseException | None) -> None:
        """Lets the caller go on."""
        self._value, self._error = value, error
        self._done.set()

    def wait(self) -> bytes:
        """The value, once it is there; or raises what the call failed with."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value
