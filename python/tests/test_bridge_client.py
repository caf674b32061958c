"""Clients on core.wasm against a server in this process: what the SDK can see of them."""

from __future__ import annotations

import asyncio
import gc
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from corewasm import bridge
from rpc_server import RpcServer, forever, rpc_server

OPTIONS = SimpleNamespace(
    telemetry=SimpleNamespace(logging=None, metrics=None),
    worker_heartbeat_interval_millis=None,
    disable_environment_info=False,
)
DESCRIBE = "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace"


def config(port: int, **changes: Any) -> SimpleNamespace:
    values: dict[str, Any] = {
        "target_url": f"http://127.0.0.1:{port}",
        "metadata": {},
        "api_key": None,
        "identity": "tester",
        "tls_config": None,
        "retry_config": None,
        "keep_alive_config": None,
        "client_name": "temporal-python",
        "client_version": "1.35.0",
        "http_connect_proxy_config": None,
        "dns_load_balancing_config": None,
        "grpc_compression": "gzip",
        "payloads_warn_size": 0,
        "memo_warn_size": 0,
    }
    return SimpleNamespace(**{**values, **changes})


def call(rpc: str = "describe_namespace", **changes: Any) -> SimpleNamespace:
    # DescribeNamespaceRequest(namespace="ns")
    values: dict[str, Any] = {"rpc": rpc, "req": b"\n\x02ns", "retry": False, "metadata": {}, "timeout_millis": None}
    return SimpleNamespace(**{**values, **changes})


@asynccontextmanager
async def connected(answer: Any = None, **changes: Any) -> AsyncIterator[tuple[bridge.ClientRef, RpcServer]]:
    async def reply(method: str, body: bytes, context: Any) -> bytes:
        if method.endswith("GetSystemInfo") or answer is None:
            return b""
        return bytes(await answer(method, body, context))

    async with rpc_server(reply) as server:
        client = await bridge.connect_client(bridge.init_runtime(OPTIONS), config(server.port, **changes))
        server.received.clear()
        yield client, server


async def test_request_and_answer_pass_through() -> None:
    async def answer(_method: str, body: bytes, _context: Any) -> bytes:
        return body

    async with connected(answer) as (client, server):
        assert await client.call_workflow_service(call()) == b"\n\x02ns"
    assert server.received[0].method == DESCRIBE


async def test_headers() -> None:
    metadata = {"custom": "a", "both": "configured", "raw-bin": b"\x00"}
    async with connected(metadata=metadata, api_key="secret") as (client, server):
        await client.call_workflow_service(call(metadata={"both": "called", "other-bin": b"\x01"}))
    sent = server.received[0].metadata
    assert sent["client-name"] == "temporal-python"
    assert sent["client-version"] == "1.35.0"
    assert sent["authorization"] == "Bearer secret"
    assert sent["temporal-namespace"] == "ns"
    assert (sent["custom"], sent["both"]) == ("a", "called")
    assert (sent["raw-bin"], sent["other-bin"]) == (b"\x00", b"\x01")


async def test_a_bad_header_of_bytes_comes_to_light_when_those_of_text_are_replaced() -> None:
    async with connected(metadata={"text": "old", "kept-bin": b"\x00"}) as (client, server):
        with pytest.raises(ValueError, match="Invalid binary header key 'bad': invalid gRPC metadata key name"):
            client.update_metadata({"text": "new", "bad": b"\x01"})
        await client.call_workflow_service(call())
    sent = server.received[0].metadata
    assert (sent["text"], sent["kept-bin"]) == ("new", b"\x00")


async def test_headers_and_key_can_be_replaced() -> None:
    async with connected(metadata={"old": "1"}, api_key="secret") as (client, server):
        client.update_metadata({"new": "2"})
        client.update_api_key(None)
        await client.call_workflow_service(call())
        with pytest.raises(ValueError, match="Invalid ASCII header key 'A B': invalid gRPC metadata key name"):
            client.update_metadata({"A B": "3"})
        await client.call_workflow_service(call())
    for received in server.received:
        assert received.metadata["new"] == "2"
        assert "old" not in received.metadata
        assert "authorization" not in received.metadata


async def test_status_becomes_rpc_error_with_three_arguments() -> None:
    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such", (("grpc-status-details-bin", b"\x08\x05"),))
        return b""

    async with connected(answer) as (client, _):
        with pytest.raises(bridge.RPCError) as caught:
            await client.call_workflow_service(call())
    assert caught.value.args == (5, "no such", b"\x08\x05")


async def test_own_timeout_is_cancelled() -> None:
    async with connected(forever) as (client, server):
        with pytest.raises(bridge.RPCError) as caught:
            await client.call_workflow_service(call(timeout_millis=50))
    assert caught.value.args == (1, "Timeout expired", b"")
    assert server.received[0].time_remaining <= 0.1


async def test_default_timeout_is_30_seconds() -> None:
    async with connected() as (client, server):
        await client.call_workflow_service(call())
    assert 25 < server.received[0].time_remaining <= 31


