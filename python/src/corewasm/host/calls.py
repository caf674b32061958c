"""Calls into Core that someone waits for, on an event loop or (for synchronous results) in a thread.

An exception may strike the caller's loop between any two bytecodes. A scheduled outcome is then scheduled again, and
whatever is done here may be done twice. What a task calls of a future while it begins to wait (`add_done_callback`) is
asyncio's own code, which nothing can interrupt: one that did would leave the task waiting for ever. What runs in the
task itself before that (`__await__`) is interrupted as any line of the task is, and ends it.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Generator
from typing import Any

from corewasm.host.claim import Claim
from corewasm.host.task_inputs import AnyInput
from corewasm.host.unpatched import Flag

WAIT_SECONDS = 60.0
"""How long a thread waits for a turn that answers it: the longest turns take a second or two."""

_NONE: Claim = {}  # of calls that were never lost
Undelivered = Callable[[bytes, Claim], None]
"""Gets a value that nobody could take. It may be called twice for the same one, then with the same claim."""


class CoreDoesNotAnswer(RuntimeError):
    """A turn that answers a call at once was not made within `WAIT_SECONDS`."""


class LoopCall(asyncio.Future[Any]):
    """A call whose caller holds it, as an asyncio future.

    It is never resolved before the call has returned to its caller. An outcome that is there by then is taken as soon
    as somebody waits for it, at the latest when the loop goes round. Whoever awaits a task always lets the loop go
    round: the SDK's poll loops would starve everything else on it. What is answered without a value returns at once.
    """

    __slots__ = (
        "_calls", "_convert", "_given_back", "_given_up", "_make", "_outcome", "_outstanding", "_undelivered", "asked",
        "number",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        make: Callable[[int], AnyInput],
        calls: dict[int, Any],
        given_up: Callable[[int], None],
        convert: Callable[[bytes], Any],
        undelivered: Undelivered | None,
        outstanding: set[asyncio.Future[Any]] | None,
    ) -> None:
        """Made in the caller's thread. `make` makes the input, which enters the call in `calls`.

        `given_up` gets the number when the future is cancelled. It is in `outstanding` until it is resolved or
        cancelled; `undelivered` gets a value that nobody could take.

        Raises:
            RuntimeError: no event loop runs there.
        """
        super().__init__(loop=asyncio.get_running_loop())
        self.number = number
        self.asked = False
        self._make = make
        self._calls = calls
        self._given_up = given_up
        self._convert = convert
        self._undelivered = undelivered
        self._given_back: Claim = _NONE
        self._outcome: weakref.ref[_Outcome] | None = None
        self._outstanding = outstanding
        if outstanding is not None:
            outstanding.add(self)

    def __await__(self) -> Generator[Any, None, Any]:
        """As a future's. An outcome that is there already is taken now; for a task the loop goes round once, not twice.

        A value goes back to Core if the awaiting task is cancelled meanwhile.
        """
        outcome = self._outcome() if self._outcome is not None else None
        if outcome is None or self.done():
            return (yield from super().__await__())
        try:
            outcome()
        except (KeyboardInterrupt, SystemExit) as error:
            raise_in_loop(self.get_loop(), error)  # the outcome is scheduled again
            return (yield from super().__await__())
        if self._undelivered is None:
            return self.result()
        try:
            yield
            return self.result()
        except BaseException:
            outcome.refused_by(self)
            raise

    def ask(self) -> AnyInput | None:
        """The input that Core answers, in its turn; None if nobody waits any more. Harmless to repeat."""
        self.asked = True
        if self.done():
            return None
        self._calls[self.number] = self
        return self._make(self.number)

    def resolve(self, value: bytes, error: BaseException | None) -> None:
        """Schedules the outcome on the caller's loop. From any thread."""
        outcome = _Outcome(self, value, error)
        loop = self.get_loop()
        if asyncio._get_running_loop() is loop:
            loop.call_soon(outcome)
            outcome.scheduled = True
            self._outcome = weakref.ref(outcome)  # which the collector must find if the loop drops it
            return
        try:
            loop.call_soon_threadsafe(outcome)
            outcome.scheduled = True
        except RuntimeError:  # the loop is closed
            outcome.lose()

    def fail(self, error: BaseException) -> None:
        """Ends the caller's wait, although Core has not answered. From any thread. A value that comes is given back."""
        try:
            self.get_loop().call_soon_threadsafe(self._fail, error)
        except RuntimeError:  # the loop is closed
            return

    def cancel(self, *args: Any, **options: Any) -> bool:
        """As a future's. Core is told that nobody waits any more."""
        try:
            return self._cancel(*args, **options)
        except (KeyboardInterrupt, SystemExit) as error:
            raise_in_loop(self.get_loop(), error)
            self._cancel(*args, **options)
            return self.cancelled()

    def _cancel(self, *args: Any, **options: Any) -> bool:
        cancelled = super().cancel(*args, **options)
        if self.cancelled():
            self._end()
            self._given_up(self.number)
        return cancelled

    def take(self, value: bytes, error: BaseException | None) -> None:
        """Resolves it, if somebody still waits. On its loop."""
        self._end()
        if self.done():
            self.lose(value, error)
        elif isinstance(error, asyncio.CancelledError):
            super().cancel()
        elif error is not None:
            self.set_exception(error)
        else:
            self.set_result(self._convert(value))

    def lose(self, value: bytes, error: BaseException | None) -> None:
        """Gives a value back that cannot be delivered. Nothing, if it was delivered."""
        if error is None and not self._has_value():
            self.give_back(value)

    def give_back(self, value: bytes) -> None:
        """To Core, by whoever made the call."""
        if self._undelivered is not None:
            if self._given_back is _NONE:
                self._given_back = {}
            self._undelivered(value, self._given_back)

    def _has_value(self) -> bool:
        return self.done() and not self.cancelled() and self._exception is None

    def _fail(self, error: BaseException) -> None:
        if not self.done():
            self._end()
            self.set_exception(error)

    def _end(self) -> None:
        if self._outstanding is not None:
            self._outstanding.discard(self)


