"""Memory of telemetry: many updates of few series, each through a meter, an instrument and attributes of its own.

That is what the SDK does for an activity that counts something. The series are one for each label, so memory must be
flat. Usage: python -m bench.telemetry_soak [--updates 1000000] [--only NAME]; ends with status 1 if one grows.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

from corewasm.bridge.exporters import MetricsChoice, choose_metrics
from corewasm.bridge.metrics import MetricMeterRef

_LABELS = 10
_BREATH = 20_000
_ALLOWED_MB = 6.0
"""What an allocator may keep; a leak of 100 bytes for each update is 80 MB."""


def main() -> int:
    """Every exporter in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=1_000_000, help="updates for each exporter (default 1,000,000)")
    parser.add_argument("--only", default="", help="exporters whose name contains this")
    options = parser.parse_args()
    print(f"{'exporter':<24} {'updates':>10} {'us each':>8} {'MB after a fifth':>17} {'MB at the end':>14}")
    grown = [soak(name, make, options.updates) for name, make in EXPORTERS.items() if options.only in name]
    return 1 if any(grown) else 0


def soak(name: str, make: Callable[[], Iterator[MetricsChoice]], updates: int) -> bool:
    """Measures into one exporter. Whether memory has grown."""
    with contextmanager(make)() as metrics:
        begun = time.process_time()
        update(metrics, updates // 5)
        first = _megabytes()
        update(metrics, updates - updates // 5)
        last = _megabytes()
        each = (time.process_time() - begun) / updates * 1e6
    grown = last - first > _ALLOWED_MB
    print(
        f"{name:<24} {updates:>10,} {each:>8.1f} {first:>17.1f} {last:>14.1f}{'  GROWS' if grown else ''}", flush=True
    )
    return grown


def update(metrics: MetricsChoice, updates: int) -> None:
    """As the SDK does for activities."""
    for number in range(updates):
        meter = MetricMeterRef(metrics.measurements, metrics.default_attributes)
        attributes = meter.default_attributes.with_additional_attributes(meter, {"label": str(number % _LABELS)})
        meter.new_counter("orders", "what was ordered", "orders").add(1, attributes)
        if number % _BREATH == 0:
            _breathe(metrics)


def _breathe(metrics: MetricsChoice) -> None:
    if metrics.buffer is not None:
        metrics.buffer.retrieve(False)
        return
    threading.Event().wait(0.2)


def _megabytes() -> float:
    threading.Event().wait(3)  # the exporters' threads catch up
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def _config(**options: object) -> SimpleNamespace:
    common = {"attach_service_name": True, "metric_prefix": None, "global_tags": None, "buffered_with_size": 0}
    return SimpleNamespace(**{**common, "opentelemetry": None, "prometheus": None, **options})


def _made(config: SimpleNamespace) -> Iterator[MetricsChoice]:
    metrics = choose_metrics(config)
    assert metrics is not None, "they were asked for"
    yield metrics
    metrics.close()


def _prometheus() -> Iterator[MetricsChoice]:
    naming = {"counters_total_suffix": False, "unit_suffix": False, "durations_as_seconds": False}
    yield from _made(_config(prometheus=SimpleNamespace(bind_address="127.0.0.1:0", **naming)))


def _otlp(url: str, *, http: bool) -> Iterator[MetricsChoice]:
    config = {"url": url, "headers": {}, "http": http, "metric_periodicity_millis": 500}
    flags = {"metric_temporality_delta": False, "durations_as_seconds": False}
    yield from _made(_config(opentelemetry=SimpleNamespace(**config, **flags)))


def _collected() -> Iterator[MetricsChoice]:
    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield from _otlp(f"http://127.0.0.1:{server.server_port}/v1/metrics", http=True)
        server.shutdown()


EXPORTERS: dict[str, Callable[[], Iterator[MetricsChoice]]] = {
    "buffer": lambda: _made(_config(buffered_with_size=100_000)),
    "prometheus": _prometheus,
    "otlp-http": _collected,
    "otlp-http, nobody there": lambda: _otlp("http://127.0.0.1:9/v1/metrics", http=True),
    "otlp-grpc, nobody there": lambda: _otlp("http://127.0.0.1:9", http=False),
}


if __name__ == "__main__":
    sys.exit(main())
