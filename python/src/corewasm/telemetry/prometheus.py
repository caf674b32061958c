"""Serves metrics to Prometheus: ``GET /metrics`` in its text format.

prometheus_client insists on ``_total`` for counters and on one set of label names per family. Native Core does neither,
and dashboards of users depend on it. The text format is small, so it is written here.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from selectors import EVENT_READ
from socket import AF_INET, AF_INET6, socketpair
from typing import Any

from corewasm.host import process
from corewasm.host.reports import report, report_once
from corewasm.host.unpatched import Empty, SimpleQueue, Thread, allocate_lock, real_selector
from corewasm.telemetry.aggregate import Aggregate, Distribution, Family, Labels, Naming
from corewasm.telemetry.records import LARGEST_QUEUE, Measurement

logger = logging.getLogger(__name__)

_DRAIN_SECONDS = 1.0
_REQUEST_SECONDS = 10.0
_JOIN_SECONDS = 10.0
_open: weakref.WeakSet[PrometheusExporter] = weakref.WeakSet()
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class PrometheusExporter:
    """An HTTP server and the queue that its metrics come through."""

    def __init__(self, bind_address: str, naming: Naming, global_tags: Mapping[str, str]) -> None:
        """Listens at once.

        Raises:
            ValueError: no address, or it cannot be listened at.
        """
        host, port = _address(bind_address)
        self._queue: Any = SimpleQueue()
        self._aggregate = Aggregate(naming)
        self._lost = False
        self._lock = allocate_lock()
        self._global_tags = tuple(sorted(global_tags.items()))
        self._pid = process.current()
        try:
            self._server = _server(host, port, self.text)
        except OSError as error:
            raise ValueError(f"Failed starting Prometheus exporter: {error}") from None
        self._ending, self._end = socketpair()
        self._end.setblocking(False)
        self._thread = Thread(self._serve, (), "corewasm-prometheus")
        _open.add(self)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_address[1])

    def put(self, item: Measurement, /) -> None:
        """One measurement; dropped if 250,000 wait."""
        if self._queue.qsize() < LARGEST_QUEUE:
            self._queue.put(item)
        else:
            self._lost = True

    def text(self) -> str:
        """What a scrape gets: everything measured before it."""
        with self._lock:
            self._drain()
            families = self._aggregate.families()
            return "".join(line for family in families for line in self._lines(family))

    def close(self) -> None:
        """Stops listening soon. Harmless to repeat, from any thread or finalizer."""
        if self._pid == process.current():
            with contextlib.suppress(OSError):  # full or closed: it has been told
                self._end.send(b"x")

    def join(self) -> None:
        """Waits until it has stopped listening, ten seconds at most."""
        self._thread.join(_JOIN_SECONDS)

    def _serve(self) -> None:
        """Answers scrapes, and keeps the queue short between them."""
        with real_selector() as selector:
            selector.register(self._server, EVENT_READ)
            selector.register(self._ending, EVENT_READ)
            while True:
                readable = [key.fileobj for key, _ in selector.select(_DRAIN_SECONDS)]
                if self._ending in readable:
                    break
                try:
                    if readable:
                        self._server.handle_request()
                    with self._lock:
                        self._drain()
                except BaseException as error:  # noqa: BLE001 - the thread goes on
                    report_once(logger, logging.WARNING, "Metrics of Temporal's Core may be lost: %r", error)
        self._close_sockets()

    def _close_sockets(self) -> None:
        self._server.server_close()
        self._ending.close()
        self._end.close()

    def _drain(self) -> None:
        if self._lost:
            report_once(logger, logging.WARNING, "The exporter of metrics is too slow: updates are lost")
        try:
            while True:
                self._aggregate.apply(self._queue.get_nowait())
        except Empty:
            return

    def _lines(self, family: Family) -> Iterator[str]:
        description = family.description.replace("\\", "\\\\").replace("\n", "\\n")
        yield f"# HELP {family.name} {description}\n# TYPE {family.name} {family.kind}\n"
        for labels, series in sorted(family.series.items(), key=_order):
            labels += self._global_tags
            if isinstance(series, Distribution):
                for bound, count in series.cumulative():
                    yield f"{family.name}_bucket{_braces((*labels, ('le', _number(bound))))} {count}\n"
                yield f"{family.name}_sum{_braces(labels)} {_number(series.total)}\n"
                yield f"{family.name}_count{_braces(labels)} {sum(series.counts)}\n"
            else:
                yield f"{family.name}{_braces(labels)} {_number(series)}\n"


def _order(item: tuple[Labels, object]) -> tuple[int, list[str]]:
    labels = item[0]
    return len(labels), [value for _, value in labels]


def _braces(labels: Labels) -> str:
    pairs = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        return str(ip_address(host.strip("[]"))), int(port)
    except ValueError:
        raise ValueError("Invalid Prometheus address: invalid socket address syntax") from None


def _server(host: str, port: int, text: Callable[[], str]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS

        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = text().encode() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not worth a line."""

    class Server(ThreadingHTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET

        def process_request(self, request: Any, client_address: Any) -> None:
            # Whoever connects and says nothing does not keep the process.
            Thread(self.process_request_thread, (request, client_address), "corewasm-prometheus-request")

        def handle_error(self, request: Any, client_address: Any) -> None:
            report(logger, logging.DEBUG, "a scrape from %s failed", client_address, traceback_of=sys.exc_info()[1])

    return Server((host, port), Handler)


def _join_all() -> None:
    exporters = list(_open)
    for exporter in exporters:
        exporter.close()
    for exporter in exporters:
        exporter.join()


atexit.register(_join_all)


def _after_fork() -> None:
    """The ports are the parent's. Only this process's copies of the sockets are closed."""
    for exporter in list(_open):
        exporter._close_sockets()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
