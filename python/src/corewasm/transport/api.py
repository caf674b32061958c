"""How Core's RPCs leave this process.

Anything with the two methods of `Transport` can stand in for the gRPC library used by default. It is told nothing of
Temporal: it carries a request's bytes to a method and brings back the answer's. It does not retry and adds no headers
of its own beyond what its protocol needs: Core does both. Interceptors are transports that wrap another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Metadata: TypeAlias = Sequence[tuple[str, bytes]]
"""Keys are lower case; values of keys that end in ``-bin`` are raw bytes, all others ASCII."""


@dataclass(frozen=True)
class UnaryRequest:
    """One RPC. `uri` is ``/package.Service/Method``, `timeout` in seconds from now."""

    uri: str
    body: bytes
    metadata: Metadata = ()
    timeout: float = 30.0
    gzip: bool = False


@dataclass(frozen=True)
class UnaryResponse:
    """The answer's bytes and the metadata that came with it."""

    body: bytes
    metadata: Metadata = ()


class RpcFailure(Exception):
    """The RPC ended with another gRPC status than OK.

    `details` is the raw ``grpc-status-details-bin``. `transport` tells that the connection failed (refused, reset,
    GOAWAY) and no server answered. A deadline that passed on this side is code 1 with the message "Timeout expired".
    """

    def __init__(
        self, code: int, message: str, *, details: bytes = b"", metadata: Metadata = (), transport: bool = False
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.details = details
        self.metadata = metadata
        self.transport = transport


def too_large(size: int, limit: int) -> RpcFailure:
    """How the native module fails an RPC whose answer is over the limit for received messages (spec 10.1.8)."""
    text = f"Error, decoded message length too large: found {size} bytes, the limit is: {limit} bytes"
    return RpcFailure(11, text)


class Transport(Protocol):
    """Used from one event loop only: the one of the runtime's I/O thread, on which it is also made and closed."""

    async def unary(self, request: UnaryRequest) -> UnaryResponse:
        """Makes one RPC. Cancelling the call cancels the RPC.

        Raises:
            RpcFailure: any status but OK.
        """

    async def close(self) -> None:
        """Ends what is still running and closes the connection."""


@dataclass(frozen=True)
class TlsOptions:
    """PEM bytes. Without `server_root_ca` the machine's roots.

    `domain` replaces the host in SNI, authority and checking.
    """

    server_root_ca: bytes | None = None
    domain: str | None = None
    client_cert: bytes | None = None
    client_key: bytes | None = None
    verification_server_name: str | None = None


@dataclass(frozen=True)
class KeepAliveOptions:
    """Pings while idle too, in milliseconds."""

    interval_ms: int
    timeout_ms: int


@dataclass(frozen=True)
class ProxyOptions:
    """An HTTP CONNECT proxy at ``host:port``, with user and password if it wants them."""

    target_host: str
    basic_auth: tuple[str, str] | None = None


@dataclass(frozen=True)
class TransportOptions:
    """Where to connect and how. Port 7233 if the URL names none."""

    host: str
    port: int
    tls: TlsOptions | None = None
    keep_alive: KeepAliveOptions | None = None
    proxy: ProxyOptions | None = None
    connect_timeout_ms: int | None = None
    dns_resolution_interval_ms: int | None = None
    max_receive_bytes: int = 128 * 1024 * 1024


TransportFactory: TypeAlias = Callable[[TransportOptions], Transport]
