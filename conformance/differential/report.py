"""What the tool prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Compared:
    """One history or scenario: its differences as texts, and why a difference is allowed, if it is."""

    name: str
    differences: list[str] = field(default_factory=list)
    deviation: str | None = None


def show(compared: Iterable[Compared], at_most: int, listed: int, *, quiet: bool) -> int:
    """Print everything; 0 if something was compared and nothing differs but the `listed` deviations, else 1."""
    count = differing = deviating = 0
    for each in compared:
        count += 1
        deviating += each.deviation is not None
        differing += bool(each.differences and each.deviation is None)
        _show_one(each, at_most, quiet)
    print(
        f"{count} compared, {differing} with differences, {deviating} deviate as listed (length of the list: {listed})"
    )
    return 1 if differing or not count else 0


def _show_one(each: Compared, at_most: int, quiet: bool) -> None:
    if not each.differences:
        if not quiet:
            print(f"same      {each.name}")
        return
    why = f": {each.deviation}" if each.deviation else ""
    print(f"{'deviates' if each.deviation else 'differs '}  {each.name}{why}", flush=True)
    for text in each.differences[:at_most]:
        print(f"    {text}")
    if len(each.differences) > at_most:
        print(f"    and {len(each.differences) - at_most} more")
