"""Exports metrics by OTLP, through the OpenTelemetry SDK (spec 11.6, 11.7).

The SDK's own periodic reader starts its thread again in a forked child, where it would export what the parent measured
once more. So the reader here is driven by a thread of this module, which also takes the measurements from their queue.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import context, metrics
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY  # what instrumented HTTP and gRPC clients look at
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, _Gauge
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricReader, MetricsData
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from corewasm.host import process
from corewasm.host.reports import report, report_once
from corewasm.host.unpatched import Empty, SimpleQueue, Thread, allocate_lock, monotonic
from corewasm.telemetry.buckets import buckets_of_suffix
from corewasm.telemetry.records import LARGEST_QUEUE, Instrument, Kind, Measurement

logger = logging.getLogger(__name__)

_NAME = "temporal-core-sdk"
_DRAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 3.0
_GRPC_EXPORTER = "opentelemetry.exporter.otlp.proto.grpc"

_open: weakref.WeakSet[OpenTelemetryExporter] = weakref.WeakSet()

Record = Callable[["int | float", Any], None]


@dataclass(frozen=True)
class OtlpOptions:
    """Where and how to export."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    http: bool = False
    period_seconds: float = 1.0
    delta: bool = False
    durations_as_seconds: bool = False
    overrides: Mapping[str, Sequence[float]] = field(default_factory=dict)


