"""Which transport a new client gets."""

from __future__ import annotations

from corewasm.transport.api import Transport, TransportFactory, TransportOptions
from corewasm.transport.grpc_channel import GrpcTransport

_factory: TransportFactory = GrpcTransport


def use_transport(factory: TransportFactory | None) -> None:
    """Makes all clients connected from now on use what `factory` returns; None restores the default.

    The factory is called on the runtime's I/O thread, in its event loop.
    """
    global _factory
    _factory = factory or GrpcTransport


def make_transport(options: TransportOptions) -> Transport:
    """A transport for one client."""
    return _factory(options)


def text_headers_are_ascii() -> bool:
    """Whether values of headers with text must be visible ASCII: the gRPC library sends no others.

    Of a user's transport nobody knows; it gets what native Core sends, UTF-8.
    """
    return _factory is GrpcTransport
