"""What `corewasm doctor` looks at."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator

import corewasm
from corewasm.abi import ABI_MAJOR
from corewasm.cli.surroundings import Finding, replacement, surroundings
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


def examine(address: str) -> list[Finding]:
    """All findings."""
    found = [Finding("corewasm", f"{corewasm.__version__}, Python {platform.python_version()} on {sys.platform}")]
    found += [_package(name, needed) for name, needed in _PACKAGES.items()]
    found += _module()
    found += [replacement(), *surroundings(), _server(address)]
    return found


def _package(name: str, needed: bool) -> Finding:
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", good=False, needed=needed)
    wanted = _wanted(name)
    if not _fits(found, wanted):
        return Finding(name, f"{found}, but corewasm needs {wanted}: pip install '{name}{wanted}'", good=False)
    return Finding(name, found)


def _wanted(name: str) -> str:
    """The versions that this package's metadata wants, e.g. ``<2,>=1.80``; empty if it says nothing."""
    try:
        lines = importlib.metadata.requires("corewasm") or []
    except importlib.metadata.PackageNotFoundError:  # from an archive: there is no metadata
        return ""
    found = (re.match(rf"{re.escape(name)}([<>=!~][^;\s]*)", line) for line in lines)
    return next((match[1] for match in found if match), "")


def _fits(version: str, wanted: str) -> bool:
    for bound in filter(None, wanted.split(",")):
        limit = _numbers(bound.lstrip("<>="))
        if (bound.startswith(">=") and _numbers(version) < limit) or (
            bound.startswith("<") and not bound.startswith("<=") and _numbers(version) >= limit
        ):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])


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
