"""What `corewasm doctor` says of packages and of a server."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import grpc
import pytest
from temporalio.api.workflowservice.v1 import GetSystemInfoResponse

from corewasm.cli import doctor
from rpc_server import rpc_server


async def server_line(address: str) -> str:
    """As the command would say it: in a thread with no event loop."""
    finding = await asyncio.to_thread(doctor._server, address)
    return f"{'good' if finding.good else 'bad'}: {finding.text}"


async def test_a_server_tells_its_version() -> None:
    async def answer(_method: str, _body: bytes, _context: Any) -> bytes:
        return GetSystemInfoResponse(server_version="1.32.0").SerializeToString()

    async with rpc_server(answer) as server:
        address = f"127.0.0.1:{server.port}"
        assert await server_line(address) == f"good: Temporal server 1.32.0 at {address}"
    assert [each.method for each in server.received] == [doctor._GET_SYSTEM_INFO]


@pytest.mark.parametrize("response", [b"", bytes(GetSystemInfoResponse(server_version="v" * 200).SerializeToString())])
async def test_a_server_may_hide_its_version(response: bytes) -> None:
    async def answer(_method: str, _body: bytes, _context: Any) -> bytes:
        return response

    async with rpc_server(answer) as server:
        assert "good: Temporal server of an unknown version" in await server_line(f"127.0.0.1:{server.port}")


async def test_nobody_listens() -> None:
    assert (await server_line("127.0.0.1:1")).startswith("bad: nothing answers at 127.0.0.1:1: ")
    assert (await server_line("nonsense")).startswith("bad: nothing answers at nonsense: ")


async def test_another_grpc_service() -> None:
    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown service")
        raise AssertionError("abort raises")

    async with rpc_server(answer) as server:
        line = await server_line(f"127.0.0.1:{server.port}")
    assert line.endswith("is no Temporal server, or wants TLS: unknown service (code 12)")


async def test_something_that_speaks_no_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_RPC_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = await server_line(f"127.0.0.1:{listener.getsockname()[1]}")
    assert line.startswith("bad: what answers at 127.0.0.1:")


def test_optional_packages_are_shown_whether_installed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._PACKAGES, "no-such-package", False)
    found = {finding.topic: finding for finding in doctor.examine("127.0.0.1:1")}
    for name in ("psutil", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-grpc"):
        assert found[name].text[0].isdigit() or found[name].text == "not installed"
    missing = found["no-such-package"]
    assert (missing.text, missing.good, missing.needed) == ("not installed", False, False)
