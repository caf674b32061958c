"""Exit: threads are joined before the interpreter ends, and processes with busy workers and exporters end with code 0.

Here each way of ending is taken a few times; 200 times by hand, all with code 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from corewasm.telemetry.aggregate import Naming
from corewasm.telemetry.prometheus import PrometheusExporter

TESTS = Path(__file__).resolve().parent
PATH = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
TIMES = 4


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": PATH}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("how", ["beside-its-thread", "below-its-loop", "after-shutdown"])
def test_processes_with_a_busy_worker_and_an_exporter_end_well(how: str) -> None:
    for _ in range(TIMES):
        done = program("-m", "corewasm", "run", str(TESTS / "busy_worker.py"), how)
        assert done.returncode == 0, done.stderr
        assert "ends" in done.stdout.splitlines()  # beside Core's complaints


LISTED = """
import atexit, threading

def list_threads():
    print(sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("corewasm")))

atexit.register(list_threads)  # called after what is registered later
import corewasm
corewasm.install()
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
import logging

runtime = Runtime(
    telemetry=TelemetryConfig(
        logging=LoggingConfig(filter="INFO", forwarding=LogForwardingConfig(logger=logging.getLogger())),
        metrics=PrometheusConfig(bind_address="127.0.0.1:0"),
    )
)
list_threads()
"""


def test_all_threads_are_joined_before_the_interpreter_ends() -> None:
    done = program("-c", LISTED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['corewasm-io', 'corewasm-logs', 'corewasm-prometheus']", "[]"]


def test_a_closed_exporter_ends_its_thread() -> None:
    exporter = PrometheusExporter("127.0.0.1:0", Naming(), {})
    exporter.close()
    exporter.close()
    exporter.join()
    assert not [thread for thread in threading.enumerate() if thread.name == "corewasm-prometheus"]
    exporter.close()


def test_a_forked_child_does_not_keep_the_port() -> None:
    child = """
import os, socket, sys
from corewasm.telemetry.aggregate import Naming
from corewasm.telemetry.prometheus import PrometheusExporter

exporter = PrometheusExporter("127.0.0.1:0", Naming(), {})
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(writer)
    exporter.close()  # not the child's to close
    os.read(reader, 1)
    sys.exit(0)
with socket.create_connection(("127.0.0.1", exporter.port)) as scrape:
    scrape.sendall(b"GET /metrics HTTP/1.0\\r\\n\\r\\n")
    print(scrape.makefile().readline().strip())
exporter.close()
exporter.join()
try:
    socket.create_connection(("127.0.0.1", exporter.port)).close()
    print("somebody listens")
except ConnectionRefusedError:
    print("nobody listens")
os.close(writer)
print(os.waitpid(pid, 0)[1])
"""
    done = program("-c", child)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["HTTP/1.0 200 OK", "nobody listens", "0"]
