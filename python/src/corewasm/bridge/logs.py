"""Core's logs: which are wanted, and how they reach a user's function or the console."""

from __future__ import annotations

import atexit
import json
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Protocol

from corewasm.abi import telemetry

PYTHON_LEVELS = {
    telemetry.TRACE: 9,
    telemetry.DEBUG: 10,
    telemetry.INFO: 20,
    telemetry.WARN: 30,
    telemetry.ERROR: 40,
}
_NAMES = {"trace": telemetry.TRACE, "debug": telemetry.DEBUG, "info": telemetry.INFO, "warn": telemetry.WARN}
_NAMES |= {"error": telemetry.ERROR, "off": telemetry.OFF}
_BATCH_SECONDS, _BATCH_ENTRIES = 0.010, 2048
_FORMATS = (None, "compact", "pretty", "json")


class LogSink(Protocol):
    """Takes records without waiting."""

    def take(self, record: telemetry.LogRecord) -> None:
        """One record."""

    def close(self) -> None:
        """No more records come."""


def parse_filter(text: str) -> telemetry.LogFilter:
    """Directives such as ``ERROR,temporalio_sdk_core=WARN``. Those that make no sense are left out, with a message."""
    result = telemetry.LogFilter(default_level=telemetry.ERROR)
    for directive in filter(None, (part.strip() for part in text.split(","))):
        target, _, name = directive.rpartition("=")
        level = _NAMES.get(name.strip().lower())
        if level is not None and target:
            result.directives.add(target=target.strip(), level=level)
        elif level is not None:
            result.default_level = level
        elif "=" not in directive and directive.replace("_", "").replace(":", "").isalnum():
            result.directives.add(target=directive, level=telemetry.TRACE)
        else:
            sys.stderr.write(f"ignoring `{directive}`: invalid filter directive\n")
    return result


def wanted(log_filter: telemetry.LogFilter, target: str, level: int) -> bool:
    """Whether the most specific directive lets a record pass."""
    threshold, length = log_filter.default_level, -1
    for directive in log_filter.directives:
        if target.startswith(directive.target) and len(directive.target) > length:
            threshold, length = directive.level, len(directive.target)
    return level >= threshold


class BufferedLogEntry:
    """A record as the SDK sees it."""

    def __init__(self, record: telemetry.LogRecord) -> None:
        self._record = record

    @property
    def target(self) -> str:
        """Where it comes from, e.g. temporalio_sdk_core::worker::workflow."""
        return self._record.target

    @property
    def message(self) -> str:
        """Its text."""
        return self._record.message

    @property
    def time(self) -> float:
        """Seconds since the epoch."""
        return self._record.wall_clock_ns / 1_000_000_000

    @property
    def level(self) -> int:
        """As in Python's logging, with 9 for trace."""
        return PYTHON_LEVELS[self._record.level]

    @property
    def fields(self) -> dict[str, Any]:
        """What else it says. A new dictionary each time."""
        return {key: json.loads(value) for key, value in self._record.fields.items()}


class LogForwarder:
    """Gives records to a user's function from a thread of its own, in batches, at most every 10 ms."""

    def __init__(self, forward_to: Callable[[list[BufferedLogEntry]], object]) -> None:
        self._queue: queue.SimpleQueue[telemetry.LogRecord | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=_forward, args=(self._queue, forward_to), name="corewasm-logs", daemon=True
        )
        self._thread.start()
        _forwarders.add(self)

    def take(self, record: telemetry.LogRecord) -> None:
        """Queues a record; full: dropped."""
        if self._queue.qsize() < _BATCH_ENTRIES:
            self._queue.put(record)

    def close(self) -> None:
        """What is queued is still forwarded."""
        self._queue.put(None)

    def join(self) -> None:
        """Waits for the thread."""
        self._thread.join(timeout=5)


_forwarders: weakref.WeakSet[LogForwarder] = weakref.WeakSet()


def _forward(
    records: queue.SimpleQueue[telemetry.LogRecord | None], forward_to: Callable[[list[BufferedLogEntry]], object]
) -> None:
    ended = False
    while not ended:
        batch, ended = _next_batch(records)
        if batch:
            try:
                forward_to([BufferedLogEntry(record) for record in batch])
            except Exception:  # noqa: BLE001 - logging it would come back here
                pass


def _next_batch(records: queue.SimpleQueue[telemetry.LogRecord | None]) -> tuple[list[telemetry.LogRecord], bool]:
    """Waits for a first record, then for more until 10 ms are over. True: nothing follows."""
    batch: list[telemetry.LogRecord] = []
    first = records.get()
    deadline = time.monotonic() + _BATCH_SECONDS
    while first is not None:
        batch.append(first)
        if len(batch) == _BATCH_ENTRIES:
            return batch, False
        try:
            first = records.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return batch, False
    return batch, True


def _end_forwarders() -> None:
    forwarders = list(_forwarders)
    for forwarder in forwarders:
        forwarder.close()
    for forwarder in forwarders:
        forwarder.join()


atexit.register(_end_forwarders)


class ConsoleLog:
    """Writes records to the console as they come."""

    def __init__(self, log_format: str | None) -> None:
        """One of compact, pretty, json or None.

        Raises:
            ValueError: another format.
        """
        if log_format not in _FORMATS:
            raise ValueError("Unrecognized logging format")
        self._json = log_format == "json"

    def take(self, record: telemetry.LogRecord) -> None:
        """Writes a line."""
        sys.stdout.write(self._line(record) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is held back."""

    def _line(self, record: telemetry.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.wall_clock_ns / 1e9, timezone.utc).isoformat()
        level = telemetry.LogLevel.Name(record.level)
        fields = {key: json.loads(value) for key, value in record.fields.items()}
        if self._json:
            content = {"timestamp": moment, "level": level, "target": record.target}
            return json.dumps({**content, "fields": {"message": record.message, **fields}})
        rest = "".join(f" {key}={value}" for key, value in fields.items())
        return f"{moment} {level:>5} {record.target}: {record.message}{rest}"


class NoLog:
    """Logging is off."""

    def take(self, record: telemetry.LogRecord) -> None:
        """Nobody reads it."""

    def close(self) -> None:
        """Nothing is held back."""
