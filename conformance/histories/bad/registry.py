"""The list of bad histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio.api.history.v1 import History


@dataclass
class Bad:
    """A history that is given out, the one that lang answers from, and the activations that lang fails instead.

    What native Core makes of it stands in `ends`.
    """

    history: History
    lang_history: History
    lang_fails: frozenset[int] = field(default_factory=frozenset)


Maker = Callable[[], Bad]
BAD: dict[str, Maker] = {}
"""By name."""


def bad(make: Maker) -> Maker:
    """Register a maker under its own name."""
    BAD[f"bad-{make.__name__.replace('_', '-')}"] = make
    return make
