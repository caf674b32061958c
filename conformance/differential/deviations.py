"""The list of allowed deviations (`deviations.json`), and the proof that each entry needs.

A deviation is allowed only where native Core is no judge: it hangs, it panics, or two of its own runs differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .report import Compared

Result = dict[str, Any]
RunNative = Callable[[str], Result]
"""Another result of native Core for the history or scenario of this name."""
Compare = Callable[[Result, Result], Iterable[str]]

FILE = Path(__file__).with_name("deviations.json")
# A run that hangs ends with the text of a time-out, one that panics with that of the panic.
_SIGNS = {"hangs": ("not finished", "TimeoutError", "no answer within"), "panics": ("panic",)}
_NONDETERMINISTIC = "nondeterministic"
_NATIVE_RUNS = 5


@dataclass(frozen=True)
class Deviation:
    """An entry of the list."""

    name: str
    kind: str
    reason: str


class BadDeviation(Exception):
    """An entry without a reason or of an unknown kind; the text names it."""


def load(direction: str, file: Path = FILE) -> dict[str, Deviation]:
    """The list for one direction (`replay`, `live`), by the name of the history or scenario.

    Raises:
        BadDeviation: an entry is malformed.
    """
    entries = json.loads(file.read_text())[direction]
    return {name: _entry(name, entry) for name, entry in entries.items()}


def judge(
    found: Compared, results: tuple[Result, Result], deviation: Deviation, run_native: RunNative, compare: Compare
) -> Compared:
    """`found` with the deviation if native shows what the entry says, else with the difference that it does not."""
    native, _ = results
    if deviation.kind == _NONDETERMINISTIC:
        shown = _differs_from_itself(native, deviation.name, run_native, compare)
        if shown:
            return Compared(found.name, found.differences or ["this time the same"], deviation.reason)
        problem = f"listed as nondeterministic, but {_NATIVE_RUNS} native runs are the same"
    elif any(sign in native.get("error", "") for sign in _SIGNS[deviation.kind]):
        if found.differences:
            return Compared(found.name, found.differences, deviation.reason)
        problem = "listed as a deviation, but there is none: take it off the list"
    else:
        problem = f"listed because native {deviation.kind}, but it does not"
    return Compared(found.name, [problem, *found.differences])


def unknown(listed: Iterable[str], names: Iterable[str]) -> Iterator[Compared]:
    """An entry that names no history or scenario is a difference of its own."""
    for name in sorted(set(listed) - set(names)):
        yield Compared(name, ["listed as a deviation, but nothing has this name: take it off the list"])


def _differs_from_itself(native: Result, name: str, run_native: RunNative, compare: Compare) -> bool:
    return any(any(compare(native, run_native(name))) for _ in range(_NATIVE_RUNS - 1))


def _entry(name: str, entry: dict[str, str]) -> Deviation:
    kinds = (*_SIGNS, _NONDETERMINISTIC)
    if set(entry) != {"kind", "reason"} or not entry["reason"] or entry["kind"] not in kinds:
        raise BadDeviation(f"{name}: an entry has a reason and a kind, one of {', '.join(kinds)}")
    return Deviation(name, entry["kind"], entry["reason"])
