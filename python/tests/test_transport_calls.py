"""One RPC over the default transport: what goes out, what comes back, and how each kind of failure looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from corewasm.transport import RpcFailure, Transport, TransportOptions, UnaryRequest, make_transport
from rpc_server import Answer, RpcServer, echo, forever, rpc_server

URI = "/a.Service/Method"


@asynccontextmanager
async def connected(answer: Answer = echo, **options: Any) -> AsyncIterator[tuple[Transport, RpcServer]]:
    async with rpc_server(answer) as server:
        transport = make_transport(TransportOptions("127.0.0.1", server.port, **options))
        try:
            yield transport, server
        finally:
            await transport.close()


async def failure(transport: Transport, request: UnaryRequest) -> RpcFailure:
    with pytest.raises(RpcFailure) as caught:
        await transport.unary(request)
    return caught.value


async def test_bytes_metadata_and_deadline_go_out_as_they_are() -> None:
    metadata = [("client-name", b"tester"), ("token-bin", b"\x00\xff")]
    async with connected() as (transport, server):
        response = await transport.unary(UnaryRequest(URI, b"\x00body", metadata, timeout=25))
    assert response.body == b"\x00body"
    (received,) = server.received
    assert received.method == URI
    assert received.metadata["client-name"] == "tester"
    assert received.metadata["token-bin"] == b"\x00\xff"
    assert 20 < received.time_remaining <= 26


async def test_initial_metadata_comes_back() -> None:
    async def answer(_method: str, body: bytes, context: Any) -> bytes:
        await context.send_initial_metadata((("answer", "yes"),))
        return body

    async with connected(answer) as (transport, _):
        response = await transport.unary(UnaryRequest(URI, b""))
    assert ("answer", b"yes") in response.metadata


async def test_status_with_details_and_metadata() -> None:
    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        trailing = (("grpc-status-details-bin", b"\x08\x05"), ("hint", "h"))
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing", trailing)
        return b""

    async with connected(answer) as (transport, _):
        error = await failure(transport, UnaryRequest(URI, b""))
    assert (error.code, error.message, error.details, error.transport) == (5, "no such thing", b"\x08\x05", False)
    assert ("hint", b"h") in error.metadata


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN])
async def test_answers_of_a_server_are_not_the_connections_fault(status: grpc.StatusCode) -> None:
    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(status, "shard is moving")
        return b""

    async with connected(answer) as (transport, _):
        error = await failure(transport, UnaryRequest(URI, b""))
    assert (error.code, error.transport) == (status.value[0], False)


async def test_local_deadline_is_cancelled_timeout_expired() -> None:
    async with connected(forever) as (transport, _):
        error = await failure(transport, UnaryRequest(URI, b"", timeout=0.05))
    assert (error.code, error.message, error.transport) == (1, "Timeout expired", False)


async def test_deadline_exceeded_of_a_server_stays_what_it_is() -> None:
    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "query took too long")
        return b""

    async with connected(answer) as (transport, _):
        error = await failure(transport, UnaryRequest(URI, b""))
    assert (error.code, error.message) == (4, "query took too long")


async def test_refused_connection_is_the_transports_fault() -> None:
    async with rpc_server() as server:
        port = server.port
    transport = make_transport(TransportOptions("127.0.0.1", port))
    error = await failure(transport, UnaryRequest(URI, b""))
    await transport.close()
    assert (error.code, error.transport) == (14, True)


async def test_unavailable_is_not_retried_by_the_library() -> None:
    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        return b""

    async with connected(answer) as (transport, server):
        await failure(transport, UnaryRequest(URI, b""))
    assert len(server.received) == 1


async def test_answers_over_grpcs_default_of_4_mib_arrive() -> None:
    body = b"x" * 9_000_000
    async with connected() as (transport, _):
        assert (await transport.unary(UnaryRequest(URI, body))).body == body


@pytest.mark.parametrize("limit", [1000, 0])
async def test_answers_over_the_limit_fail_as_those_of_native_do(limit: int) -> None:
    async with connected(max_receive_bytes=limit) as (transport, _):
        error = await failure(transport, UnaryRequest(URI, b"x" * 5000))
    text = f"Error, decoded message length too large: found 5000 bytes, the limit is: {limit} bytes"
    assert (error.code, error.message, error.transport) == (11, text, False)


async def test_limit_that_no_integer_of_the_library_holds() -> None:
    async with connected(max_receive_bytes=3 << 30) as (transport, _):
        assert (await transport.unary(UnaryRequest(URI, b"body"))).body == b"body"


async def test_what_a_server_says_of_a_large_request_stays_what_it_is() -> None:
    text = "grpc: received message larger than max (5000 vs. 1000)"

    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        return b""

    async with connected(answer, max_receive_bytes=1000) as (transport, _):
        error = await failure(transport, UnaryRequest(URI, b""))
    assert (error.code, error.message) == (8, text)


async def test_status_details_larger_than_grpcs_default_header_limit() -> None:
    details = bytes(20_000)

    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "much to say", (("grpc-status-details-bin", details),))
        return b""

    async with connected(answer) as (transport, _):
        assert (await failure(transport, UnaryRequest(URI, b""))).details == details


async def test_cancelling_the_call_cancels_the_rpc() -> None:
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(_method: str, _body: bytes, _context: Any) -> bytes:
        reached.set()
        try:
            return await forever("", b"", None)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with connected(answer) as (transport, _):
        call = asyncio.ensure_future(transport.unary(UnaryRequest(URI, b"")))
        await reached.wait()
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 10)
        assert call.cancelled()


async def test_server_that_comes_back_is_found_again() -> None:
    async with connected() as (transport, server):
        await transport.unary(UnaryRequest(URI, b""))
        port = server.port
        await server.stop()
        await failure(transport, UnaryRequest(URI, b""))
        await server.start(port=port)
        begun = asyncio.get_running_loop().time()
        while not await answers(transport):
            assert asyncio.get_running_loop().time() - begun < 10, "back-off is longer than 5 s"


async def answers(transport: Transport) -> bool:
    try:
        return (await transport.unary(UnaryRequest(URI, b"", timeout=1))).body == b""
    except RpcFailure:
        return False


async def test_a_header_that_the_library_does_not_send_is_named_and_not_tried_again() -> None:
    async with rpc_server() as server:
        transport = make_transport(TransportOptions("127.0.0.1", server.port))
        with pytest.raises(
            RpcFailure, match="visible ASCII only in headers: user of /a.Service/Method has more"
        ) as caught:
            await transport.unary(UnaryRequest("/a.Service/Method", b"", [("good", b"x"), ("user", "ü".encode())]))
        await transport.close()
    assert (caught.value.code, caught.value.transport) == (3, False)


async def test_headers_that_http_2_forbids_stay_here_and_a_deadline_of_a_users_own_goes_out() -> None:
    async with connected() as (transport, server):
        metadata = [("connection", b"close"), ("upgrade", b"h3"), ("grpc-timeout", b"9S"), ("x-a", b"b")]
        await transport.unary(UnaryRequest("/a.Service/Method", b"", metadata=metadata))
    (received,) = server.received
    assert {"connection", "upgrade"}.isdisjoint(received.metadata)
    assert received.metadata["x-a"] == "b"
    assert 8 < received.time_remaining <= 9
