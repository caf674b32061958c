"""Sums up measurements the way Prometheus wants to scrape them (spec 11.7)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from corewasm.telemetry.buckets import buckets_of
from corewasm.telemetry.records import Attributes, Instrument, Kind, Measurement

Labels: TypeAlias = "tuple[tuple[str, str], ...]"

_TYPES = {Kind.COUNTER: "counter", Kind.GAUGE: "gauge", Kind.GAUGE_F64: "gauge"}


@dataclass(frozen=True)
class Naming:
    """How families are named and durations shown."""

    counters_total_suffix: bool = False
    unit_suffix: bool = False
    durations_as_seconds: bool = False
    overrides: Mapping[str, Sequence[float]] = field(default_factory=dict)


class Distribution:
    """One histogram's series."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts a value in the first bucket whose bound is not below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Bounds with the number of values not above them; infinity last."""
        seen = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            yield bound, seen


@dataclass
class Family:
    """All series of one name."""

    name: str
    kind: str
    description: str
    series: dict[Labels, float | Distribution] = field(default_factory=dict)


class Aggregate:
    """The state of all families. Not to be used by two threads at once."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._families: dict[str, Family] = {}
        self._by_instrument: dict[Instrument, tuple[Family, tuple[float, ...]]] = {}

    def apply(self, measurement: Measurement) -> None:
        """Adds one measurement. One for a name that is taken by another type is dropped."""
        instrument, attributes, value = measurement
        family, bounds = self._family(instrument)
        if family.kind != _TYPES.get(instrument.kind, "histogram"):
            return
        labels = attributes.labels
        if labels is None:
            labels = attributes.labels = _labels_of(attributes)
        if family.kind == "gauge":
            family.series[labels] = value
        elif family.kind == "counter":
            before = family.series.get(labels, 0)
            family.series[labels] = value if isinstance(before, Distribution) else before + value
        else:
            self._observe(family, labels, bounds, self._shown(instrument, value))

    def families(self) -> list[Family]:
        """All families that have a series, by name."""
        return [self._families[name] for name in sorted(self._families) if self._families[name].series]

    def _observe(self, family: Family, labels: Labels, bounds: tuple[float, ...], value: float) -> None:
        series = family.series.get(labels)
        if not isinstance(series, Distribution):
            series = family.series[labels] = Distribution(bounds)
        series.observe(value)

    def _shown(self, instrument: Instrument, value: float) -> float:
        in_seconds = instrument.kind is Kind.HISTOGRAM_DURATION and self._naming.durations_as_seconds
        return value / 1000 if in_seconds else value

    def _family(self, instrument: Instrument) -> tuple[Family, tuple[float, ...]]:
        known = self._by_instrument.get(instrument)
        if known is None:
            name = self._name(instrument).replace("-", "_")
            kind = _TYPES.get(instrument.kind, "histogram")
            family = self._families.setdefault(name, Family(name, kind, instrument.description or name))
            bounds = buckets_of(instrument.name, self._naming.durations_as_seconds, self._naming.overrides)
            known = self._by_instrument[instrument] = (family, bounds)
        return known

    def _name(self, instrument: Instrument) -> str:
        if instrument.kind is Kind.COUNTER:
            return instrument.name + ("_total" if self._naming.counters_total_suffix else "")
        if instrument.kind in _TYPES:
            return instrument.name
        unit = instrument.unit
        if instrument.kind is Kind.HISTOGRAM_DURATION:
            unit = "seconds" if self._naming.durations_as_seconds else "milliseconds"
        return f"{instrument.name}_{unit}" if self._naming.unit_suffix and unit else instrument.name


def _labels_of(attributes: Attributes) -> Labels:
    pairs = {key.replace("-", "_"): _text(value) for key, value in attributes.values.items()}
    return tuple(sorted(pairs.items()))


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