async def test_retried_when_asked_for() -> None:
    failures = iter([True, True, False])

    async def answer(_method: str, _body: bytes, context: Any) -> bytes:
        if next(failures):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return b"done"

    async with connected(answer) as (client, server):
        with pytest.raises(bridge.RPCError):
            await client.call_workflow_service(call())
        assert await client.call_workflow_service(call(retry=True)) == b"done"
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rpc": "no_such_rpc"}, "Unknown RPC call no_such_rpc"),
        ({"metadata": {"k-bin": "text"}}, "Invalid metadata value for binary key k-bin: expected bytes"),
        ({"metadata": {"k": b"raw"}}, "Invalid metadata value for ASCII key k: expected str"),
        ({"metadata": {"k k": "v"}}, "Invalid metadata key: "),
        ({"metadata": {"k": "a\nb"}}, "Invalid metadata value: "),
    ],
)
async def test_errors_of_one_call_come_out_of_its_future(changes: dict[str, Any], message: str) -> None:
    async with connected() as (client, _):
        future = client.call_workflow_service(call(**changes))
        with pytest.raises(ValueError, match=message):
            await future


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_url": "localhost:7233"}, "invalid target URL"),
        ({"grpc_compression": "brotli"}, "invalid grpc_compression: brotli"),
    ],
)
async def test_wrong_configuration_is_refused_at_once(changes: dict[str, Any], message: str) -> None:
    runtime = bridge.init_runtime(OPTIONS)
    with pytest.raises(ValueError, match=message):
        bridge.connect_client(runtime, config(1, **changes))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"A B": "v"}, "key 'A B': invalid gRPC metadata key name"),
        ({"x!y": "v"}, "key 'x!y': the gRPC library sends names of letters"),
        ({"x": "a\nb"}, "value for key 'x': failed to parse metadata value$"),
        ({"x": "a\ud800"}, "value for key 'x': failed to parse metadata value$"),
        ({"x": "J\xfcrgen"}, "value for key 'x': failed to parse metadata value: the gRPC library sends visible ASCII"),
    ],
)
async def test_headers_that_cannot_be_sent_are_refused_at_once(metadata: dict[str, str], message: str) -> None:
    runtime = bridge.init_runtime(OPTIONS)
    with pytest.raises(RuntimeError, match=f"^Failed client connect: Invalid headers: Invalid ASCII header {message}"):
        bridge.connect_client(runtime, config(1, metadata=metadata))


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ("", "Invalid URI: InvalidUri(Empty)"),
        ("a b", "Invalid URI: InvalidUri(InvalidUriChar)"),
        ("b\xfccher.test", "Invalid URI: InvalidUri(InvalidUriChar)"),
        ("::1", "Invalid URI: InvalidUri(InvalidAuthority)"),
        ("-a.test", "Server connection error: tonic::transport::Error(Transport, InvalidDnsNameError)"),
        ("localhost:99", "Server connection error: tonic::transport::Error(Transport, InvalidDnsNameError)"),
    ],
)
async def test_a_tls_domain_that_is_none_is_refused(domain: str, message: str) -> None:
    tls = SimpleNamespace(domain=domain)
    with pytest.raises(RuntimeError, match=f"^Failed client connect: {re.escape(message)}$"):
        bridge.connect_client(bridge.init_runtime(OPTIONS), config(1, tls_config=tls))


@pytest.mark.parametrize(("interval", "text"), [(0, "0ns"), (999, "999ms")])
async def test_dns_balancing_looks_once_a_second_at_most(interval: int, text: str) -> None:
    dns = SimpleNamespace(resolution_interval_millis=interval)
    with pytest.raises(RuntimeError, match=rf"resolution_interval must be at least 1s, got {text}$"):
        bridge.connect_client(bridge.init_runtime(OPTIONS), config(1, dns_load_balancing_config=dns))


async def test_tls_parts_that_need_each_other() -> None:
    runtime = bridge.init_runtime(OPTIONS)
    names = ("server_root_ca_cert", "domain", "client_cert", "client_private_key", "verification_server_name")
    half = SimpleNamespace(**{**dict.fromkeys(names), "client_cert": b"x"})
    with pytest.raises(ValueError, match="Must have both client cert and private key or neither"):
        bridge.connect_client(runtime, config(1, tls_config=half))
    unrooted = SimpleNamespace(**{**dict.fromkeys(names), "verification_server_name": "x"})
    with pytest.raises(ValueError, match="Must have server root CA cert when verification server name is set"):
        bridge.connect_client(runtime, config(1, tls_config=unrooted))
    nameless = SimpleNamespace(server_root_ca_cert=b"x", verification_server_name="")
    with pytest.raises(ValueError, match="Invalid verification server name: invalid dns name"):
        bridge.connect_client(runtime, config(1, tls_config=nameless))


async def test_server_that_is_not_there() -> None:
    async with rpc_server() as server:
        port = server.port
    with pytest.raises(RuntimeError, match="Failed client connect: "):
        await bridge.connect_client(bridge.init_runtime(OPTIONS), config(port))


async def test_cancelled_call_cancels_the_rpc() -> None:
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(_method: str, _body: bytes, _context: Any) -> bytes:
        reached.set()
        try:
            return await forever("", b"", None)
        finally:
            cancelled.set()

    async with connected(answer) as (client, _):
        future = client.call_workflow_service(call())
        await reached.wait()
        future.cancel()
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_one_client_on_several_loops() -> None:
    async with connected() as (client, server):

        async def other() -> None:
            await client.call_workflow_service(call())

        for _ in range(2):
            await asyncio.to_thread(asyncio.run, other())
        await client.call_workflow_service(call())
    assert len(server.received) == 3


async def test_forked_child_is_refused_by_name() -> None:
    async with connected() as (client, _):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                client.call_workflow_service(call())
            except AssertionError as error:
                os.write(writer, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)  # noqa: ASYNC222 - the child ends at once
        text = os.read(reader, 1000).decode()
    assert text == (f"Cannot use client across forks (original runtime PID is {os.getpid()}, current is {child})")


async def test_forgotten_runtime_ends_its_thread() -> None:
    async with connected() as (client, _):
        thread = client.runtime.driver.io
    del client, _
    gc.collect()
    await asyncio.to_thread(thread.join)
