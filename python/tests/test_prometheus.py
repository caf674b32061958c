"""What a Prometheus scrape gets."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from corewasm.bridge.metrics import MetricAttributesRef, MetricMeterRef
from corewasm.telemetry.aggregate import Naming
from corewasm.telemetry.prometheus import PrometheusExporter
from corewasm.telemetry.records import Attributes

EMPTY = MetricAttributesRef(Attributes({}))


@pytest.fixture
def opened() -> Iterator[list[PrometheusExporter]]:
    exporters: list[PrometheusExporter] = []
    yield exporters
    for exporter in exporters:
        exporter.close()


def started(opened: list[PrometheusExporter], **naming: Any) -> tuple[PrometheusExporter, MetricMeterRef]:
    exporter = PrometheusExporter("127.0.0.1:0", Naming(**naming), {"zone": "a"})
    opened.append(exporter)
    return exporter, MetricMeterRef(exporter, Attributes({"service_name": "temporal-core-sdk"}))


def scrape(exporter: PrometheusExporter, path: str = "/metrics") -> list[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{exporter.port}{path}", timeout=10) as response:
        return str(response.read().decode()).splitlines()


def test_counters_gauges_and_labels(opened: list[PrometheusExporter]) -> None:
    exporter, meter = started(opened)
    counter = meter.new_counter("my-count", "what it counts", None)
    labelled = EMPTY.with_additional_attributes(meter, {"b-key": 'say "hi"\n', "a": True, "n": 5})
    counter.add(2, EMPTY)
    counter.add(3, EMPTY)
    counter.add(1, labelled)
    meter.new_gauge_float("level", None, None).set(0.5, meter.default_attributes)
    assert scrape(exporter) == [
        "# HELP level level",
        "# TYPE level gauge",
        'level{service_name="temporal-core-sdk",zone="a"} 0.5',
        "# HELP my_count what it counts",
        "# TYPE my_count counter",
        'my_count{zone="a"} 5',
        'my_count{a="true",b_key="say \\"hi\\"\\n",n="5",zone="a"} 1',
    ]


def test_durations_in_milliseconds_with_suffixes(opened: list[PrometheusExporter]) -> None:
    exporter, meter = started(opened, unit_suffix=True, counters_total_suffix=True)
    latency = meter.new_histogram_duration("wait", None, None)
    for value in (50, 51, 20_000):
        latency.record(value, EMPTY)
    meter.new_counter("done", None, None).add(1, EMPTY)
    lines = scrape(exporter)
    assert 'done_total{zone="a"} 1' in lines
    assert 'wait_milliseconds_bucket{zone="a",le="50"} 1' in lines
    assert 'wait_milliseconds_bucket{zone="a",le="100"} 2' in lines
    assert 'wait_milliseconds_bucket{zone="a",le="+Inf"} 3' in lines
    assert 'wait_milliseconds_sum{zone="a"} 20101' in lines
    assert 'wait_milliseconds_count{zone="a"} 3' in lines


def test_durations_in_seconds_and_overridden_buckets(opened: list[PrometheusExporter]) -> None:
    exporter, meter = started(opened, durations_as_seconds=True, overrides={"custom": [1, 2.5]})
    meter.new_histogram_duration("wait", None, None).record(60, EMPTY)
    meter.new_histogram("my_custom_size", None, None).record(2, EMPTY)
    lines = scrape(exporter)
    assert 'wait_bucket{zone="a",le="0.05"} 0' in lines
    assert 'wait_bucket{zone="a",le="0.1"} 1' in lines
    assert 'wait_sum{zone="a"} 0.06' in lines
    assert 'my_custom_size_bucket{zone="a",le="1"} 0' in lines
    assert 'my_custom_size_bucket{zone="a",le="2.5"} 1' in lines


def test_other_pages_are_not_found(opened: list[PrometheusExporter]) -> None:
    exporter, _ = started(opened)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        scrape(exporter, "/")


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1", "127.0.0.1:x", ""])
def test_wrong_address(address: str) -> None:
    with pytest.raises(ValueError, match="Invalid Prometheus address"):
        PrometheusExporter(address, Naming(), {})


def test_port_that_is_taken(opened: list[PrometheusExporter]) -> None:
    exporter, _ = started(opened)
    with pytest.raises(ValueError, match="Failed starting Prometheus exporter"):
        PrometheusExporter(f"127.0.0.1:{exporter.port}", Naming(), {})
