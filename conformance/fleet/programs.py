"""Random programs and what they give back. The same seed gives the same program."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .workflow import Program

Step = dict[str, Any]

_LONGEST_MILLISECONDS = 300
# Of workflow.ActivityCancellationType: try to cancel, wait until it is over, abandon. What is missing gets workflows
# stuck, on both Cores (docs/notes/quirks.md): an abandoned remote activity times out, or another worker executes a
# cancelled local one again and does not tell it.
_CANCELLATION_TYPES = {"remote": (0, 1), "local": (0, 2)}


def program(seed: str) -> Program:
    """A program of two to eight steps."""
    maker = _Maker(random.Random(seed))
    steps = maker.steps(maker.random.randint(2, 8), depth=2)
    return Program(steps, nudges=maker.random.randint(0, 4), touches=maker.random.randint(0, 3))


def expected(made: Program) -> list[str]:
    """What a run of it returns."""
    heard = [f"nudged {list(range(made.nudges))}", f"touched {list(range(made.touches))}"]
    return [*map(_result, made.steps), *heard]


def _result(step: Step) -> str:
    if step["kind"] == "all":
        return f"({' '.join(map(_result, step['steps']))})"
    if step["kind"] == "child":
        return f"[{' '.join(expected(Program(step['steps'])))}]"
    return str(step["name"])


class _Maker:
    """Makes steps, each with a name that no other has."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self._numbers: Iterator[int] = itertools.count()

    def steps(self, count: int, depth: int) -> list[Step]:
        """Steps in a row; now and then the run continues as new between two of them."""
        made = [self._step(depth) for _ in range(count)]
        if self.random.random() < 0.2:
            made.insert(self.random.randrange(len(made)), {"kind": "again", "name": "again"})
        return made

    def _step(self, depth: int) -> Step:
        simple: list[Callable[[], Step]] = [
            self._remote,
            self._local,
            self._local,
            self._timer,
            self._cancel,
            self._patch,
            self._memo,
            self._echo,
        ]
        nested: list[Callable[[], Step]] = [partial(self._all, depth), partial(self._child, depth)] if depth else []
        return self.random.choice([*simple, *nested])()

    def _named(self, kind: str, **fields: Any) -> Step:
        return {"kind": kind, "name": f"{kind}-{next(self._numbers)}", **fields}

    def _milliseconds(self) -> int:
        return self.random.randint(1, _LONGEST_MILLISECONDS)

    def _remote(self) -> Step:
        return self._named("remote", failures=self.random.choice([0, 0, 1, 2]), beats=self.random.choice([0, 0, 5]))

    def _local(self) -> Step:
        failures, patient = self.random.choice([0, 0, 1, 2]), self.random.random() < 0.5
        return self._named("local", failures=failures, beats=0, patient=patient)

    def _timer(self) -> Step:
        return self._named("timer", milliseconds=self._milliseconds())

    def _cancel(self) -> Step:
        what = self.random.choice(["timer", "local", "remote", "child"])
        how = self.random.choice(_CANCELLATION_TYPES.get(what, (0,)))
        return self._named("cancel", milliseconds=self._milliseconds(), what=what, how=how)

    def _patch(self) -> Step:
        return self._named("patch", deprecated=self.random.random() < 0.3)

    def _memo(self) -> Step:
        return self._named("memo")

    def _echo(self) -> Step:
        return self._named("echo")

    def _all(self, depth: int) -> Step:
        return self._named("all", steps=[self._step(depth - 1) for _ in range(self.random.randint(2, 4))])

    def _child(self, depth: int) -> Step:
        return self._named("child", steps=self.steps(self.random.randint(1, 3), depth - 1))
