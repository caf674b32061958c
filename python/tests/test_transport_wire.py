"""What the default transport puts on the wire, and whose fault it calls what comes back (spec 10.2)."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import grpc.aio
import pytest

from corewasm.transport import RpcFailure, TransportOptions, UnaryRequest, grpc_channel, make_transport
from raw_http2 import Http2Server, React, Stream, http2_server

URI = "/a.Service/Method"


async def failure_of(react: React, request: UnaryRequest | None = None) -> tuple[RpcFailure, Http2Server]:
    async with http2_server(react) as server:
        transport = make_transport(TransportOptions("127.0.0.1", server.port))
        with pytest.raises(RpcFailure) as caught:
            await transport.unary(request or UnaryRequest(URI, b"body", timeout=10))
        await transport.close()
    return caught.value, server


def status(code: int, message: str) -> React:
    text = message.encode()
    return lambda stream: stream.headers((b"grpc-status", b"%d" % code), (b"grpc-message", text), end=True)


@pytest.mark.parametrize("compressed", [True, False])
async def test_gzip_is_on_the_wire_when_asked_for(compressed: bool) -> None:
    body = b"x" * 10_000
    _, server = await failure_of(status(5, "no"), UnaryRequest(URI, body, gzip=compressed))
    (stream,) = server.streams
    flag, sent = stream.body[0], stream.body[5:]
    assert (flag, len(sent) < 1000) == (compressed, compressed)
    assert (gzip.decompress(sent) if compressed else sent) == body


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (lambda stream: stream.cut(), 14),
        (lambda stream: stream.writer.close(), 14),
        (lambda stream: stream.go_away(0, b"bye"), 14),
        (lambda stream: stream.go_away(11, b"too_many_pings"), 14),
        (lambda stream: stream.reset(7), 14),
        (lambda stream: stream.reset(8), 1),
    ],
    ids=["cut", "closed", "going away", "enhance your calm", "stream refused", "stream cancelled"],
)
async def test_lost_connection_is_the_transports_fault_and_nothing_is_sent_again(
    lose: Callable[[Stream], None], code: int
) -> None:
    error, server = await failure_of(lose)
    assert (error.code, error.transport) == (code, True)
    assert len(server.streams) == 1


@pytest.mark.parametrize("code", [14, 1, 2])
@pytest.mark.parametrize(
    "message",
    [
        "",
        "tcp dns transport keepalive handshake endpoint",
        "upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
        "shard ownership lost: socket closed by its owner",
        "persistence: dial tcp 10.0.0.1:9042: connection refused",
        "history service: failed to connect to all addresses; last error: UNKNOWN",
    ],
)
async def test_status_without_trailing_metadata_is_the_servers_whatever_its_text(code: int, message: str) -> None:
    error, _ = await failure_of(status(code, message))
    assert (error.code, error.message, error.transport) == (code, message, False)


async def test_other_http_answers_are_no_lost_connection() -> None:
    error, _ = await failure_of(lambda stream: stream.headers((b"x", b"y"), end=True))
    assert (error.code, error.transport) == (2, False)


@pytest.mark.parametrize(
    "text",
    [
        "Stream removed (Transport closed (Socket closed (GOAWAY received; Error code: 2; Debug Text: Cancelled)))",
        "Stream removed (recvmsg:Connection reset by peer)",
        "Transport destroyed",
        "Stream removed (Endpoint read failed (Socket closed))",
        "Last stream closed after sending GOAWAY",
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.2:1: Connection refused",
    ],
)
def test_what_the_library_calls_a_lost_connection(text: str) -> None:
    nothing = grpc.aio.Metadata()
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, text, None)
    assert grpc_channel.failure_of(error, 1).transport
    error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, f"no: {text}", None)
    assert not grpc_channel.failure_of(error, 1).transport


async def test_name_that_does_not_exist_is_the_transports_fault() -> None:
    transport = make_transport(TransportOptions("no.such.host.invalid", 1))
    with pytest.raises(RpcFailure) as caught:
        await transport.unary(UnaryRequest(URI, b""))
    await transport.close()
    assert (caught.value.code, caught.value.transport) == (14, True)


async def test_two_clients_of_a_server_do_not_share_a_connection() -> None:
    async with http2_server(status(5, "no")) as server:
        transports = [make_transport(TransportOptions("127.0.0.1", server.port)) for _ in range(2)]
        for transport in (*transports, *transports):
            with pytest.raises(RpcFailure):
                await transport.unary(UnaryRequest(URI, b""))
        assert (server.connections, len(server.streams)) == (2, 4)
        for transport in transports:
            await transport.close()
