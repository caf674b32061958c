"""The metric buffer: Core's and users' measurements as the SDK reads them."""

from __future__ import annotations

import logging
import struct

import pytest

from corewasm.abi import telemetry, turn
from corewasm.bridge.metrics import MetricAttributesRef, MetricMeterRef
from corewasm.telemetry.buffered import MetricBuffer
from corewasm.telemetry.records import Attributes, CoreMetrics


def meter_of(buffer: MetricBuffer) -> MetricMeterRef:
    return MetricMeterRef(buffer, Attributes({"service_name": "temporal-core-sdk"}))


def test_measurements_in_order_with_shared_objects() -> None:
    buffer = MetricBuffer(100)
    meter = meter_of(buffer)
    more = meter.default_attributes.with_additional_attributes(meter, {"k": True})
    counter = meter.new_counter("c", "what", "things")
    counter.add(1, meter.default_attributes)
    counter.add(2, more)
    meter.new_gauge_float("g", None, None).set(1.5, more)
    first, second, third = buffer.retrieve(False)
    assert first.metric is second.metric
    assert (first.metric.name, first.metric.description, first.metric.unit, first.metric.kind) == (
        "c",
        "what",
        "things",
        0,
    )
    assert first.attributes == {"service_name": "temporal-core-sdk"}
    assert second.attributes == {"service_name": "temporal-core-sdk", "k": True}
    assert second.attributes is third.attributes
    assert (third.value, third.metric.kind, third.metric.unit) == (1.5, 1, None)
    assert buffer.retrieve(False) == []


@pytest.mark.parametrize(("seconds", "unit", "value"), [(True, "s", 1.5), (False, "ms", 1500)])
def test_durations(seconds: bool, unit: str, value: float) -> None:
    buffer = MetricBuffer(10)
    meter = meter_of(buffer)
    meter.new_histogram_duration("d", None, "duration").record(1500, meter.default_attributes)
    (update,) = buffer.retrieve(seconds)
    assert (update.metric.unit, update.value, update.metric.kind) == (unit, value, 2)


def test_full_buffer_drops_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    buffer = MetricBuffer(2)
    meter = meter_of(buffer)
    counter = meter.new_counter("c", None, None)
    for _ in range(3):
        counter.add(1, meter.default_attributes)
    with caplog.at_level(logging.ERROR):
        assert len(buffer.retrieve(False)) == 2
    assert "The metric buffer of 2 was full" in caplog.text


def test_cores_packed_records() -> None:
    buffer = MetricBuffer(10)
    core = CoreMetrics(buffer)
    kinds = telemetry.DefineInstrument
    core.take(turn.Effect(define_instrument=kinds(instrument=1, kind=kinds.COUNTER, name="temporal_request")))
    core.take(turn.Effect(define_instrument=kinds(instrument=2, kind=kinds.GAUGE_F64, name="temporal_usage")))
    pair = telemetry.MetricKeyValue(key="namespace", text="ns")
    core.take(turn.Effect(define_attributes=telemetry.DefineAttributes(attributes=1, key_values=[pair])))
    pair = telemetry.MetricKeyValue(key="attempt", integer=2)
    core.take(turn.Effect(define_attributes=telemetry.DefineAttributes(attributes=2, extends=1, key_values=[pair])))
    packed = struct.pack("<IIQ", 1, 1, 7) + struct.pack("<IId", 2, 2, 0.25)
    core.take(turn.Effect(metric_records=telemetry.MetricRecords(packed=packed)))
    found = [(update.metric.name, update.value, update.attributes) for update in buffer.retrieve(False)]
    assert found == [
        ("temporal_request", 7, {"namespace": "ns"}),
        ("temporal_usage", 0.25, {"namespace": "ns", "attempt": 2}),
    ]


def test_wrong_values_are_refused() -> None:
    meter = meter_of(MetricBuffer(10))
    counter = meter.new_counter("c", None, None)
    with pytest.raises(OverflowError):
        counter.add(2**64, meter.default_attributes)
    with pytest.raises(OverflowError):
        counter.add(-1, meter.default_attributes)
    with pytest.raises(TypeError, match="Invalid value type for key k, must be str, int, float, or bool"):
        MetricAttributesRef(Attributes({})).with_additional_attributes(meter, {"k": None})  # type: ignore[dict-item]