class OpenTelemetryExporter:
    """A queue of measurements, and the thread that sums them up and exports them."""

    def __init__(self, options: OtlpOptions, global_tags: Mapping[str, str]) -> None:
        """Does not connect yet.

        Raises:
            ValueError: the URL is none, or the library refuses the headers.
        """
        _check_url(options.url)
        try:
            exporter = _exporter(options)
        except Exception as error:  # noqa: BLE001 - whatever the library does not like
            raise ValueError(f"Failed building OTel exporter: {error}") from None
        self._options = options
        self._queue: Any = SimpleQueue()
        self._reader = _Reader(exporter, options.delta)
        # At exit this module's own thread exports what is left.
        self._provider = _Provider([self._reader], _resource(global_tags), shutdown_on_exit=False)
        self._meter = self._provider.get_meter(_NAME)
        self._records: dict[Instrument, Record] = {}
        self._lost = False
        self._open = allocate_lock()  # held until closed: letting go is one step, fit for a finalizer
        self._open.acquire()
        self._pid = process.current()
        self._thread = Thread(self._work, (), "corewasm-opentelemetry")
        _open.add(self)

    def put(self, item: Measurement, /) -> None:
        """One measurement; dropped if 250,000 wait."""
        if self._queue.qsize() < LARGEST_QUEUE:
            self._queue.put(item)
        else:
            self._lost = True

    def close(self) -> None:
        """Exports what is left, soon, and ends the thread. Harmless to repeat, from any thread or finalizer."""
        if self._pid == process.current():
            with contextlib.suppress(RuntimeError):  # it has been told
                self._open.release()

    def join(self) -> None:
        """Waits until what is left is exported; not for a collector that does not answer."""
        self._thread.join(_PATIENCE_SECONDS)

    def _work(self) -> None:
        context.attach(context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        period = self._options.period_seconds
        due = monotonic() + period
        while not self._open.acquire(timeout=max(0.0, min(_DRAIN_SECONDS, due - monotonic()))):
            self._contained(self._drain)
            if monotonic() >= due:
                self._contained(self._reader.collect)
                due = monotonic() + period
        self._contained(self._drain)
        self._contained(self._provider.shutdown)

    def _contained(self, step: Callable[[], object]) -> None:
        """Whatever the libraries and what users have put into them raise, the thread goes on."""
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - see above
            report_once(logger, logging.WARNING, "Metrics of Temporal's Core may be lost: %r", error)

    def _drain(self) -> None:
        if self._lost:
            report_once(logger, logging.WARNING, "The exporter of metrics is too slow: updates are lost")
        try:
            while True:
                instrument, attributes, value = self._queue.get_nowait()
                record = self._records.get(instrument) or self._new_record(instrument)
                record(value, attributes.values)
        except Empty:
            return

    def _new_record(self, instrument: Instrument) -> Record:
        try:
            record = self._made(instrument)
        except Exception as error:  # noqa: BLE001 - the SDK has no type for a name that it does not take
            report(logger, logging.WARNING, "The metric %s is not exported: %s", instrument.name, error)
            record = _drop
        self._records[instrument] = record
        return record

    def _made(self, instrument: Instrument) -> Record:
        name, unit, description = instrument.name, instrument.unit, instrument.description
        if instrument.kind is Kind.COUNTER:
            return self._meter.create_counter(name, unit, description).add
        if instrument.kind in (Kind.GAUGE, Kind.GAUGE_F64):
            return self._meter.create_gauge(name, unit, description).set
        in_seconds = self._options.durations_as_seconds
        is_duration = instrument.kind is Kind.HISTOGRAM_DURATION
        histogram = self._meter.create_histogram(
            name,
            ("s" if in_seconds else "ms") if is_duration else unit,
            description,
            explicit_bucket_boundaries_advisory=buckets_of_suffix(name, in_seconds, self._options.overrides),
        )
        return _in_seconds(histogram) if is_duration and in_seconds else histogram.record


class _Provider(MeterProvider):
    """The SDK's, on in any case: OTEL_SDK_DISABLED is about a program's own telemetry, and native Core does not ask."""

    @property
    def _disabled(self) -> bool:
        return False

    @_disabled.setter
    def _disabled(self, _: bool) -> None:
        """What the environment says."""


class _Reader(MetricReader):
    """Exports whatever is collected."""

    def __init__(self, exporter: MetricExporter, delta: bool) -> None:
        temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
        super().__init__(preferred_temporality=dict.fromkeys((Counter, Histogram, _Gauge), temporality))
        self._exporter = exporter

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> None:
        try:
            self._exporter.export(metrics_data, timeout_millis=timeout_millis)
        except Exception as error:  # noqa: BLE001 - whatever the exporter's libraries raise
            report(logger, logging.WARNING, "OTLP metric export failed; metrics may be dropped", traceback_of=error)

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Exports what is left."""
        self.collect(timeout_millis)
        self._exporter.shutdown(timeout_millis)


def _exporter(options: OtlpOptions) -> MetricExporter:
    if options.http:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

        return HttpExporter(endpoint=options.url, headers=dict(options.headers))
    _forget_a_past_grpc()
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

    headers = [(key.lower(), value) for key, value in options.headers.items()]
    secure = urlsplit(options.url).scheme in ("https", "grpcs")
    return GrpcExporter(endpoint=options.url, insecure=not secure, headers=headers)


def _forget_a_past_grpc() -> None:
    """In a forked child the exporter's modules may hold the gRPC library of the parent (ADR 0014)."""
    current = importlib.import_module("grpc").insecure_channel
    if getattr(sys.modules.get(f"{_GRPC_EXPORTER}.exporter"), "insecure_channel", current) is not current:
        for name in [each for each in sys.modules if each.startswith(_GRPC_EXPORTER)]:
            del sys.modules[name]


def _resource(global_tags: Mapping[str, str]) -> Resource:
    found = Resource.create()
    if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: _NAME}))
    return found.merge(Resource(dict(global_tags)))


def _check_url(text: str) -> None:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        raise ValueError(f"Invalid OTel URL: {error}") from None
    if not url.scheme:
        raise ValueError("Invalid OTel URL: relative URL without a base")
    if not url.netloc and url.scheme in ("http", "https"):
        raise ValueError("Invalid OTel URL: empty host")


def _in_seconds(histogram: metrics.Histogram) -> Record:
    return lambda value, attributes: histogram.record(value / 1000, attributes)


def _drop(_value: int | float, _attributes: object) -> None:
    """Nothing."""


def _join_all() -> None:
    exporters = [each for each in _open if each._pid == process.current()]
    for exporter in exporters:
        exporter.close()
    for exporter in exporters:
        exporter.join()


atexit.register(_join_all)
