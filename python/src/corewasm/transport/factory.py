"""Which transport a new client gets."""

from __future__ import annotations

from corewasm.transport.api import Transport, TransportFactory, TransportOptions
from corewasm.transport.grpc_channel import GrpcTransport, refuse_unsupported

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


def check_options(options: TransportOptions) -> None:
    """Tells in the caller's thread what the default transport would refuse only later.

    Raises:
        ValueError: a configuration that it cannot express.
    """
    if _factory is GrpcTransport:
        refuse_unsupported(options)
