"""Names and deadlines: resolved as the machine resolves them, kept by a clock that nobody sets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corewasm.transport import RpcFailure, TransportOptions, UnaryRequest, channels, make_transport, names
from corewasm.transport.grpc_channel import grpc_timeout, target_of
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

    def resolve(host: Any, *rest: Any) -> Any:
        if host != name:
            return real(host, *rest)
        return [found for each in addresses for found in real(each, *rest)]

    monkeypatch.setattr(names, "_getaddrinfo", resolve)


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


async def test_addresses_of_both_families_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rpc_server() as server:
        leads_to("mixed.test", ["::1", "127.0.0.1"], monkeypatch)
        transport = make_transport(TransportOptions("mixed.test", server.port))
        await transport.unary(REQUEST)
        await transport.close()
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("addresses", "target"),
    [
        (["1.2.3.4:5"], "ipv4:1.2.3.4:5"),
        (["1.2.3.4:5", "2.3.4.5:5"], "ipv4:1.2.3.4:5,2.3.4.5:5"),
        (["[::1]:5", "1.2.3.4:5"], "ipv6:[::1]:5,[::ffff:1.2.3.4]:5"),
        (["[fe80::1%2]:5"], "ipv6:[fe80::1%252]:5"),
    ],
)
def test_what_the_library_is_told_to_connect_to(addresses: list[str], target: str) -> None:
    assert target_of(addresses) == target


async def test_rpcs_on_an_address_that_is_gone_from_the_name_end_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await two_servers()
    addresses = ["127.0.0.2"]
    leads_to("leaving.test", addresses, monkeypatch)
    begun, go = asyncio.Event(), asyncio.Event()

    async def answer_later(_method: str, body: bytes, _context: Any) -> bytes:
        begun.set()
        await go.wait()
        return body

    first.answer = answer_later
    transport = make_transport(TransportOptions("leaving.test", first.port, dns_resolution_interval_ms=10))
    poll = asyncio.ensure_future(transport.unary(REQUEST))
    await begun.wait()
    addresses[:] = ["127.0.0.3"]
    while not second.received:
        with contextlib.suppress(RpcFailure):
            await transport.unary(UnaryRequest("/a.Service/Method", b"", timeout=0.1))
    go.set()
    assert (await poll).body == b"hello"
    await transport.close()
    await first.stop()
    await second.stop()


async def test_balancing_waits_for_no_address_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = socket.create_server(("127.0.0.3", 0))  # connects and never says a word
    server = RpcServer()
    await server.start(host="127.0.0.2", port=silent.getsockname()[1])
    leads_to("half.test", ["127.0.0.2", "127.0.0.3"], monkeypatch)
    transport = make_transport(TransportOptions("half.test", server.port, dns_resolution_interval_ms=100_000))
    await transport.unary(REQUEST)
    for _ in range(10):
        await transport.unary(UnaryRequest("/a.Service/Method", b"", timeout=10.0))
    assert len(server.received) == 11
    await transport.close()
    await server.stop()
    silent.close()


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


async def test_a_resolver_that_never_answers_does_not_outlast_deadlines_nor_take_more_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = threading.Event()
    lookups: list[str] = []

    def resolve(host: str, *_: Any) -> Any:
        lookups.append(host)
        answer.wait(20)
        raise OSError("no answer")

    monkeypatch.setattr(names, "_getaddrinfo", resolve)
    transport = make_transport(TransportOptions("slow.test", 1))
    for _ in range(3):
        with pytest.raises(RpcFailure, match="Timeout expired"):
            await transport.unary(UnaryRequest("/a.Service/Method", b"", timeout=0.05))
    assert lookups == ["slow.test"]
    answer.set()
    await transport.close()


async def test_what_was_found_holds_while_the_resolver_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(channels, "_LOOK_SECONDS", 0.01)
    silent = threading.Event()
    async with rpc_server() as server:
        leads_to("well.test", ["127.0.0.1"], monkeypatch)
        transport = make_transport(TransportOptions("well.test", server.port))
        await transport.unary(REQUEST)
        monkeypatch.setattr(names, "_getaddrinfo", lambda *_: silent.wait(20))
        transport._channels.failed()  # type: ignore[attr-defined]
        assert (await transport.unary(REQUEST)).body == b"hello"
        silent.set()
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
