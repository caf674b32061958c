"""Instruments, attribute sets and single measurements, Core's and users' alike.

A measurement is one `SimpleQueue.put` of a tuple and nothing else: it is made from workflow threads inside the
sandbox and from activity threads that an exception may strike between any two bytecodes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeAlias

from corewasm.abi import telemetry, turn

AttributeValue: TypeAlias = "str | int | float | bool"


class Kind(IntEnum):
    """The kinds of instruments, those of Core's envelope and the one that only users have."""

    COUNTER = telemetry.DefineInstrument.COUNTER
    HISTOGRAM = telemetry.DefineInstrument.HISTOGRAM
    HISTOGRAM_DURATION = telemetry.DefineInstrument.HISTOGRAM_DURATION
    GAUGE = telemetry.DefineInstrument.GAUGE
    GAUGE_F64 = telemetry.DefineInstrument.GAUGE_F64
    HISTOGRAM_F64 = 100


@dataclass(frozen=True, eq=False)
class Instrument:
    """One metric. Made by `instrument` alone, so that equal ones are one. Durations are recorded in milliseconds."""

    kind: Kind
    name: str
    description: str = ""
    unit: str = ""
    buckets: tuple[float, ...] = ()


_instruments: dict[tuple[int, str, str, str, tuple[float, ...]], Instrument] = {}


def instrument(
    kind: Kind, name: str, description: str = "", unit: str = "", buckets: tuple[float, ...] = ()
) -> Instrument:
    """The instrument with these values. A program may ask for it as often as it likes: there is one for ever."""
    key = (int(kind), name, description, unit, buckets)
    return _instruments.get(key) or _instruments.setdefault(key, Instrument(kind, name, description, unit, buckets))


class Attributes:
    """One attribute set, never changed after it was made.

    Exporters keep what they make of it here, and nothing about it elsewhere: with the set, that goes.
    """

    __slots__ = ("labels", "shown", "values")

    def __init__(self, values: Mapping[str, AttributeValue]) -> None:
        self.values = values
        self.labels: tuple[tuple[str, str], ...] | None = None
        """For Prometheus: sorted names and texts."""
        self.shown: dict[str, AttributeValue] | None = None
        """For the metric buffer: what the SDK gets, the same object each time."""

    def extended(self, more: Mapping[str, AttributeValue]) -> Attributes:
        """A new set with these on top."""
        return Attributes({**self.values, **more})


Measurement: TypeAlias = "tuple[Instrument, Attributes, int | float]"


LARGEST_QUEUE = 250_000
"""Measurements that wait for an exporter whose thread is busy, e.g. with a collector that does not answer: 50 MB. More
are dropped, which is told once."""


class Measurements(Protocol):
    """Where measurements go. `put` may be called from everywhere: it is one or two atomic steps, without a lock."""

    def put(self, item: Measurement, /) -> None:
        """One measurement."""


class CoreMetrics:
    """Turns the metric effects of one instance into measurements."""

    _RECORD = struct.Struct("<IIQ")

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements
        self._instruments: dict[int, Instrument] = {}
        self._attributes: dict[int, Attributes] = {0: Attributes({})}

    def take(self, effect: turn.Effect) -> None:
        """A definition or a turn's packed records."""
        kind = effect.WhichOneof("kind")
        if kind == "metric_records":
            self._records(effect.metric_records.packed)
        elif kind == "define_instrument":
            self._define_instrument(effect.define_instrument)
        else:
            self._define_attributes(effect.define_attributes)

    def _records(self, packed: bytes) -> None:
        for number, attributes, value in self._RECORD.iter_unpack(packed):
            of = self._instruments[number]
            if of.kind is Kind.GAUGE_F64:
                value = struct.unpack("<d", struct.pack("<Q", value))[0]
            self._measurements.put((of, self._attributes[attributes], value))

    def _define_instrument(self, define: telemetry.DefineInstrument) -> None:
        self._instruments[define.instrument] = instrument(
            Kind(define.kind), define.name, define.description, define.unit, tuple(define.buckets)
        )

    def _define_attributes(self, define: telemetry.DefineAttributes) -> None:
        base = self._attributes[define.extends]
        values = {each.key: getattr(each, each.WhichOneof("value") or "text") for each in define.key_values}
        self._attributes[define.attributes] = base.extended(values)
