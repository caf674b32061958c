"""Whatever receives logs, metrics and slots raises: it stays there, and what Core wants besides is done."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from corewasm.abi import telemetry, turn, worker
from corewasm.bridge.logs import ConsoleLog, LogForwarder
from corewasm.bridge.runtime import raise_in_thread
from corewasm.host import reports
from fake_core import FakeCore, RecordingSinks, driver_of, resolved

PATIENCE_SECONDS = 20


class Raising(RecordingSinks):
    """Raises in everything, always."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def log(self, record: Any) -> None:
        raise self.error

    def metrics(self, effect: Any) -> None:
        raise self.error

    def slots(self, kind: str, effect: Any) -> None:
        super().slots(kind, effect)
        raise self.error


def noisy(each: turn.Input) -> Iterable[turn.Effect]:
    """Every kind of sink before the answer."""
    yield turn.Effect(log=telemetry.LogRecord(message="hello"))
    yield turn.Effect(metric_records=telemetry.MetricRecords())
    yield turn.Effect(slot_release=worker.SlotRelease(permit=1))
    if each.WhichOneof("kind") == "worker_open":
        yield resolved(each.worker_open.call, b"open")


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("closed"), RecursionError(), MemoryError()])
def test_what_comes_after_a_sink_that_raises_is_carried_out(error: Exception) -> None:
    sinks = Raising(error)
    core = FakeCore(noisy)
    core.next_wakeup_ns = 1 << 62
    driver = driver_of(core, sinks)
    answer = driver.call_now(lambda call: turn.Input(worker_open=worker.WorkerOpen(call=call)))
    assert answer == b"open"
    done = threading.Event()
    driver.io.post(done.set)
    assert done.wait(PATIENCE_SECONDS)
    assert len(driver._effects) == 0
    assert not driver._turn_claim
    assert driver._timer is not None
    assert driver._timer[0] == 1 << 62


def test_it_is_told_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_told", set())
    driver = driver_of(FakeCore(noisy), Raising(OSError("gone")))
    for _ in range(5):
        driver.call_now(lambda call: turn.Input(worker_open=worker.WorkerOpen(call=call)))
    told = [each.message for each in caplog.records if "are lost" in each.message]
    assert sorted(told) == sorted(f"{kind} of Temporal's Core are lost: their receiver raised OSError('gone')"
                                  for kind in ("logs", "metrics"))  # fmt: skip


def test_logging_that_raises_is_told_on_the_descriptor(capfd: pytest.CaptureFixture[str]) -> None:
    class Refusing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ValueError("I/O operation on closed file")

    logger = logging.Logger("corewasm.test")
    logger.addHandler(Refusing())
    reports.report(logger, logging.ERROR, "a %s", "matter")
    assert "a matter (logging it failed: ValueError" in capfd.readouterr().err


def test_a_strike_in_a_sink_is_no_failure_of_the_sink() -> None:
    class Struck(RecordingSinks):
        def log(self, record: Any) -> None:
            super().log(record)
            if len(self.logs) == 1:
                assert raise_in_thread(threading.get_ident(), KeyError)
                for _ in range(100):
                    pass

    sinks = Struck()
    core = FakeCore(noisy)
    driver = driver_of(core, sinks)
    with pytest.raises(KeyError):
        driver.submit(turn.Input(worker_drop=worker.WorkerDrop(worker=1)))
    assert len(sinks.logs) >= len(core.turns)
    assert len(sinks.metric_effects) == 2
    assert len(driver._effects) == 0


class Gone:
    """A stream whose reader has gone."""

    encoding = "ascii"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, _: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize("stream", [None, Gone(BrokenPipeError()), Gone(ValueError("closed")), Gone(RuntimeError())])
def test_the_console_is_gone(stream: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    log = ConsoleLog(None)
    monkeypatch.setattr(sys, "stdout", stream)
    for number in range(3):
        log.take(telemetry.LogRecord(message=str(number), level=telemetry.WARN))
    log.close()
    log.join()
    assert not log._thread.is_alive()
    assert capfd.readouterr().err.count("log records are lost") == (0 if stream is None else 1)


def test_a_console_of_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    log = ConsoleLog(None)
    log.take(telemetry.LogRecord(message="größe", level=telemetry.WARN))
    log.close()
    log.join()
    assert raw.getvalue().endswith(b": gr\\xf6\\xdfe\n")


@pytest.mark.parametrize("error", [RuntimeError("a user's mistake"), SystemExit(1), KeyboardInterrupt()])
def test_a_function_for_logs_that_raises_anything_gets_the_next_ones(error: BaseException) -> None:
    got: list[str] = []
    first = threading.Event()

    def forward(entries: list[Any]) -> None:
        got.extend(entry.message for entry in entries)
        first.set()
        raise error

    forwarder = LogForwarder(forward)
    forwarder.take(telemetry.LogRecord(message="first", level=telemetry.WARN))
    assert first.wait(PATIENCE_SECONDS)
    forwarder.take(telemetry.LogRecord(message="second", level=telemetry.WARN))
    forwarder.close()
    forwarder.join()
    assert got == ["first", "second"]
