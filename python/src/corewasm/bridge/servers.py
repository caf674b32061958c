"""Servers for tests and development, as child processes (spec 13)."""

from __future__ import annotations

import asyncio
import atexit
import socket
import subprocess
import time
import weakref
from pathlib import Path

from corewasm.bridge.config import read, read_optional
from corewasm.bridge.runtime import RuntimeRef
from corewasm.transport import TransportOptions, UnaryRequest
from corewasm.transport.api import RpcFailure
from corewasm.transport.grpc_channel import GrpcTransport

_PROBE_SECONDS = 0.1
_DEFAULT_STARTUP_MS = 5000
_GET_SYSTEM_INFO = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo"
_DEV_SERVER_SWITCHES = (
    "frontend.enableServerVersionCheck=false",
    "frontend.enableUpdateWorkflowExecution=true",
    "frontend.enableUpdateWorkflowExecutionAsyncAccepted=true",
)


class EphemeralServerRef:
    """A server that lives no longer than this process."""

    def __init__(self, process: subprocess.Popen[bytes], target: str, has_test_service: bool, name: str) -> None:
        self._process: subprocess.Popen[bytes] | None = process
        self._target = target
        self._has_test_service = has_test_service
        self._name = name
        _servers.add(self)

    @property
    def target(self) -> str:
        """Its address, ip:port."""
        self._running()
        return self._target

    @property
    def has_test_service(self) -> bool:
        """Whether it can skip time."""
        self._running()
        return self._has_test_service

    def shutdown(self) -> asyncio.Future[tuple[()]]:
        """Ends it."""
        return asyncio.ensure_future(self._shutdown())

    async def _shutdown(self) -> tuple[()]:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await asyncio.get_running_loop().run_in_executor(None, process.wait)
        return ()

    def kill(self) -> None:
        """Ends it without waiting."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _running(self) -> None:
        if self._process is None:
            raise RuntimeError("Server shutdown")

    def __del__(self) -> None:
        if getattr(self, "_process", None) is not None:
            self.kill()


_servers: weakref.WeakSet[EphemeralServerRef] = weakref.WeakSet()


def start_dev_server(runtime: RuntimeRef, config: object) -> asyncio.Future[EphemeralServerRef]:
    """The Temporal CLI's development server."""
    asyncio.get_running_loop()
    return asyncio.ensure_future(_started(config, has_test_service=False))


def start_test_server(runtime: RuntimeRef, config: object) -> asyncio.Future[EphemeralServerRef]:
    """The test server that can skip time."""
    asyncio.get_running_loop()
    return asyncio.ensure_future(_started(config, has_test_service=True))


def _dev_server_arguments(config: object, ip: str, port: int) -> list[str]:
    arguments = ["server", "start-dev", "--port", str(port), "--namespace", read(config, "namespace", str), "--ip", ip]
    arguments += ["--log-format", read(config, "log_format", str), "--log-level", read(config, "log_level", str)]
    for switch in _DEV_SERVER_SWITCHES:
        arguments += ["--dynamic-config-value", switch]
    database = read_optional(config, "database_filename", str)
    if database is not None:
        arguments += ["--db-filename", database]
    ui_port = read_optional(config, "ui_port", int)
    if ui_port is not None or read(config, "ui", bool):
        arguments += ["--ui-port", str(ui_port if ui_port is not None else port + 1000)]
    else:
        arguments += ["--headless"]
    return arguments + list(read(config, "extra_args", list))


def _test_server_arguments(config: object, _ip: str, port: int) -> list[str]:
    return [str(port), *read(config, "extra_args", list)]


async def _started(config: object, *, has_test_service: bool) -> EphemeralServerRef:
    name = "test server" if has_test_service else "Temporal dev server"
    ip = read(config, "ip", str, "127.0.0.1")
    port = read_optional(config, "port", int) or _free_port(ip)
    build = _test_server_arguments if has_test_service else _dev_server_arguments
    try:
        command = [str(_executable(config)), *build(config, ip, port)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: ASYNC220
        server = EphemeralServerRef(process, f"{ip}:{port}", has_test_service, name)
        await _wait_until_ready(server, process, ip, port, _startup_seconds(config))
    except (OSError, StartupFailed) as error:
        raise RuntimeError(f"Failed starting {name}: {error}") from None
    return server


class StartupFailed(Exception):
    """The server cannot be started, or does not answer in time."""


def _startup_seconds(config: object) -> float:
    return (read_optional(config, "startup_timeout_ms", int) or _DEFAULT_STARTUP_MS) / 1000


def _executable(config: object) -> Path:
    existing = read_optional(config, "existing_path", str)
    if existing is None:
        raise StartupFailed(
            "downloading servers is not part of this version of corewasm: give the path of an existing one"
        )
    if not Path(existing).is_file():
        raise StartupFailed(f"there is no executable {existing}")
    return Path(existing)


async def _wait_until_ready(
    server: EphemeralServerRef, process: subprocess.Popen[bytes], ip: str, port: int, seconds: float
) -> None:
    transport = GrpcTransport(TransportOptions(ip, port))
    deadline = time.monotonic() + seconds
    last = "no attempt was made"
    try:
        while (left := deadline - time.monotonic()) > 0:
            if process.poll() is not None:
                raise StartupFailed(f"it ended at once with exit code {process.returncode}")
            try:
                await transport.unary(UnaryRequest(_GET_SYSTEM_INFO, b"", timeout=left))
                return
            except RpcFailure as error:
                last = error.message
            await asyncio.sleep(_PROBE_SECONDS)
        server.kill()
        raise StartupFailed(f"it did not answer within {seconds:g} s, last error: {last}")
    finally:
        await transport.close()


def _free_port(ip: str) -> int:
    """A port that was just free.

    A connection closed on the server's side keeps it from being given out again at once.
    """
    with socket.socket() as listener:
        listener.bind((ip, 0))
        listener.listen(1)
        port = int(listener.getsockname()[1])
        with socket.socket() as client:
            client.connect((ip, port))
            accepted, _ = listener.accept()
            accepted.close()
    return port


def _kill_all() -> None:
    for server in list(_servers):
        server.kill()


atexit.register(_kill_all)
