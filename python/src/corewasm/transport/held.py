"""A connection between two users: what arrives in the meantime, its end included, is kept for the next one."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any


class Held(asyncio.Protocol):
    """What arrived, and whether the connection is lost already."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_lost = False
        self.error: Exception | None = None
        self._changed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Keeps it."""
        self.data += data
        self._changed.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Keeps why."""
        self.is_lost, self.error = True, error
        self._changed.set()

    async def take_until(self, mark: bytes, limit: int) -> bytes:
        """What arrives up to and with the mark.

        Raises:
            OSError: the connection is lost, or there are more bytes than the limit without it.
        """
        while mark not in self.data:
            if self.is_lost:
                raise self.error or ConnectionResetError("the other side closed the connection")
            if len(self.data) > limit:
                raise OSError(f"the other side sent {len(self.data)} bytes that make no sense")
            self._changed.clear()
            await self._changed.wait()
        end = self.data.index(mark) + len(mark)
        taken = bytes(self.data[:end])
        del self.data[:end]
        return taken


class Connection:
    """A transport that is held. Its user calls `give_to` soon, or `close`."""

    def __init__(self, transport: Any, held: Held) -> None:
        """`held` is the transport's protocol."""
        self.transport = transport
        self.held = held

    def give_to(self, protocol: asyncio.Protocol) -> None:
        """From now on, and what was kept first."""
        self.transport.set_protocol(protocol)
        if self.held.data:
            protocol.data_received(bytes(self.held.data))
        if self.held.is_lost:
            protocol.connection_lost(self.held.error)

    def close(self) -> None:
        """Sends what is waiting, then closes."""
        self.transport.close()

    def abort(self) -> None:
        """Closes at once."""
        self.transport.abort()


async def taken_from(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Connection:
    """The connection of streams that are not used any more, but kept: a forgotten writer closes it.

    Raises:
        OSError: the connection is lost, and why.
    """
    transport: Any = writer.transport
    held = Held()
    transport.set_protocol(held)
    if transport.is_closing():
        held.connection_lost(None)
    reader.feed_eof()
    held.data[:0] = await reader.read()
    transport.resume_reading()  # the reader may have paused it
    return Connection(transport, held)


async def secured(connection: Connection, context: ssl.SSLContext, name: str) -> Connection:
    """TLS over a connection. `name` is sent, and verified if the context says so.

    Raises:
        OSError: the handshake failed; the connection is closed.
    """
    held = Held()
    loop = asyncio.get_running_loop()
    transport: Any = await loop.start_tls(connection.transport, held, context, server_hostname=name)
    return Connection(transport, held)
