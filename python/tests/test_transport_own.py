"""A transport of the user's own: whatever it does, Core hears of every RPC (docs/transport.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from corewasm import bridge
from corewasm.transport import (
    RpcFailure,
    TransportOptions,
    UnaryRequest,
    UnaryResponse,
    make_transport,
    use_transport,
)
from corewasm.transport.grpc_channel import GrpcTransport
from rpc_server import rpc_server
from test_bridge_client import DESCRIBE, OPTIONS, call, config

SYSTEM_INFO = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo"
EXTRA = b"\xf8\x01\x01"  # a field that no message has
Answer = Callable[[UnaryRequest], Awaitable[Any]]


@pytest.fixture(autouse=True)
def default_afterwards() -> Iterator[None]:
    yield
    use_transport(None)


class DictTransport:
    """Answers from a dictionary."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.requests: list[UnaryRequest] = []
        self.closed = asyncio.Event()

    async def unary(self, request: UnaryRequest) -> UnaryResponse:
        self.requests.append(request)
        if request.uri not in self.answers:
            raise RpcFailure(12, f"{request.uri} is not in the dictionary", details=b"\x08\x0c")
        return UnaryResponse(self.answers[request.uri], [("from", b"the dictionary")])

    async def close(self) -> None:
        self.closed.set()


