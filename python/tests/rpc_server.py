"""A gRPC server in this process that does what a test's function says, with what it received kept for questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import grpc.aio

Answer: TypeAlias = Callable[[str, bytes, Any], Awaitable[bytes]]


async def echo(_method: str, body: bytes, _context: Any) -> bytes:
    return body


@dataclass
class Received:
    method: str
    body: bytes
    metadata: dict[str, Any]
    time_remaining: float


@dataclass
class RpcServer(grpc.GenericRpcHandler):  # type: ignore[misc]
    answer: Answer = echo
    port: int = 0
    received: list[Received] = field(default_factory=list)
    _server: Any = None

    def service(self, details: Any) -> Any:
        async def handle(body: bytes, context: Any) -> bytes:
            metadata = dict(details.invocation_metadata)
            self.received.append(Received(details.method, body, metadata, context.time_remaining()))
            return await self.answer(details.method, body, context)

        return grpc.unary_unary_rpc_method_handler(handle)

    async def start(self, credentials: Any = None, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        address = f"{host}:{port}"
        if credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, credentials)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)


@asynccontextmanager
async def rpc_server(answer: Answer = echo, credentials: Any = None) -> AsyncIterator[RpcServer]:
    server = RpcServer(answer)
    await server.start(credentials)
    try:
        yield server
    finally:
        await server.stop()


async def forever(_method: str, _body: bytes, _context: Any) -> bytes:
    await asyncio.Event().wait()
    raise AssertionError("nothing sets the event")
