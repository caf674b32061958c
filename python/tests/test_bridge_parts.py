"""Parts of the bridge by themselves: which way metrics take, samples of the machine, servers as child processes."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corewasm import bridge
from corewasm.bridge import machine_load, resources
from corewasm.bridge.exporters import choose_metrics
from corewasm.bridge.machine_load import MachineLoad
from corewasm.telemetry.buffered import MetricBuffer
from corewasm.telemetry.prometheus import PrometheusExporter
from fake_core import FakeCore, driver_of

PROMETHEUS = SimpleNamespace(
    bind_address="127.0.0.1:0", counters_total_suffix=False, unit_suffix=False, durations_as_seconds=False
)


def metrics(**changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "opentelemetry": None,
        "prometheus": None,
        "buffered_with_size": 0,
        "attach_service_name": True,
        "global_tags": None,
        "metric_prefix": None,
    }
    return SimpleNamespace(**{**values, **changes})


def test_metrics_off_and_buffered() -> None:
    assert choose_metrics(None) is None
    chosen = choose_metrics(metrics(buffered_with_size=5, metric_prefix="x_"))
    assert chosen is not None
    assert isinstance(chosen.buffer, MetricBuffer)
    assert (chosen.measurements, chosen.exporter, chosen.prefix) == (chosen.buffer, None, "x_")
    chosen.close()


def test_metrics_to_prometheus() -> None:
    chosen = choose_metrics(metrics(prometheus=PROMETHEUS, attach_service_name=False))
    assert chosen is not None
    assert isinstance(chosen.exporter, PrometheusExporter)
    assert (chosen.measurements, chosen.buffer, chosen.prefix) == (chosen.exporter, None, "temporal_")
    chosen.close()
    chosen.exporter.join()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (metrics(), "Either OpenTelemetry or Prometheus config must be provided"),
        (metrics(opentelemetry=object(), prometheus=PROMETHEUS), "Cannot have OpenTelemetry and Prometheus metrics"),
        (
            metrics(buffered_with_size=1, prometheus=PROMETHEUS),
            "Cannot have buffer size with OpenTelemetry or Prometheus metric config",
        ),
    ],
)
def test_metrics_both_ways_or_none(config: SimpleNamespace, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        choose_metrics(config)


class Owner:
    """Whose slots depend on the samples."""


def test_the_machine_is_sampled_as_long_as_the_owner_lives() -> None:
    sampled = threading.Semaphore(0)

    def script(each: Any) -> tuple[()]:
        if each.WhichOneof("kind") == "resource_sample":
            sampled.release()
        return ()

    core = FakeCore(script)
    driver = driver_of(core)
    driver.lease(core)
    owner = Owner()
    resources.sample_resources(driver, owner)
    for _ in range(3):
        assert sampled.acquire(timeout=20)
    for sample in core.inputs("resource_sample"):
        assert 0 < sample.memory_usage < 1
        assert 0 <= sample.cpu_usage <= 1
    del owner
    gc.collect()
    looked = threading.Event()  # the next look at the owner is the last: nothing is scheduled after it
    driver.io.post(lambda: driver.io.loop.call_later(0.25, looked.set))
    assert looked.wait(20)
    while sampled.acquire(blocking=False):
        pass
    looked.clear()
    driver.io.post(lambda: driver.io.loop.call_later(0.25, looked.set))
    assert looked.wait(20)
    assert not sampled.acquire(blocking=False)


def test_only_other_systems_than_linux_need_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_load, "psutil", None)
    MachineLoad(linux=True)
    with pytest.raises(RuntimeError, match=r"pip install 'corewasm\[psutil\]'"):
        MachineLoad(linux=False)


SERVER = f"""#!{sys.executable}
import grpc, sys, threading
from concurrent.futures import ThreadPoolExecutor

class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda body, context: b"")

arguments = sys.argv[1:]
port = arguments[arguments.index("--port") + 1] if "--port" in arguments else arguments[0]
open(__file__ + ".args", "w").write(" ".join(arguments))
server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
server.add_insecure_port(f"127.0.0.1:{{port}}")
server.start()
threading.Event().wait()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "server"
    path.write_text(SERVER)
    path.chmod(0o755)
    return path


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def arguments_of(path: Path) -> str:
    return Path(f"{path}.args").read_text()


def dev_server(path: Path, **changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "existing_path": str(path),
        "namespace": "ns",
        "ip": "127.0.0.1",
        "port": free_port(),
        "database_filename": None,
        "ui": False,
        "ui_port": None,
        "log_format": "pretty",
        "log_level": "warn",
        "extra_args": ["--extra"],
        "startup_timeout_ms": 30_000,
    }
    return SimpleNamespace(**{**values, **changes})


RUNTIME: Any = None  # is not looked at


async def test_a_dev_server_is_started_with_the_official_arguments_and_shut_down(program: Path) -> None:
    server = await bridge.start_dev_server(RUNTIME, dev_server(program))
    port = server.target.rpartition(":")[2]
    assert not server.has_test_service
    arguments = arguments_of(program)
    assert arguments.startswith(f"server start-dev --port {port} --namespace ns --ip 127.0.0.1 --log-format pretty")
    assert arguments.endswith("--headless --extra")
    await server.shutdown()
    with pytest.raises(RuntimeError, match="Server shutdown"):
        _ = server.target
    with pytest.raises(OSError, match="refused|Connect"):
        await asyncio.open_connection("127.0.0.1", int(port))


async def test_a_test_server_can_skip_time(program: Path) -> None:
    server = await bridge.start_test_server(RUNTIME, dev_server(program))
    assert server.has_test_service
    assert arguments_of(program) == server.target.rpartition(":")[2] + " --extra"
    await server.shutdown()


async def test_a_server_that_ends_at_once_or_is_not_there(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 4\n")
    broken.chmod(0o755)
    with pytest.raises(RuntimeError, match="Failed starting Temporal dev server: it ended at once with exit code 4"):
        await bridge.start_dev_server(RUNTIME, dev_server(broken))
    with pytest.raises(RuntimeError, match="Failed starting test server: there is no executable"):
        await bridge.start_test_server(RUNTIME, dev_server(tmp_path / "none"))
