"""The meter and instruments of users' code. What they do when recording is one atomic step: see telemetry.records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corewasm.telemetry.records import Attributes, AttributeValue, Kind, Measurements, instrument

_U64, _I64 = 2**64, 2**63


class MetricAttributesRef:
    """An attribute set."""

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes

    def with_additional_attributes(
        self, meter: MetricMeterRef, new_attrs: Mapping[str, AttributeValue]
    ) -> MetricAttributesRef:
        """A new set with these on top.

        Raises:
            TypeError: a value that is no str, int, float or bool.
        """
        return MetricAttributesRef(self.attributes.extended({key: _value(key, new_attrs[key]) for key in new_attrs}))


class MetricMeterRef:
    """Makes instruments that measure into one queue."""

    def __init__(self, measurements: Measurements, default_attributes: Attributes) -> None:
        self._measurements = measurements
        self._default_attributes = MetricAttributesRef(default_attributes)

    @property
    def default_attributes(self) -> MetricAttributesRef:
        """The set that all others begin with."""
        return self._default_attributes

    def new_counter(self, name: str, description: str | None, unit: str | None) -> MetricCounterRef:
        """A sum that only grows."""
        return MetricCounterRef(self, Kind.COUNTER, name, description, unit)

    def new_histogram(self, name: str, description: str | None, unit: str | None) -> MetricHistogramRef:
        """A distribution of integers."""
        return MetricHistogramRef(self, Kind.HISTOGRAM, name, description, unit)

    def new_histogram_float(self, name: str, description: str | None, unit: str | None) -> MetricHistogramFloatRef:
        """A distribution of floats."""
        return MetricHistogramFloatRef(self, Kind.HISTOGRAM_F64, name, description, unit)

    def new_histogram_duration(
        self, name: str, description: str | None, unit: str | None
    ) -> MetricHistogramDurationRef:
        """A distribution of durations."""
        return MetricHistogramDurationRef(self, Kind.HISTOGRAM_DURATION, name, description, unit)

    def new_gauge(self, name: str, description: str | None, unit: str | None) -> MetricGaugeRef:
        """A last value."""
        return MetricGaugeRef(self, Kind.GAUGE, name, description, unit)

    def new_gauge_float(self, name: str, description: str | None, unit: str | None) -> MetricGaugeFloatRef:
        """A last value."""
        return MetricGaugeFloatRef(self, Kind.GAUGE_F64, name, description, unit)


class _InstrumentRef:
    def __init__(self, meter: MetricMeterRef, kind: Kind, name: str, description: str | None, unit: str | None) -> None:
        self._instrument = instrument(kind, name, description or "", unit or "")
        self._put = meter._measurements.put

    def _record(self, value: int | float, attributes: MetricAttributesRef) -> None:
        self._put((self._instrument, attributes.attributes, value))


class MetricCounterRef(_InstrumentRef):
    """See `MetricMeterRef.new_counter`."""

    def add(self, value: int, attrs_ref: MetricAttributesRef) -> None:
        """Adds."""
        self._record(_u64(value), attrs_ref)


class MetricHistogramRef(_InstrumentRef):
    """See `MetricMeterRef.new_histogram`."""

    def record(self, value: int, attrs_ref: MetricAttributesRef) -> None:
        """Counts a value."""
        self._record(_u64(value), attrs_ref)


class MetricHistogramFloatRef(_InstrumentRef):
    """See `MetricMeterRef.new_histogram_float`."""

    def record(self, value: float, attrs_ref: MetricAttributesRef) -> None:
        """Counts a value."""
        self._record(float(value), attrs_ref)


class MetricHistogramDurationRef(_InstrumentRef):
    """See `MetricMeterRef.new_histogram_duration`."""

    def record(self, value_ms: int, attrs_ref: MetricAttributesRef) -> None:
        """Counts a duration in milliseconds."""
        self._record(_u64(value_ms), attrs_ref)


class MetricGaugeRef(_InstrumentRef):
    """See `MetricMeterRef.new_gauge`."""

    def set(self, value: int, attrs_ref: MetricAttributesRef) -> None:
        """Replaces the value."""
        self._record(_u64(value), attrs_ref)


class MetricGaugeFloatRef(_InstrumentRef):
    """See `MetricMeterRef.new_gauge_float`."""

    def set(self, value: float, attrs_ref: MetricAttributesRef) -> None:
        """Replaces the value."""
        self._record(float(value), attrs_ref)


def _u64(value: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    if value < 0:
        raise OverflowError("can't convert negative int to unsigned")
    if value >= _U64:
        raise OverflowError("int too big to convert")
    return value


def _value(key: str, value: Any) -> AttributeValue:
    if isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int) and -_I64 <= value < _I64:
        return value
    raise TypeError(f"Invalid value type for key {key}, must be str, int, float, or bool")
