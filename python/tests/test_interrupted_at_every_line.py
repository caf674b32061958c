"""Ctrl-C at any line of the host, in every kind of turn, loses nothing: the runs of the trap tests, on the module.

One thread plays all parts, the I/O thread's as well, so that a line's number means the same line each time. The program
is of the older kind: the exception comes out of its loop, which it runs again. With COREWASM_EVERY_STRIKE=1 every line
is struck in every kind of turn, which takes minutes; otherwise every line once, and a sample of the rest.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import corewasm.host
from corewasm.host.driver import Driver
from small_lang import SmallLang
from test_trap_at_every_turn import Failed, Suppliers, all_ends_well

HOST = str(Path(str(corewasm.host.__file__)).parent)
NOT_STRUCK = ("io_thread.py", "unpatched.py", "process.py", "reports.py")  # not on the caller's way
# Python swallows what strikes a finalizer; one is called once per worker; one runs in the task that waits, and ends it.
LANGS_OWN = ("__del__", "undelivered", "__await__")
SAMPLE, SEED = 120, 20261126
EVERY = "COREWASM_EVERY_STRIKE"

TRAPS = (9, 25)

Place = tuple[str, int, str]


class CtrlC(KeyboardInterrupt):
    """What a signal's handler raises."""


class Lines:
    """Counts the host's lines as they run; strikes at one of them."""

    def __init__(self, strike_at: int = 0) -> None:
        self.strike_at = strike_at
        self.count = 0
        self.places: dict[Place, list[int]] = defaultdict(list)
        self.struck: Place | None = None
        self.driver: Driver | None = None

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        folder, _, name = frame.f_code.co_filename.rpartition("/")
        if folder != HOST or name in NOT_STRUCK or frame.f_code.co_name in LANGS_OWN:
            return None
        return self.line

    def line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event != "line":
            return self.line
        self.count += 1
        place = (Path(frame.f_code.co_filename).name, frame.f_lineno, self.kind())
        if self.strike_at == 0:
            self.places[place].append(self.count)
        elif self.count == self.strike_at:
            self.struck = place
            sys.settrace(None)
            raise CtrlC
        return self.line

    def kind(self) -> str:
        """The kind of turn: what its first input is."""
        hand = self.driver._runner._turn if self.driver is not None else None
        if hand is None or not hand.batch:
            return ""
        first = hand.batch[0]
        return type(first).__name__ if not hasattr(first, "WhichOneof") else str(first.WhichOneof("kind"))


class PatientDriver:
    """What a user's supplier calls, which repeats what was interrupted before it was done."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def submit(self, *inputs: Any) -> None:
        try:
            self._driver.submit(*inputs)
        except CtrlC:
            self._driver.submit(*inputs)


class PatientLang(SmallLang):
    """Repeats what was interrupted before it was done, as it would be interrupted in lang's own code."""

    def _submit(self, each: Any) -> None:
        try:
            super()._submit(each)
        except CtrlC:
            super()._submit(each)

    def _call(self, *arguments: Any) -> asyncio.Future[Any]:
        try:
            return super()._call(*arguments)
        except CtrlC:
            return super()._call(*arguments)


def played(lines: Lines, monkeypatch: pytest.MonkeyPatch, traps: Collection[int] = ()) -> Driver:
    """Plays the runs in a loop that is run again whenever the exception comes out of it."""
    drivers: list[Driver] = []

    def began(driver: Driver, suppliers: Suppliers) -> None:
        drivers.append(driver)
        suppliers.driver = PatientDriver(driver)  # type: ignore[assignment]
        lines.driver = driver
        sys.settrace(lines)
        sys._getframe()

    loop = asyncio.new_event_loop()
    task = loop.create_task(all_ends_well(traps, 100, monkeypatch, began, PatientLang))
    try:
        while not task.done():
            run_until(task, loop, drivers)
        for _ in range(3):  # it may come out when the runs have ended
            run_until(loop.create_task(asyncio.sleep(0)), loop, drivers)
    finally:
        sys.settrace(None)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    task.result()
    return drivers[0]


def run_until(task: asyncio.Task[None], loop: asyncio.AbstractEventLoop, drivers: list[Driver]) -> None:
    """Runs the loop until the task has ended, or the exception comes out of it."""
    try:
        loop.run_until_complete(task)
    except CtrlC:
        sys.settrace(None)
        tell_interrupted(drivers[0])


def tell_interrupted(driver: Driver) -> None:
    """As the I/O thread does when something came out of its loop."""
    io: Any = driver.io
    for each in io.interrupted:
        io.post(lambda each=each: each("a test wants it", False))


def left_over(driver: Driver) -> str:
    """What should not be left when all is done."""
    found = {
        "calls": len(driver._calls),
        "inputs": len(driver._runner.inbox),
        "turn": driver._runner._turn is not None,
        "effects": len(driver._effects),
        "requests": len(driver._requests._waiting),
        "claims": len(driver._turn_claim) + len(driver._effects._claim),
        "rpcs": len(driver.rpcs._running),
        "handles": len(driver.workers._out),
    }
    return ", ".join(f"{name}: {value}" for name, value in found.items() if value)


def chosen(lines: Lines) -> list[int]:
    """Which of the counted lines to strike."""
    dice = random.Random(SEED)
    if os.environ.get(EVERY):
        return [dice.choice(counts) for counts in lines.places.values()]
    by_line = defaultdict(list)
    for (name, line, _), counts in lines.places.items():
        by_line[name, line] += counts
    once = [dice.choice(counts) for counts in by_line.values()]
    return once + [dice.randrange(1, lines.count) for _ in range(SAMPLE)]


def lost_by_strikes(numbers: Iterable[int], traps: Collection[int], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Plays the runs once for each strike. What was lost, and by which."""
    lost = []
    for number in numbers:
        lines = Lines(number)
        try:
            left = left_over(played(lines, monkeypatch, traps))
        except (Failed, AssertionError) as failure:
            left = repr(failure)
        if left:
            lost.append(f"struck at {lines.struck}: {left}")
    return lost


@pytest.mark.timeout(3600)
def test_nothing_is_lost_wherever_the_strike_is(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Lines()
    assert left_over(played(counted, monkeypatch)) == ""
    assert len({name for name, _, _ in counted.places}) > 8
    assert lost_by_strikes(chosen(counted), (), monkeypatch) == []


@pytest.mark.timeout(3600)
def test_nothing_is_lost_if_the_strike_is_after_a_trap(monkeypatch: pytest.MonkeyPatch) -> None:
    without, with_traps = Lines(), Lines()
    played(without, monkeypatch)
    assert left_over(played(with_traps, monkeypatch, TRAPS)) == ""
    usual = {place[:2] for place in without.places}
    aftermath = [counts[0] for place, counts in with_traps.places.items() if place[:2] not in usual]
    assert len(aftermath) > 50
    assert lost_by_strikes(aftermath, TRAPS, monkeypatch) == []
