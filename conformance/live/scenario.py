"""All live scenarios."""

from __future__ import annotations

from collections.abc import Iterator

from . import bad, local_activities, scripted, variants
from .script import Scenario


def scenarios() -> Iterator[Scenario]:
    """Every small history in every variant that fits it, then those with a lang of their own, then bad input."""
    yield from variants.of_small_histories()
    yield from local_activities.of_local_activities()
    yield from scripted.of_scripts()
    yield from bad.of_bad_histories()
