"""How a connection is made: TLS, keep-alive, proxy, and what the environment may not change."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from corewasm.bridge.target import transport_options
from corewasm.transport import (
    KeepAliveOptions,
    ProxyOptions,
    RpcFailure,
    TlsOptions,
    TransportOptions,
    UnaryRequest,
    make_transport,
)
from corewasm.transport.grpc_channel import channel_arguments
from rpc_server import rpc_server
from test_bridge_client import config

REQUEST = UnaryRequest("/a.Service/Method", b"hello")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A CA, a server's certificate for the name server.test, a client's certificate."""
    folder = tmp_path_factory.mktemp("pem")
    run(folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem")
    for name in ("server", "client"):
        run(folder, f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr")
        (folder / "san").write_text(f"subjectAltName=DNS:{name}.test\n")
        run(
            folder,
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out {name}.pem",
        )
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


async def unary(options: TransportOptions) -> bytes:
    transport = make_transport(options)
    try:
        return (await transport.unary(REQUEST)).body
    finally:
        await transport.close()


async def test_tls_with_own_ca_and_domain(pem: dict[str, bytes]) -> None:
    credentials = grpc.ssl_server_credentials([(pem["server.key"], pem["server.pem"])])
    async with rpc_server(credentials=credentials) as server:
        tls = TlsOptions(server_root_ca=pem["ca.pem"], domain="server.test")
        assert await unary(TransportOptions("127.0.0.1", server.port, tls=tls)) == b"hello"


async def test_tls_refuses_another_name(pem: dict[str, bytes]) -> None:
    credentials = grpc.ssl_server_credentials([(pem["server.key"], pem["server.pem"])])
    async with rpc_server(credentials=credentials) as server:
        tls = TlsOptions(server_root_ca=pem["ca.pem"], domain="other.test")
        with pytest.raises(RpcFailure) as caught:
            await unary(TransportOptions("127.0.0.1", server.port, tls=tls))
    assert (caught.value.code, caught.value.transport) == (14, True)


async def test_client_certificate(pem: dict[str, bytes]) -> None:
    credentials = grpc.ssl_server_credentials([(pem["server.key"], pem["server.pem"])], pem["ca.pem"], True)
    async with rpc_server(credentials=credentials) as server:
        good = TlsOptions(pem["ca.pem"], "server.test", pem["client.pem"], pem["client.key"])
        assert await unary(TransportOptions("127.0.0.1", server.port, tls=good)) == b"hello"
        with pytest.raises(RpcFailure):
            await unary(TransportOptions("127.0.0.1", server.port, tls=TlsOptions(pem["ca.pem"], "server.test")))


async def test_name_to_verify_apart_from_the_name_that_is_sent(pem: dict[str, bytes]) -> None:
    credentials = grpc.ssl_server_credentials([(pem["server.key"], pem["server.pem"])])
    async with rpc_server(credentials=credentials) as server:
        tls = TlsOptions(pem["ca.pem"], "sent.test", verification_server_name="server.test")
        assert await unary(TransportOptions("127.0.0.1", server.port, tls=tls)) == b"hello"
        other = TlsOptions(pem["ca.pem"], "server.test", verification_server_name="other.test")
        with pytest.raises(RpcFailure, match=r"not valid for other.test, but for \['server.test'\]"):
            await unary(TransportOptions("127.0.0.1", server.port, tls=other))


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "grpc_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    async with rpc_server() as server:
        assert await unary(TransportOptions("127.0.0.1", server.port)) == b"hello"


@asynccontextmanager
async def proxy(path: Path | None = None) -> AsyncIterator[tuple[int, list[str]]]:
    """A proxy that keeps what it was asked, and knows every name as this machine's. Gives its port, if no path."""
    asked: list[str] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await reader.read(65536)
            if not data:
                break
            writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        port = asked[-1].split()[1].rpartition(":")[2]
        upstream = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(relay(reader, upstream[1]), relay(upstream[0], writer))

    if path is not None:
        async with await asyncio.start_unix_server(connect, path):
            yield 0, asked
        return
    listener = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1], asked


@pytest.mark.parametrize("user", ["user", "us@er", "a%b", "ü"])
@pytest.mark.parametrize("password", ["secret", "a@b:c/d?e#f %41", ""])
async def test_configured_proxy_gets_connect_and_credentials(user: str, password: str) -> None:
    async with rpc_server() as server, proxy() as (port, asked):
        options = ProxyOptions(f"127.0.0.1:{port}", (user, password))
        assert await unary(TransportOptions("127.0.0.1", server.port, proxy=options)) == b"hello"
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{server.port} ")
    assert "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() in asked[0]


async def test_configured_proxy_is_used_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,*")
    async with rpc_server() as server, proxy() as (port, asked):
        options = ProxyOptions(f"127.0.0.1:{port}")
        assert await unary(TransportOptions("127.0.0.1", server.port, proxy=options)) == b"hello"
    assert len(asked) == 1


async def test_name_behind_a_proxy_is_the_proxys_to_resolve_and_ours_to_check(pem: dict[str, bytes]) -> None:
    credentials = grpc.ssl_server_credentials([(pem["server.key"], pem["server.pem"])])
    async with rpc_server(credentials=credentials) as server, proxy() as (port, asked):
        options = ProxyOptions(f"127.0.0.1:{port}")
        tls = TlsOptions(server_root_ca=pem["ca.pem"])
        assert await unary(TransportOptions("server.test", server.port, tls=tls, proxy=options)) == b"hello"
        with pytest.raises(RpcFailure):
            await unary(TransportOptions("other.test", server.port, tls=tls, proxy=options))
    assert asked[0].startswith(f"CONNECT server.test:{server.port} ")


async def test_proxy_without_credentials_gets_none() -> None:
    async with rpc_server() as server, proxy() as (port, asked):
        options = ProxyOptions(f"127.0.0.1:{port}")
        assert await unary(TransportOptions("127.0.0.1", server.port, proxy=options)) == b"hello"
    assert "authorization" not in asked[0].lower()


async def test_proxy_behind_a_unix_socket(tmp_path: Path) -> None:
    async with rpc_server() as server, proxy(tmp_path / "proxy") as (_, asked):
        options = ProxyOptions(f"unix:{tmp_path}/proxy")
        assert await unary(TransportOptions("127.0.0.1", server.port, proxy=options)) == b"hello"
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{server.port} ")


async def test_proxy_that_refuses_is_quoted() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(
            RpcFailure, match=f"connecting to a.test:1 failed: the proxy 127.0.0.1:{port} refused: .* 403"
        ):
            await unary(TransportOptions("a.test", 1, proxy=ProxyOptions(f"127.0.0.1:{port}")))


def arguments(**options: Any) -> dict[str, Any]:
    return dict(channel_arguments(TransportOptions("server.test", 7233, **options)))


def test_keep_alive_pings_while_idle() -> None:
    found = arguments(keep_alive=KeepAliveOptions(30_000, 15_000))
    assert found["grpc.keepalive_time_ms"] == 30_000
    assert found["grpc.keepalive_timeout_ms"] == 15_000
    assert found["grpc.keepalive_permit_without_calls"] == 1
    assert found["grpc.http2.max_pings_without_data"] == 0
    assert "grpc.keepalive_time_ms" not in arguments()


def test_durations_longer_than_the_library_can_tell_are_its_longest() -> None:
    long = 10**15
    found = arguments(keep_alive=KeepAliveOptions(long, long), connect_timeout_ms=long)
    for name in ("grpc.keepalive_time_ms", "grpc.keepalive_timeout_ms", "grpc.min_reconnect_backoff_ms"):
        assert found[name] == 2**31 - 1


def test_reconnects_at_least_every_5_seconds() -> None:
    assert arguments()["grpc.max_reconnect_backoff_ms"] <= 5000


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (None, 134_217_728),
        ("1000", 1000),
        ("+5", 5),
        ("0", 0),
        ("-5", 134_217_728),
        (" 5", 134_217_728),
        ("1_000", 134_217_728),
        ("many", 134_217_728),
        ("18446744073709551616", 134_217_728),
        ("4294967296", 2_147_483_647),
    ],
)
def test_limit_of_received_messages(text: str | None, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEMPORAL_MAX_INCOMING_GRPC_BYTES", raising=False)
    if text is not None:
        monkeypatch.setenv("TEMPORAL_MAX_INCOMING_GRPC_BYTES", text)
    found = dict(channel_arguments(transport_options(config(7233))))
    assert found["grpc.max_receive_message_length"] == limit
    assert found["grpc.max_send_message_length"] == -1