class FunctionTransport:
    """Connects like any other; then a test says what becomes of an RPC."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked = 0

    async def unary(self, request: UnaryRequest) -> Any:
        if request.uri == SYSTEM_INFO:
            return UnaryResponse(b"")
        self.asked += 1
        return await self.answer(request)

    async def close(self) -> None:
        """Nothing is open."""


async def connected(transport: Any, **changes: Any) -> bridge.ClientRef:
    use_transport(lambda _: transport)
    return await bridge.connect_client(bridge.init_runtime(OPTIONS), config(1, **changes))


async def test_client_over_a_dictionary() -> None:
    transport = DictTransport({SYSTEM_INFO: b"", DESCRIBE: b"described"})
    client = await connected(transport, metadata={"custom": "a"})
    assert await client.call_workflow_service(call(timeout_millis=25_000)) == b"described"
    assert [each.uri for each in transport.requests] == [SYSTEM_INFO, DESCRIBE]
    request = transport.requests[1]
    assert request.body == b"\n\x02ns"
    assert (dict(request.metadata)["custom"], dict(request.metadata)["temporal-namespace"]) == (b"a", b"ns")
    assert (request.timeout, request.gzip) == (25.0, True)


async def test_status_of_a_transport_reaches_the_caller() -> None:
    client = await connected(DictTransport({SYSTEM_INFO: b""}))
    with pytest.raises(bridge.RPCError) as caught:
        await client.call_workflow_service(call())
    assert caught.value.args == (12, f"{DESCRIBE} is not in the dictionary", b"\x08\x0c")


async def test_factory_gets_the_options_and_makes_one_transport_for_each_client() -> None:
    made: list[TransportOptions] = []

    def factory(options: TransportOptions) -> DictTransport:
        made.append(options)
        return DictTransport({SYSTEM_INFO: b"", DESCRIBE: b""})

    use_transport(factory)
    runtime = bridge.init_runtime(OPTIONS)
    for port in (1, 2):
        client = await bridge.connect_client(runtime, config(port))
        await client.call_workflow_service(call())
    assert [(each.host, each.port) for each in made] == [("127.0.0.1", 1), ("127.0.0.1", 2)]


async def test_interceptor_sees_every_rpc_and_may_change_it() -> None:
    seen: list[str] = []

    class Interceptor:
        def __init__(self, options: TransportOptions) -> None:
            self._inner = GrpcTransport(options)

        async def unary(self, request: UnaryRequest) -> UnaryResponse:
            seen.append(request.uri)
            stamped = UnaryRequest(request.uri, request.body, [*request.metadata, ("stamp", b"1")], request.timeout)
            response = await self._inner.unary(stamped)
            return UnaryResponse(response.body + EXTRA, response.metadata)

        async def close(self) -> None:
            await self._inner.close()

    use_transport(Interceptor)

    async def answer(method: str, body: bytes, _context: Any) -> bytes:
        return b"" if method == SYSTEM_INFO else body

    async with rpc_server(answer) as server:
        client = await bridge.connect_client(bridge.init_runtime(OPTIONS), config(server.port))
        assert await client.call_workflow_service(call()) == b"\n\x02ns" + EXTRA
    assert seen == [each.method for each in server.received] == [SYSTEM_INFO, DESCRIBE]
    assert all(each.metadata["stamp"] == "1" for each in server.received)


async def test_default_comes_back() -> None:
    use_transport(lambda _: DictTransport({}))
    use_transport(None)
    transport = make_transport(TransportOptions("127.0.0.1", 1))
    assert isinstance(transport, GrpcTransport)
    await transport.close()


async def test_transport_is_closed_with_its_client() -> None:
    transport = DictTransport({SYSTEM_INFO: b""})
    client = await connected(transport)
    runtime = client.runtime
    del client
    await asyncio.wait_for(transport.closed.wait(), 10)
    del runtime


@pytest.mark.parametrize("problem", ["raises", "is no coroutine"])
async def test_transport_that_cannot_be_closed_harms_no_other(problem: str) -> None:
    class Stubborn(DictTransport):
        def close(self) -> Any:
            self.closed.set()
            if problem == "raises":
                raise OSError("stuck")

    stubborn, other = Stubborn({SYSTEM_INFO: b""}), DictTransport({SYSTEM_INFO: b"", DESCRIBE: b"fine"})
    client = await connected(stubborn)
    runtime = client.runtime
    del client
    await asyncio.wait_for(stubborn.closed.wait(), 10)
    use_transport(lambda _: other)
    client = await bridge.connect_client(runtime, config(1))
    assert await client.call_workflow_service(call()) == b"fine"


async def failure_of(answer: Answer) -> bridge.RPCError:
    client = await connected(FunctionTransport(answer))
    with pytest.raises(bridge.RPCError) as caught:
        await asyncio.wait_for(client.call_workflow_service(call()), 20)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (None, "a NoneType, not a UnaryResponse"),
        ({"body": b""}, "a dict, not a UnaryResponse"),
        (UnaryResponse("text"), "a body that is a str, not bytes"),  # type: ignore[arg-type]
        (UnaryResponse(b"", None), "metadata that is a NoneType, not a sequence of pairs"),  # type: ignore[arg-type]
        (UnaryResponse(b"", {"a": b""}), "metadata that is a dict, not a sequence of pairs"),  # type: ignore[arg-type]
        (UnaryResponse(b"", ["ab"]), "metadata that holds a str, not pairs"),  # type: ignore[list-item]
        (UnaryResponse(b"", [("a", "b")]), "metadata that holds a str and a str, not"),  # type: ignore[list-item]
        (UnaryResponse(b"", [("ä", b"b")]), "metadata that holds a str and a bytes, not an ASCII str and bytes"),
    ],
)
async def test_answer_of_a_wrong_type(answer: Any, text: str) -> None:
    async def reply(_request: UnaryRequest) -> Any:
        return answer

    error = await failure_of(reply)
    assert error.args[0] == 13
    assert error.args[1].startswith(f"the transport FunctionTransport answered {DESCRIBE} with {text}")


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (RpcFailure("UNAVAILABLE", "m"), "a code that is a str, not int"),  # type: ignore[arg-type]
        (RpcFailure(0, "m"), "the code 0, not one from 1 to 16"),
        (RpcFailure(-1, "m"), "the code -1, not one from 1 to 16"),
        (RpcFailure(14, b"m"), "a message that is a bytes, not str"),  # type: ignore[arg-type]
        (RpcFailure(14, "m", details="d"), "a details that is a str, not bytes"),  # type: ignore[arg-type]
        (RpcFailure(14, "m", metadata=[("a", 1)]), "metadata that holds a str and an int"),  # type: ignore[list-item]
    ],
)
async def test_failure_of_a_wrong_type(failure: RpcFailure, text: str) -> None:
    async def fail(_request: UnaryRequest) -> Any:
        raise failure

    error = await failure_of(fail)
    assert error.args[0] == 13
    assert error.args[1].startswith(f"the transport FunctionTransport failed {DESCRIBE} with {text}")


@pytest.mark.parametrize("raised", [ValueError("boom"), SystemExit("boom"), asyncio.CancelledError("boom")])
async def test_anything_else_that_a_transport_raises(raised: BaseException) -> None:
    async def fail(_request: UnaryRequest) -> Any:
        raise raised

    error = await failure_of(fail)
    assert error.args[0] == 13
    assert error.args[1].startswith(f"the transport FunctionTransport failed {DESCRIBE}: ")
    assert error.args[1].endswith(f"{type(raised).__name__}: boom")


async def test_text_that_is_no_unicode_does_not_hang_the_rpc() -> None:
    async def fail(_request: UnaryRequest) -> Any:
        raise RpcFailure(5, "half a pair: \ud800")

    assert (await failure_of(fail)).args[:2] == (5, "half a pair: ?")


async def test_factory_that_fails() -> None:
    def factory(_options: TransportOptions) -> DictTransport:
        raise OSError("no way out")

    use_transport(factory)
    changes = {"retry_config": None}
    with pytest.raises(RuntimeError, match="the factory of transports failed .*GetSystemInfo: OSError: no way out"):
        await bridge.connect_client(bridge.init_runtime(OPTIONS), config(1, **changes))


async def test_answer_larger_than_core_takes_fails_as_one_over_the_limit_for_messages() -> None:
    async def large(_request: UnaryRequest) -> Any:
        return UnaryResponse(bytes(128 * 1024 * 1024 + 1))

    text = "Error, decoded message length too large: found 134217729 bytes, the limit is: 134217728 bytes"
    assert (await failure_of(large)).args[:2] == (11, text)
