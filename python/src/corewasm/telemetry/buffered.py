"""The metric buffer that a program drains itself."""

from __future__ import annotations

import logging
from queue import Empty, SimpleQueue

from corewasm.telemetry.records import Attributes, AttributeValue, Instrument, Kind, Measurement

logger = logging.getLogger(__name__)

_KINDS = {Kind.COUNTER: 0, Kind.GAUGE: 1, Kind.GAUGE_F64: 1}
_HISTOGRAM = 2


class BufferedMetric:
    """A metric as the SDK sees it: kind 0 is a counter, 1 a gauge, 2 a histogram."""

    def __init__(self, instrument: Instrument, durations_as_seconds: bool) -> None:
        unit = instrument.unit
        if instrument.kind is Kind.HISTOGRAM_DURATION and unit == "duration":
            unit = "s" if durations_as_seconds else "ms"
        self._name = instrument.name
        self._description = instrument.description or None
        self._unit = unit or None
        self._kind = _KINDS.get(instrument.kind, _HISTOGRAM)

    @property
    def name(self) -> str:
        """Its name, with prefix."""
        return self._name

    @property
    def description(self) -> str | None:
        """What it tells."""
        return self._description

    @property
    def unit(self) -> str | None:
        """The unit of its values."""
        return self._unit

    @property
    def kind(self) -> int:
        """0 counter, 1 gauge, 2 histogram."""
        return self._kind


class BufferedMetricUpdate:
    """One measurement as the SDK sees it."""

    def __init__(self, metric: BufferedMetric, value: int | float, attributes: dict[str, AttributeValue]) -> None:
        self._metric = metric
        self._value = value
        self._attributes = attributes

    @property
    def metric(self) -> BufferedMetric:
        """The same object for the same metric."""
        return self._metric

    @property
    def value(self) -> int | float:
        """An increment, a new value, or a value to count."""
        return self._value

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        """The same object for the same attribute set."""
        return self._attributes


class MetricBuffer:
    """Holds at most `size` measurements between two calls of `retrieve`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: SimpleQueue[Measurement] = SimpleQueue()
        self._lost = False
        self._metrics: dict[Instrument, BufferedMetric] = {}

    def put(self, item: Measurement) -> None:
        """One measurement; dropped when the buffer is full."""
        if self._queue.qsize() < self._size:
            self._queue.put(item)
        else:
            self._lost = True

    def retrieve(self, durations_as_seconds: bool) -> list[BufferedMetricUpdate]:
        """All measurements since the last call. That some were dropped is logged."""
        taken, lost, self._lost = self._take(), self._lost, False
        if lost:
            logger.error("The metric buffer of %s was full: updates are lost", self._size)
        return [self._update(*each, durations_as_seconds) for each in taken]

    def _take(self) -> list[Measurement]:
        taken = []
        try:
            while True:
                taken.append(self._queue.get_nowait())
        except Empty:
            return taken

    def _update(
        self, instrument: Instrument, attributes: Attributes, value: int | float, durations_as_seconds: bool
    ) -> BufferedMetricUpdate:
        metric = self._metrics.get(instrument)
        if metric is None:
            metric = self._metrics[instrument] = BufferedMetric(instrument, durations_as_seconds)
        values = attributes.shown
        if values is None:
            values = attributes.shown = dict(attributes.values)
        if instrument.kind is Kind.HISTOGRAM_DURATION and durations_as_seconds:
            value = value / 1000
        return BufferedMetricUpdate(metric, value, values)
