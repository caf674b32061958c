"""Core's logs: filters, forwarding, console."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from corewasm.abi import telemetry
from corewasm.bridge.logs import BufferedLogEntry, ConsoleLog, LogForwarder, parse_filter, wanted

SDK_FILTER = "ERROR,temporalio_common=WARN,temporalio_sdk_core=WARN,temporal_sdk_bridge=INFO"


def record(message: str = "hello", level: telemetry.LogLevel = telemetry.WARN, **fields: Any) -> telemetry.LogRecord:
    return telemetry.LogRecord(
        target="temporalio_sdk_core::worker",
        message=message,
        wall_clock_ns=1_500_000_000_250_000_000,
        level=level,
        fields={key: json.dumps(value) for key, value in fields.items()},
    )


@pytest.mark.parametrize(
    ("target", "level", "passes"),
    [
        ("temporalio_sdk_core::worker::workflow", telemetry.WARN, True),
        ("temporalio_sdk_core::worker::workflow", telemetry.INFO, False),
        ("temporal_sdk_bridge::runtime", telemetry.INFO, True),
        ("temporal_sdk_bridge::runtime", telemetry.DEBUG, False),
        ("hyper", telemetry.WARN, False),
        ("hyper", telemetry.ERROR, True),
    ],
)
def test_most_specific_directive_decides(target: str, level: int, passes: bool) -> None:
    assert wanted(parse_filter(SDK_FILTER), target, level) == passes


def test_senseless_directives_are_left_out_with_a_message(capfd: pytest.CaptureFixture[str]) -> None:
    parsed = parse_filter("warn,a=nonsense")
    assert (parsed.default_level, len(parsed.directives)) == (telemetry.WARN, 0)
    assert "a=nonsense" in capfd.readouterr().err


def test_entry_is_what_the_sdk_expects() -> None:
    entry = BufferedLogEntry(record(run_id="r", attempt=3))
    assert (entry.target, entry.message, entry.level) == ("temporalio_sdk_core::worker", "hello", 30)
    assert entry.time == 1_500_000_000.25
    assert entry.fields == {"run_id": "r", "attempt": 3}
    assert entry.fields is not entry.fields


def test_forwarded_on_another_thread_in_order_even_if_the_function_raises() -> None:
    got: list[str] = []
    threads: set[int] = set()
    done = threading.Event()

    def forward(entries: list[BufferedLogEntry]) -> None:
        threads.add(threading.get_ident())
        got.extend(entry.message for entry in entries)
        if len(got) == 100:
            done.set()
        raise RuntimeError("a user's mistake")

    forwarder = LogForwarder(forward)
    for number in range(100):
        forwarder.take(record(str(number)))
    assert done.wait(10)
    forwarder.close()
    forwarder.join()
    assert got == [str(number) for number in range(100)]
    assert threading.get_ident() not in threads


def test_queued_records_are_forwarded_after_close() -> None:
    got: list[str] = []
    forwarder = LogForwarder(lambda entries: got.extend(entry.message for entry in entries))
    forwarder.take(record("last"))
    forwarder.close()
    forwarder.join()
    assert got == ["last"]


def written(log_format: str | None, capsys: pytest.CaptureFixture[str]) -> str:
    log = ConsoleLog(log_format)
    log.take(record(run_id="r"))
    log.close()
    log.join()
    return capsys.readouterr().out


def test_console_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(written("json", capsys))["fields"] == {"message": "hello", "run_id": "r"}
    assert written(None, capsys).endswith(" WARN temporalio_sdk_core::worker: hello run_id=r\n")
    with pytest.raises(ValueError, match="Unrecognized logging format"):
        ConsoleLog("yaml")
