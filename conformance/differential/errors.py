"""How a run ended: an error is the same only where it was expected."""

from __future__ import annotations

from typing import Any


def ending_difference(native: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """What differs in how two runs ended, if anything.

    Two runs that end in the same error prove nothing: both may hang at the first poll. Such an error has to be
    declared by the scenario (`expected_error`, a part of its text), and a declared one has to come.
    """
    expected = native.get("expected_error") or ours.get("expected_error")
    left, right = native.get("error"), ours.get("error")
    if left != right:
        return f"native ended with {left or 'success'}, corewasm with {right or 'success'}"
    if left is not None and (expected is None or expected not in left):
        return f"both ended with {left}, which is not expected"
    if left is None and expected is not None:
        return f"both ended with success; expected was {expected}"
    return None