def raise_in_loop(loop: asyncio.AbstractEventLoop, error: BaseException) -> None:
    """Raises what a signal's handler raised where asyncio expects it: out of its loop, which goes on when run again.

    In a task it would be that task's end, and be raised once more in whoever waits for the task.
    """

    def strike() -> None:
        raise error

    loop.call_soon(strike)


class _Outcome:
    """What a call came to, scheduled on its loop.

    If it is dropped before it was done (the loop was closed, or interrupted just then) the collector finds it. It is
    scheduled again; on a closed loop the value goes back to Core.
    """

    scheduled = False
    _call: LoopCall | None = None

    def __init__(self, call: LoopCall, value: bytes, error: BaseException | None) -> None:
        self._value = value
        self._error = error
        self._call = call

    def __call__(self) -> None:
        call = self._call
        if call is None:
            return
        try:
            call.take(self._value, self._error)
            self._call = None
        except BaseException:
            self._schedule_again(call.get_loop())
            raise

    def lose(self) -> None:
        call = self._call
        if call is not None:
            call.lose(self._value, self._error)
            self._call = None

    def refused_by(self, call: LoopCall) -> None:
        """Whoever waited for this, and took it, does not get it."""
        if self._call is None and self._error is None:
            call.give_back(self._value)

    def _schedule_again(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self)
        except RuntimeError:  # the loop is closed
            self.lose()

    def __del__(self) -> None:
        call = self._call
        if call is None or not self.scheduled:
            return
        if call.done():
            self.lose()
        else:
            call.resolve(self._value, self._error)


class ThreadCall:
    """A call whose caller waits in its thread, for inputs that Core answers in the same turn."""

    __slots__ = ("_done", "_error", "_value")

    def __init__(self) -> None:
        self._done = Flag()
        self._value = b""
        self._error: BaseException | None = None

    def resolve(self, value: bytes, error: BaseException | None) -> None:
        """Lets the caller go on."""
        self._value, self._error = value, error
        self._done.set()

    def fail(self, error: BaseException) -> None:
        """As `resolve`, with an error."""
        self.resolve(b"", error)

    def wait(self) -> bytes:
        """The value, once it is there; or raises what the call failed with.

        Raises:
            CoreDoesNotAnswer: nobody makes the turn.
        """
        if not self._done.wait(WAIT_SECONDS):
            raise CoreDoesNotAnswer(
                f"Temporal's Core did not answer within {WAIT_SECONDS:.0f} s: the thread that runs it is blocked"
            )
        if self._error is not None:
            raise self._error
        return self._value
