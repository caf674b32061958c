"""What an OpenTelemetry collector gets (spec 11.6, 11.7): the same as from the native module."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from corewasm import bridge
from corewasm.bridge.exporters import choose_metrics
from corewasm.bridge.metrics import MetricMeterRef
from rpc_server import RpcServer, rpc_server
from test_bridge_client import config

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


class Collector:
    """What came, in order."""

    def __init__(self) -> None:
        self.requests: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        self.headers.append(headers)
        self.requests.append(ExportMetricsServiceRequest.FromString(body))

    def points(self, name: str) -> list[Any]:
        """The metric of this name, once for each export that had it."""
        return [
            metric
            for request in self.requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    def wait_for(self, name: str, exports: int = 1) -> list[Any]:
        deadline = time.monotonic() + 20
        while len(self.points(name)) < exports:
            assert time.monotonic() < deadline, f"{name} does not come"
            threading.Event().wait(0.002)
        return self.points(name)


@contextmanager
def http_collector() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])), {"path": self.path, **self.headers})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ExportMetricsServiceResponse().SerializeToString())

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}/v1/metrics"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


def metrics_config(url: str, global_tags: dict[str, str] | None = None, **changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "url": url,
        "headers": {"X-Key": "secret"},
        "metric_periodicity_millis": 20,
        "metric_temporality_delta": False,
        "durations_as_seconds": False,
        "http": True,
        "histogram_bucket_overrides": None,
    }
    return SimpleNamespace(
        opentelemetry=SimpleNamespace(**{**values, **changes}),
        prometheus=None,
        buffered_with_size=0,
        attach_service_name=True,
        global_tags=global_tags,
        metric_prefix=None,
    )


@contextmanager
def exporting(**changes: Any) -> Iterator[tuple[MetricMeterRef, Collector]]:
    with http_collector() as collector:
        choice = choose_metrics(metrics_config(collector.url, **changes))
        assert choice is not None
        yield MetricMeterRef(choice.measurements, choice.default_attributes), collector
        choice.close()


def attributes(point: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in point.attributes}


def test_counters_and_gauges_with_their_attributes() -> None:
    with exporting() as (meter, collector):
        more = meter.default_attributes.with_additional_attributes(meter, {"a-b": True, "n": 5, "f": 1.5, "s": "t"})
        counter = meter.new_counter("my-count", "what", "things")
        counter.add(2, more)
        meter.new_gauge("level", None, None).set(4, meter.default_attributes)
        meter.new_gauge_float("share", None, None).set(0.5, meter.default_attributes)
        counter.add(3, more)
        (level, *_), (share, *_) = collector.wait_for("level"), collector.wait_for("share")
        count = collector.wait_for("my-count", 2)[-1]
    assert (count.description, count.unit, count.sum.is_monotonic) == ("what", "things", True)
    assert count.sum.aggregation_temporality == 2
    (point,) = count.sum.data_points
    assert point.as_int == 5
    assert attributes(point) == {
        "service_name": "temporal-core-sdk",
        "a-b": True,
        "n": 5,
        "f": 1.5,
        "s": "t",
    }
    assert (level.gauge.data_points[0].as_int, share.gauge.data_points[0].as_double) == (4, 0.5)


def test_request_names_the_service_and_carries_tags_and_headers() -> None:
    with exporting(global_tags={"zone-a": "z"}) as (meter, collector):
        meter.new_counter("c", None, None).add(1, meter.default_attributes)
        collector.wait_for("c")
    (resource,) = collector.requests[0].resource_metrics
    found = attributes(resource.resource)
    assert (found["service.name"], found["zone-a"]) == ("temporal-core-sdk", "z")
    assert resource.scope_metrics[0].scope.name == "temporal-core-sdk"
    headers = {key.lower(): value for key, value in collector.headers[0].items()}
    assert (headers["path"], headers["x-key"]) == ("/v1/metrics", "secret")


@pytest.mark.parametrize(
    ("seconds", "unit", "total", "bounds"),
    [
        (False, "ms", 1500.0, [50.0, 100.0, 500.0, 1000.0, 2500.0, 10_000.0]),
        (True, "s", 1.5, [0.05, 0.1, 0.5, 1.0, 2.5, 10.0]),
    ],
)
def test_durations(seconds: bool, unit: str, total: float, bounds: list[float]) -> None:
    with exporting(durations_as_seconds=seconds) as (meter, collector):
        meter.new_histogram_duration("wait", None, None).record(1500, meter.default_attributes)
        wait = collector.wait_for("wait")[0]
    (point,) = wait.histogram.data_points
    assert (wait.unit, point.sum, point.count, point.min, point.max) == (unit, total, 1, total, total)
    assert list(point.explicit_bounds) == bounds
    assert list(point.bucket_counts) == [0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("name", "first_bounds"),
    [
        ("my_over_size", [1.0, 2.5]),
        ("temporal_workflow_task_execution_latency", [1.0, 10.0]),
        ("other_prefix_workflow_task_execution_latency", [1.0, 10.0]),
        ("temporal_local_activity_execution_latency", [50.0, 100.0]),
    ],
)
def test_buckets_by_override_and_by_the_end_of_the_name(name: str, first_bounds: list[float]) -> None:
    with exporting(histogram_bucket_overrides={"over_": [1.0, 2.5]}) as (meter, collector):
        meter.new_histogram(name, None, None).record(2, meter.default_attributes)
        (point,) = collector.wait_for(name)[0].histogram.data_points
    assert list(point.explicit_bounds)[:2] == first_bounds


def test_delta_gives_what_is_new_only() -> None:
    with exporting(metric_temporality_delta=True) as (meter, collector):
        counter = meter.new_counter("c", None, None)
        meter.new_gauge("level", None, None).set(4, meter.default_attributes)
        for exports, value in enumerate((2, 3), 1):
            counter.add(value, meter.default_attributes)
            found = collector.wait_for("c", exports)
        assert len(collector.points("level")) == 1
    assert [each.sum.data_points[0].as_int for each in found] == [2, 3]
    assert found[0].sum.aggregation_temporality == 1


def test_what_is_left_is_exported_at_the_end() -> None:
    with http_collector() as collector:
        choice = choose_metrics(metrics_config(collector.url, metric_periodicity_millis=3_600_000))
        assert choice is not None
        meter = MetricMeterRef(choice.measurements, choice.default_attributes)
        meter.new_counter("c", None, None).add(1, meter.default_attributes)
        choice.close()
        choice.close()
        collector.wait_for("c")


def test_name_that_opentelemetry_does_not_take_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    with exporting() as (meter, collector):
        meter.new_counter("no spaces, please", None, None).add(1, meter.default_attributes)
        meter.new_counter("good", None, None).add(1, meter.default_attributes)
        collector.wait_for("good")
    assert "The metric no spaces, please is not exported" in caplog.text


async def test_cores_own_metrics_over_grpc() -> None:
    collector = Collector()
    async with grpc_collector(collector) as server:
        metrics = metrics_config(f"http://127.0.0.1:{server.port}", http=False)
        runtime = bridge.init_runtime(
            SimpleNamespace(
                telemetry=SimpleNamespace(logging=None, metrics=metrics),
                worker_heartbeat_interval_millis=None,
                disable_environment_info=False,
            )
        )
        with pytest.raises(RuntimeError, match="Failed client connect"):
            await bridge.connect_client(runtime, config(1))
        (requests, *_) = await asyncio.to_thread(collector.wait_for, "temporal_request_failure")
        del runtime
    assert attributes(requests.sum.data_points[0])["operation"] == "GetSystemInfo"
    assert collector.headers[0]["x-key"] == "secret"


@asynccontextmanager
async def grpc_collector(collector: Collector) -> AsyncIterator[RpcServer]:
    async def answer(method: str, body: bytes, context: Any) -> bytes:
        assert method == EXPORT
        collector.take(body, dict(context.invocation_metadata()))
        return ExportMetricsServiceResponse().SerializeToString()

    async with rpc_server(answer) as server:
        yield server


def test_collector_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with http_collector() as collector:
        url = collector.url
    choice = choose_metrics(metrics_config(url))
    assert choice is not None
    meter = MetricMeterRef(choice.measurements, choice.default_attributes)
    meter.new_counter("c", None, None).add(1, meter.default_attributes)
    deadline = time.monotonic() + 20
    while "export" not in caplog.text.lower():
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)
    choice.close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("localhost", "Invalid OTel URL: relative URL without a base"),
        ("http://", "Invalid OTel URL: empty host"),
        ("http://host:port", "Invalid OTel URL: "),
    ],
)
def test_wrong_url(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        choose_metrics(metrics_config(url))


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "corewasm.telemetry.opentelemetry", None)
    with pytest.raises(RuntimeError, match=r"corewasm\[opentelemetry\]"):
        choose_metrics(metrics_config("http://localhost:4318"))


@pytest.mark.parametrize("there", [True, False], ids=["collector", "no collector"])
def test_exit_exports_what_is_left_and_does_not_wait_for_a_dead_collector(there: bool) -> None:
    program = """
import corewasm, sys
corewasm.install()
from datetime import timedelta
from temporalio.runtime import OpenTelemetryConfig, Runtime, TelemetryConfig
metrics = OpenTelemetryConfig(url=sys.argv[1], http=True, metric_periodicity=timedelta(hours=1))
runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics))
runtime.metric_meter.create_counter("last").add(1)
"""
    with http_collector() as collector:
        url = collector.url if there else "http://127.0.0.1:9/v1/metrics"
        done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert len(collector.points("last")) == int(there)
