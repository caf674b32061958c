"""What telemetry keeps is one thing for each series, however many meters, instruments and attribute sets are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager

import pytest

from bench.telemetry_soak import EXPORTERS, update
from corewasm.telemetry import records
from corewasm.telemetry.records import Attributes, Instrument, Kind, instrument

UPDATES = 5_000


def kept() -> int:
    gc.collect()
    return sum(isinstance(each, (Attributes, Instrument)) for each in gc.get_objects())


@pytest.mark.parametrize("name", EXPORTERS)
def test_equal_ones_are_kept_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.telemetry_soak._BREATH", UPDATES)
    with contextmanager(EXPORTERS[name])() as metrics:
        before = kept()
        update(metrics, UPDATES)
        if metrics.buffer is not None:
            metrics.buffer.retrieve(False)
        else:
            metrics.exporter._drain()  # type: ignore[union-attr]
        assert kept() - before < 50


def test_instruments_are_one_by_value() -> None:
    first = instrument(Kind.COUNTER, "a", "b", "c")
    assert instrument(Kind.COUNTER, "a", "b", "c") is first
    assert instrument(Kind.GAUGE, "a", "b", "c") is not first
    assert instrument(Kind.COUNTER, "a", "b", "d") is not first


def test_a_queue_that_nobody_empties_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("prometheus", "opentelemetry"):
        monkeypatch.setattr(f"corewasm.telemetry.{module}.LARGEST_QUEUE", 100)
    with contextmanager(EXPORTERS["otlp-grpc, nobody there"])() as metrics:
        monkeypatch.setattr(metrics.exporter, "_drain", lambda: None)
        update(metrics, 1_000)
        assert metrics.exporter._queue.qsize() <= 100  # type: ignore[union-attr]
    assert records.LARGEST_QUEUE == 250_000
