"""Runtimes: one instance of Core each, with its telemetry."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import weakref
from collections.abc import Callable

from corewasm.abi import telemetry, turn
from corewasm.bridge.config import read, read_optional
from corewasm.bridge.errors import error_of
from corewasm.bridge.exporters import MetricsChoice, choose_metrics
from corewasm.bridge.logs import ConsoleLog, LogForwarder, LogSink, NoLog, parse_filter, wanted
from corewasm.bridge.metrics import MetricMeterRef
from corewasm.bridge.slots import SlotBroker
from corewasm.host import process
from corewasm.host.driver import Driver
from corewasm.host.io_thread import IoThread
from corewasm.host.unpatched import time_ns
from corewasm.telemetry.buffered import BufferedMetricUpdate
from corewasm.telemetry.records import CoreMetrics

_TEST_TARGET = "temporal_sdk_bridge::runtime"
_MIN_HEARTBEAT_MS, _MAX_HEARTBEAT_MS = 1_000, 60_000
_CORE_VARIABLES = "TEMPORAL_"


class Misuse(BaseException):
    """What native Core would answer with a panic."""


class RuntimeRef:
    """A runtime. Its clients and workers keep it alive."""

    def __init__(self, options: object) -> None:
        telemetry_options: object = read(options, "telemetry", object)
        heartbeat = _heartbeat_interval(options)
        self._filter, self._log = _logging(getattr(telemetry_options, "logging", None))
        self._io = IoThread()  # first: it sees to it that what comes next has a gRPC library that works
        weakref.finalize(self, self._io.close).atexit = False
        self.metrics: MetricsChoice | None = choose_metrics(getattr(telemetry_options, "metrics", None))
        self._opening = turn.Open(
            log_filter=self._filter,
            metrics=_metrics_options(self.metrics),
            worker_heartbeat_interval_ns=heartbeat,
            disable_environment_info=read(options, "disable_environment_info", bool, False),
            host_name=_host_name(),
            process_id=str(os.getpid()),
            environment={key: _text(os.environ[key]) for key in list(os.environ) if key.startswith(_CORE_VARIABLES)},
        )
        self.driver, self.slots = self.new_driver()
        self.driver.lease(self)
        weakref.finalize(self, _close, self._log, self.metrics).atexit = False

    def new_driver(self) -> tuple[Driver, SlotBroker]:
        """A new instance of Core with this runtime's thread and telemetry, and what handles its slots."""
        slots = SlotBroker()
        driver = Driver(self._opening, _Sinks(self._log, self.metrics, slots), error_of, self._io)
        slots.attach(weakref.ref(driver))
        return driver, slots

    def assert_same_process(self, action: str) -> None:
        """Refuses to work in a forked child.

        Raises:
            AssertionError: this is another process than the runtime's.
        """
        current = process.current()
        if self.driver.pid != current:
            raise AssertionError(
                f"Cannot {action} across forks (original runtime PID is {self.driver.pid}, current is {current})"
            )

    def retrieve_buffered_metrics(self, durations_as_seconds: bool) -> list[BufferedMetricUpdate]:
        """All measurements since the last call."""
        if self.metrics is None or self.metrics.buffer is None:
            raise Misuse("Attempting to retrieve buffered metrics without buffer")
        return self.metrics.buffer.retrieve(durations_as_seconds)

    def write_test_info_log(self, message: str, extra_data: str) -> None:
        """Writes a record as if Core had."""
        self._write_test_log(telemetry.INFO, message, extra_data)

    def write_test_debug_log(self, message: str, extra_data: str) -> None:
        """Writes a record as if Core had."""
        self._write_test_log(telemetry.DEBUG, message, extra_data)

    def _write_test_log(self, level: telemetry.LogLevel, message: str, extra_data: str) -> None:
        if not wanted(self._filter, _TEST_TARGET, level):
            return
        fields = {"extra_data": json.dumps(extra_data)}
        record = telemetry.LogRecord(
            target=_TEST_TARGET, message=message, wall_clock_ns=time_ns(), level=level, fields=fields
        )
        self._log.take(record)


class _Sinks:
    """Where the driver leaves telemetry and slot effects. Holds no runtime."""

    def __init__(self, log: LogSink, metrics: MetricsChoice | None, slots: SlotBroker) -> None:
        self.log = log.take
        self.metrics: Callable[[turn.Effect], None] = _ignore
        if metrics is not None:
            self.metrics = CoreMetrics(metrics.measurements).take
        self.slots = slots.take


def _ignore(_effect: turn.Effect) -> None:
    """Metrics are off."""


def _close(log: LogSink, metrics: MetricsChoice | None) -> None:
    log.close()
    if metrics is not None:
        metrics.close()


def init_runtime(options: object) -> RuntimeRef:
    """A new runtime.

    Raises:
        ValueError: the options are wrong.
        ModuleError: the module cannot be used.
    """
    return RuntimeRef(options)


def new_metric_meter(runtime_ref: RuntimeRef) -> MetricMeterRef | None:
    """The meter for users' metrics; None when metrics are off."""
    if runtime_ref.metrics is None:
        return None
    return MetricMeterRef(runtime_ref.metrics.measurements, runtime_ref.metrics.default_attributes)


_set_async_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc


def raise_in_thread(thread_id: int, exc_type: type[BaseException]) -> bool:
    """Raises in another thread before its next bytecode. False: there is no such thread."""
    return bool(_set_async_exception(ctypes.c_ulong(thread_id), ctypes.py_object(exc_type)) == 1)


def _host_name() -> str:
    try:
        return _text(socket.gethostname())
    except OSError:
        return ""


def _text(value: str) -> str:
    """What the system gives need not be UTF-8; Python then has surrogates, which messages do not take."""
    return value.encode(errors="replace").decode()


def _heartbeat_interval(options: object) -> int:
    """Nanoseconds; 0 is off."""
    interval = read_optional(options, "worker_heartbeat_interval_millis", int)
    if interval is None:
        return 0
    if not _MIN_HEARTBEAT_MS <= interval <= _MAX_HEARTBEAT_MS:
        text = f"{interval // 1000}s" if interval % 1000 == 0 and interval else f"{interval}ms"
        raise ValueError(f"Invalid runtime options: heartbeat_interval ({text}) must be between 1s and 60s")
    return interval * 1_000_000


def _logging(config: object | None) -> tuple[telemetry.LogFilter, LogSink]:
    if config is None:
        return telemetry.LogFilter(default_level=telemetry.OFF), NoLog()
    log_filter = parse_filter(read(config, "filter", str))
    forward_to = getattr(config, "forward_to", None)
    if forward_to is not None:
        return log_filter, LogForwarder(forward_to)
    return log_filter, ConsoleLog(read_optional(config, "format", str))


def _metrics_options(metrics: MetricsChoice | None) -> telemetry.MetricsOptions:
    if metrics is None:
        return telemetry.MetricsOptions(enabled=False)
    return telemetry.MetricsOptions(
        enabled=True, prefix=metrics.prefix, attach_service_name=metrics.attach_service_name
    )
