"""Core's logs: which are wanted, and how they reach a user's function or the console."""

from __future__ import annotations

import atexit
import json
import sys
import weakref
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Protocol

from corewasm.abi import telemetry
from corewasm.host.reports import write_to_stderr
from corewasm.host.unpatched import Empty, SimpleQueue, Thread, monotonic

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
_JOIN_SECONDS = 5.0
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
            write_to_stderr(f"ignoring `{directive}`: invalid filter directive")
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


Receiver = Callable[[list[telemetry.LogRecord]], object]


class _RecordThread:
    """Gives records to a receiver from a thread of its own, in batches, at most every 10 ms.

    A receiver may raise what it likes or be slow: Core never waits for it, and it is told once that it failed.
    """

    def __init__(self, receive: Receiver, name: str) -> None:
        self._queue = SimpleQueue()
        self._thread = Thread(_forward, (self._queue, receive, name), "corewasm-logs")
        _open.add(self)

    def take(self, record: telemetry.LogRecord) -> None:
        """Queues a record; with 2048 in the queue: dropped."""
        if self._queue.qsize() < _BATCH_ENTRIES:
            self._queue.put(record)

    def close(self) -> None:
        """What is queued is still forwarded."""
        self._queue.put(None)

    def join(self) -> None:
        """Waits for the thread, five seconds at most."""
        self._thread.join(_JOIN_SECONDS)


_open: weakref.WeakSet[_RecordThread] = weakref.WeakSet()


def _forward(records: Any, receive: Receiver, name: str) -> None:
    last = told = False
    while not last:
        batch, last = _next_batch(records)
        try:
            if batch:
                receive(batch)
        except BaseException as error:  # noqa: BLE001 - logging it would come back here
            if not told:
                write_to_stderr(f"corewasm: log records are lost, because {name} raised {error!r}. This is said once")
            told = True


def _next_batch(records: Any) -> tuple[list[telemetry.LogRecord], bool]:
    """Waits for a first record, then for more until 10 ms are over. True: nothing follows."""
    batch: list[telemetry.LogRecord] = []
    first = records.get()
    deadline = monotonic() + _BATCH_SECONDS
    while first is not None:
        batch.append(first)
        if len(batch) == _BATCH_ENTRIES:
            return batch, False
        try:
            first = records.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            return batch, False
    return batch, True


def _end_all() -> None:
    threads = list(_open)
    for each in threads:
        each.close()
    for each in threads:
        each.join()


atexit.register(_end_all)


class LogForwarder(_RecordThread):
    """Gives records to a user's function."""

    def __init__(self, forward_to: Callable[[list[BufferedLogEntry]], object]) -> None:
        super().__init__(
            lambda records: forward_to([BufferedLogEntry(record) for record in records]), "the function for logs"
        )


class ConsoleLog(_RecordThread):
    """Writes records to what sys.stdout is when they come."""

    def __init__(self, log_format: str | None) -> None:
        """One of compact, pretty, json or None.

        Raises:
            ValueError: another format.
        """
        if log_format not in _FORMATS:
            raise ValueError("Unrecognized logging format")
        line = _json_line if log_format == "json" else _text_line
        super().__init__(lambda records: _write_to_stdout("".join(f"{line(each)}\n" for each in records)), "sys.stdout")


def _write_to_stdout(text: str) -> None:
    stream = sys.stdout
    if stream is None:
        return  # a daemon, a service: nobody reads
    try:
        stream.write(text)
    except UnicodeEncodeError as error:
        stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
    stream.flush()


def _json_line(record: telemetry.LogRecord) -> str:
    content = {"timestamp": _moment(record), "level": _level(record), "target": record.target}
    return json.dumps({**content, "fields": {"message": record.message, **_fields(record)}})


def _text_line(record: telemetry.LogRecord) -> str:
    rest = "".join(f" {key}={value}" for key, value in _fields(record).items())
    return f"{_moment(record)} {_level(record):>5} {record.target}: {record.message}{rest}"


def _moment(record: telemetry.LogRecord) -> str:
    return datetime.fromtimestamp(record.wall_clock_ns / 1e9, timezone.utc).isoformat()


def _level(record: telemetry.LogRecord) -> str:
    return telemetry.LogLevel.Name(record.level)


def _fields(record: telemetry.LogRecord) -> dict[str, Any]:
    return {key: json.loads(value) for key, value in record.fields.items()}


class NoLog:
    """Logging is off."""

    def take(self, record: telemetry.LogRecord) -> None:
        """Nobody reads it."""

    def close(self) -> None:
        """Nothing is held back."""
