"""TLS, proxies and names behind the gRPC library, which has none of its own that suit.

The library opens an HTTP CONNECT tunnel to a listener of this process's, with a secret that only its channel knows, and
the relay connects it to the server. See ADR 0018.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from typing import Any

from corewasm.transport.api import TransportOptions
from corewasm.transport.held import Connection, taken_from
from corewasm.transport.upstream import ConnectFailed, Upstream

_BUFFER_BYTES = 256 * 1024
_HEAD_BYTES, _HEAD_SECONDS = 16 * 1024, 10.0
_CLOSING_SECONDS = 1.0
_YES, _NO = b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"


class Relay:
    """A listener and its tunnels. For one transport, on the loop that it is used on."""

    def __init__(self, options: TransportOptions) -> None:
        """Does not listen yet."""
        self._upstream = Upstream(options)
        self._secret = secrets.token_hex(32)
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self.problem = ""
        """Why the last connection could not be made, or was lost."""

    async def listen(self) -> str:
        """The address for the library's channels. Harmless to repeat.

        Raises:
            OSError: there is no listening on this machine's loopback.
        """
        async with self._lock:
            if self._server is None:
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES)
            return f"ipv4:127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def arguments(self, address: str) -> list[tuple[str, str]]:
        """The library's arguments for a channel through the relay to `address` (host:port)."""
        return [
            ("grpc.http_connect_server", address),
            ("grpc.http_connect_headers", f"Proxy-Authorization:Bearer {self._secret}"),
        ]

    async def close(self) -> None:
        """Ends all tunnels."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tunnels):
            task.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio serves each connection in a task"
        self._tunnels.add(task)
        try:
            await self._tunnel(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            pass  # the library is gone, or it is somebody else
        except asyncio.CancelledError:
            pass  # the transport is closed
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        except asyncio.CancelledError:
            writer.write(_YES)  # see below
            raise
        address = self._asked_for(head.decode("latin-1"))
        if address is None:
            writer.write(_NO)
            return
        # Before there is a connection: of another answer the library would write an error to stderr each time.
        writer.write(_YES)
        try:
            upstream = await self._upstream.connect(address)
        except ConnectFailed as error:
            self.problem = str(error)
            return
        self.problem = ""
        try:
            ours = await taken_from(reader, writer)
        except OSError:
            upstream.close()
            raise
        why = await _joined(ours, upstream)
        if why is not None:
            self.problem = f"the connection to {address} was lost: {why}"

    def _asked_for(self, head: str) -> str | None:
        """The address that the library wants; None if it is somebody else who asks."""
        first, *lines = head.split("\r\n")
        words = first.split(" ")
        fields = (line.partition(":") for line in lines)
        shown = next((value.strip() for name, _, value in fields if name.lower() == "proxy-authorization"), "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {self._secret}".encode()):
            return None
        return words[1] if len(words) > 1 and words[0] == "CONNECT" else None


class _End(asyncio.Protocol):
    """One end of a tunnel: what arrives at it leaves at the other."""

    def __init__(self, other: Any, lost: asyncio.Future[Exception | None]) -> None:
        self._other = other
        self._lost = lost
        self.heard = False

    def data_received(self, data: bytes) -> None:
        self.heard = True
        self._other.write(data)

    def pause_writing(self) -> None:
        self._other.pause_reading()

    def resume_writing(self) -> None:
        self._other.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(error)


async def _joined(ours: Connection, theirs: Connection) -> str | None:
    """Copies until an end is closed. Why, if it was the server's and it is worth telling."""
    loop = asyncio.get_running_loop()
    lost: list[asyncio.Future[Exception | None]] = [loop.create_future(), loop.create_future()]
    ends = _End(theirs.transport, lost[0]), _End(ours.transport, lost[1])
    try:
        for connection, end in zip((ours, theirs), ends, strict=True):
            connection.transport.set_write_buffer_limits(_BUFFER_BYTES)
            connection.give_to(end)
        await asyncio.wait(lost, return_when=asyncio.FIRST_COMPLETED)
        first_lost = lost[1] if lost[1].done() else lost[0]
    finally:
        ours.close()
        theirs.close()
        _, left = await asyncio.wait(lost, timeout=_CLOSING_SECONDS)
        if left:
            ours.abort()
            theirs.abort()
    if first_lost is not lost[1]:
        return None
    error = first_lost.result()
    if error is not None:
        return str(error) or type(error).__name__
    return None if ends[1].heard else "the server closed it without a word. Does it want a client's certificate?"
