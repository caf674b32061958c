"""Durations of any length, as native Core takes them."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from corewasm.bridge.config import milliseconds, optional_milliseconds

YEAR = timedelta(days=365)


@pytest.mark.parametrize("read", [milliseconds, optional_milliseconds])
@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(milliseconds=1), 1_000_000),
        (300 * YEAR, 300 * 365 * 24 * 3600 * 10**9),
        (1_000 * YEAR, 2**64 - 1),
        (timedelta.max, 2**64 - 1),
    ],
)
def test_a_duration_fits_the_module_whatever_its_length(read: object, duration: timedelta, expected: int) -> None:
    config = SimpleNamespace(timeout_millis=int(duration / timedelta(milliseconds=1)))
    assert callable(read)
    assert read(config, "timeout_millis") == expected
