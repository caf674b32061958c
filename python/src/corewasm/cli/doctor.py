"""What `corewasm doctor` looks at."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import corewasm
from corewasm.abi import ABI_MAJOR
from corewasm.transport import RpcFailure, TransportOptions, UnaryRequest, make_transport
from corewasm.vm import Instance, ModuleError, module_path, read_module, readiness

_PACKAGES = {
    "temporalio": False,
    "wasmtime": True,
    "grpcio": True,
    "protobuf": True,
    "psutil": False,
    "prometheus-client": False,
    "opentelemetry-sdk": False,
    "opentelemetry-exporter-otlp-proto-grpc": False,
    "opentelemetry-exporter-otlp-proto-http": False,
}
"""Packages, and whether nothing works without them."""

_CONNECT_SECONDS, _RPC_SECONDS = 1.0, 5.0
_GET_SYSTEM_INFO = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo"
_FIELD_1_TEXT = 0x0A


@dataclass(frozen=True)
class Finding:
    """One line of the report. What is not `needed` may be bad without harm."""

    topic: str
    text: str
    good: bool = True
    needed: bool = True


def examine(address: str) -> list[Finding]:
    """All findings."""
    found = [Finding("corewasm", f"{corewasm.__version__}, Python {platform.python_version()} on {sys.platform}")]
    found += [_package(name, needed) for name, needed in _PACKAGES.items()]
    found += _module()
    found += [_replaced(), _server(address)]
    return found


def _package(name: str, needed: bool) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", good=False, needed=needed)


def _module() -> Iterator[Finding]:
    path = module_path()
    try:
        source = read_module(path)
        yield Finding("module", f"{path}, {len(source.wasm):,} bytes, SHA-256 {source.sha256}")
        before = readiness(source)
        seconds = _timed(lambda: Instance(source).close())
        after = readiness(source)
        state = "there" if before.cached else after.cache_problem or "written now"
        kept = f"{after.cache_file} ({state})" if after.cache_file else f"not kept: {after.cache_problem}"
        yield Finding("compiled code", f"{kept}, {after.engine.value}, ready in {seconds * 1000:.0f} ms")
        with Instance(source) as instance:
            yield Finding("ABI", "{}.{}, this host speaks {}".format(*instance.abi_version, ABI_MAJOR))
    except ModuleError as error:
        yield Finding("module", str(error), good=False)


def _timed(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _replaced() -> Finding:
    name = "temporalio.bridge.temporal_sdk_bridge"
    if corewasm.installed():
        return Finding("replacement", f"{name} is replaced in this process")
    switch = os.environ.get("COREWASM")
    hint = "set COREWASM=1, use `corewasm run`, or call corewasm.install()"
    return Finding("replacement", f"{name} is not replaced (COREWASM={switch}): {hint}", good=False, needed=False)


def _server(address: str) -> Finding:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        return Finding("server", f"nothing answers at {address}: {error}", good=False, needed=False)
    try:
        version = asyncio.run(_server_version(TransportOptions(host, int(port))))
    except RpcFailure as failure:
        text = f"what answers at {address} is no Temporal server, or wants TLS: {failure.message} (code {failure.code})"
        return Finding("server", text, good=False, needed=False)
    return Finding("server", f"Temporal server {version} at {address}")


async def _server_version(options: TransportOptions) -> str:
    transport = make_transport(options)
    try:
        response = await transport.unary(UnaryRequest(_GET_SYSTEM_INFO, b"", timeout=_RPC_SECONDS))
    finally:
        await transport.close()
    return _first_text(response.body)


def _first_text(body: bytes) -> str:
    """The version is field 1, a short text, which stands first. The SDK, which has the message, may be missing."""
    if len(body) < 2 or body[0] != _FIELD_1_TEXT or body[1] > 127:
        return "of an unknown version"
    return body[2 : 2 + body[1]].decode(errors="replace")
