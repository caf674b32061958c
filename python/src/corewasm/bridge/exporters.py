"""Which way metrics take: a buffer, Prometheus, OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from corewasm.bridge.config import read, read_optional
from corewasm.telemetry.aggregate import Naming
from corewasm.telemetry.buffered import MetricBuffer
from corewasm.telemetry.prometheus import PrometheusExporter
from corewasm.telemetry.records import Attributes, Measurement, Measurements

DEFAULT_PREFIX = "temporal_"
_PERIOD_SECONDS = 1.0
_SERVICE_NAME = {"service_name": "temporal-core-sdk"}


class Exporter(Protocol):
    """Takes measurements from its queue on its own schedule."""

    def put(self, item: Measurement, /) -> None:
        """One measurement."""

    def close(self) -> None:
        """Ends its threads and servers."""


@dataclass
class MetricsChoice:
    """What a runtime measures into."""

    measurements: Measurements
    default_attributes: Attributes
    prefix: str
    attach_service_name: bool
    buffer: MetricBuffer | None = None
    exporter: Exporter | None = None

    def close(self) -> None:
        """Ends the exporter."""
        if self.exporter is not None:
            self.exporter.close()


def choose_metrics(config: object | None) -> MetricsChoice | None:
    """The configured way; None when metrics are off.

    Raises:
        ValueError: more than one way, or a wrong address.
        RuntimeError: the way needs a library that is not installed.
    """
    if config is None:
        return None
    size = read(config, "buffered_with_size", int)
    opentelemetry: object | None = getattr(config, "opentelemetry", None)
    prometheus: object | None = getattr(config, "prometheus", None)
    attach_service_name = read(config, "attach_service_name", bool)
    prefix = read_optional(config, "metric_prefix", str)
    default_attributes = Attributes(_SERVICE_NAME if attach_service_name else {})
    buffer, exporter = None, None
    if size > 0:
        if opentelemetry is not None or prometheus is not None:
            raise ValueError("Cannot have buffer size with OpenTelemetry or Prometheus metric config")
        buffer = MetricBuffer(size)
    else:
        exporter = _exporter(opentelemetry, prometheus, getattr(config, "global_tags", None) or {})
    measurements: Measurements | None = buffer or exporter
    assert measurements is not None, "one of the two was made above"
    return MetricsChoice(
        measurements,
        default_attributes,
        DEFAULT_PREFIX if prefix is None else prefix,
        attach_service_name,
        buffer,
        exporter,
    )


def _exporter(opentelemetry: object | None, prometheus: object | None, global_tags: Mapping[str, str]) -> Exporter:
    if opentelemetry is not None:
        if prometheus is not None:
            raise ValueError("Cannot have OpenTelemetry and Prometheus metrics")
        return _opentelemetry(opentelemetry, global_tags)
    if prometheus is None:
        raise ValueError("Either OpenTelemetry or Prometheus config must be provided")
    naming = Naming(
        counters_total_suffix=read(prometheus, "counters_total_suffix", bool),
        unit_suffix=read(prometheus, "unit_suffix", bool),
        durations_as_seconds=read(prometheus, "durations_as_seconds", bool),
        overrides=getattr(prometheus, "histogram_bucket_overrides", None) or {},
    )
    return PrometheusExporter(read(prometheus, "bind_address", str), naming, global_tags)


def _opentelemetry(config: object, global_tags: Mapping[str, str]) -> Exporter:
    try:
        from corewasm.telemetry.opentelemetry import OpenTelemetryExporter, OtlpOptions
    except ImportError as error:
        raise RuntimeError(f"OpenTelemetry metrics need pip install 'corewasm[opentelemetry]' ({error})") from None
    period = read_optional(config, "metric_periodicity_millis", int)
    options = OtlpOptions(
        url=read(config, "url", str),
        headers=getattr(config, "headers", None) or {},
        http=read(config, "http", bool),
        period_seconds=_PERIOD_SECONDS if period is None else period / 1000,
        delta=read(config, "metric_temporality_delta", bool),
        durations_as_seconds=read(config, "durations_as_seconds", bool),
        overrides=getattr(config, "histogram_bucket_overrides", None) or {},
    )
    return OpenTelemetryExporter(options, global_tags)
