"""The way out to a server, and how to take another one: `use_transport`. See docs/transport.md."""

from corewasm.transport.api import (
    KeepAliveOptions,
    Metadata,
    ProxyOptions,
    RpcFailure,
    TlsOptions,
    Transport,
    TransportFactory,
    TransportOptions,
    UnaryRequest,
    UnaryResponse,
    too_large,
)
from corewasm.transport.factory import make_transport, text_headers_are_ascii, use_transport
from corewasm.transport.grpc_channel import GrpcTransport

__all__ = [
    "GrpcTransport",
    "KeepAliveOptions",
    "Metadata",
    "ProxyOptions",
    "RpcFailure",
    "TlsOptions",
    "Transport",
    "TransportFactory",
    "TransportOptions",
    "UnaryRequest",
    "UnaryResponse",
    "make_transport",
    "text_headers_are_ascii",
    "too_large",
    "use_transport",
]
