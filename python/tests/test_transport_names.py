"""Names and deadlines: resolved as the machine resolves them, kept by a clock that nobody sets."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corewasm.transport import RpcFailure, TransportOptions, UnaryRequest, channels, make_transport
from corewasm.transport.grpc_channel import grpc_timeout
from rpc_server import RpcServer, forever, rpc_server

REQUEST = UnaryRequest("/a.Service/Method", b"hello")


async def two_servers() -> tuple[RpcServer, RpcServer]:
    """At one port of two addresses."""
    first, second = RpcServer(), RpcServer()
    await first.start(host="127.0.0.2")
    await second.start(host="127.0.0.3", port=first.port)
    return first, second


def leads_to(name: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on."""
    real = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **options: Any) -> Any:
        if host != name:
            return real(host, *rest, **options)
        return [found for each in addresses for found in real(each, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


async def test_a_name_that_moved_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_SECONDS_BETWEEN_LOOKS", 0.0)
    first, second = await two_servers()
    addresses = ["127.0.0.2"]
    leads_to("moving.test", addresses, monkeypatch)
    transport = make_transport(TransportOptions("moving.test", first.port))
    await transport.unary(REQUEST)
    addresses[:] = ["127.0.0.3"]
    await transport.unary(REQUEST)
    assert (len(first.received), len(second.received)) == (2, 0), "a connection that is well stays"
    await first.stop()
    with pytest.raises(RpcFailure) as caught:
        await transport.unary(REQUEST)
    assert caught.value.transport
    await transport.unary(REQUEST)
    assert len(second.received) == 1
    await transport.close()
    await second.stop()


async def test_the_first_address_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rpc_server() as server:
        leads_to("two.test", ["127.0.0.9", "127.0.0.1"], monkeypatch)
        transport = make_transport(TransportOptions("two.test", server.port))
        await transport.unary(REQUEST)
        await transport.close()
    assert len(server.received) == 1


async def test_balancing_uses_all_addresses_and_those_that_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await two_servers()
    addresses = ["127.0.0.2"]
    leads_to("growing.test", addresses, monkeypatch)
    transport = make_transport(TransportOptions("growing.test", first.port, dns_resolution_interval_ms=100))
    for _ in range(4):
        await transport.unary(REQUEST)
    assert (len(first.received), len(second.received)) == (4, 0)
    addresses.append("127.0.0.3")
    while not second.received:
        await transport.unary(REQUEST)
    del addresses[0]
    while True:
        before = len(first.received)
        await asyncio.gather(*(transport.unary(REQUEST) for _ in range(4)))
        if len(first.received) == before:
            break
    await transport.close()
    await first.stop()
    await second.stop()


async def test_balancing_goes_past_an_address_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await two_servers()
    leads_to("both.test", ["127.0.0.2", "127.0.0.3"], monkeypatch)
    transport = make_transport(TransportOptions("both.test", first.port, dns_resolution_interval_ms=100_000))
    await second.stop()
    failures = 0
    for _ in range(20):
        try:
            await transport.unary(REQUEST)
        except RpcFailure:
            failures += 1
    assert len(first.received) >= 15
    await transport.close()
    await first.stop()


@pytest.mark.parametrize("interval", [None, 1000])
async def test_a_name_that_leads_nowhere_is_told(interval: int | None) -> None:
    transport = make_transport(TransportOptions("nowhere.invalid", 1, dns_resolution_interval_ms=interval))
    with pytest.raises(RpcFailure, match=r"nowhere\.invalid") as caught:
        await transport.unary(REQUEST)
    assert (caught.value.code, caught.value.transport) == (14, True)
    await transport.close()


async def test_a_resolver_that_never_answers_does_not_outlast_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait_for_ever(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(channels, "open_tcp", wait_for_ever)
    transport = make_transport(TransportOptions("slow.test", 1))
    with pytest.raises(RpcFailure, match="Timeout expired"):
        await transport.unary(UnaryRequest("/a.Service/Method", b"", timeout=0.05))
    await transport.close()


@pytest.mark.parametrize("now", [0.0, 4e9])
async def test_a_clock_that_was_set_does_not_move_deadlines(now: float, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rpc_server() as server:
        transport = make_transport(TransportOptions("127.0.0.1", server.port))
        monkeypatch.setattr(time, "time", lambda: now)
        await transport.unary(UnaryRequest("/a.Service/Method", b"hello", timeout=20.0))
        server.answer = forever
        with pytest.raises(RpcFailure, match="Timeout expired"):
            await transport.unary(UnaryRequest("/a.Service/Method", b"hello", timeout=0.05))
        await transport.close()


SECONDS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1, "M": 60, "H": 3600}


@given(st.floats(min_value=0, max_value=1e15))
def test_the_servers_deadline_is_not_before_ours(seconds: float) -> None:
    text = grpc_timeout(seconds)
    assert 1 <= len(text[:-1]) <= 8
    told = int(text[:-1]) * SECONDS[text[-1]]
    assert told >= min(seconds, 99_999_999 * 3600) * (1 - 1e-9)
    assert told <= seconds * 1.01 + 1e-9 or text == "99999999H"
