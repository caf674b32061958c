"""Connects for the gRPC library where its own ways are not native's: TLS, proxies, and names behind these.

The library opens an HTTP CONNECT tunnel to a listener of this process's, with a secret that only its channel knows. The
relay then connects: names by the machine's own resolution, the user's proxy, TLS by Python's ssl. See ADR 0018.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from corewasm.transport.api import ProxyOptions, TlsOptions, TransportOptions
from corewasm.transport.tls_context import TlsRefused, check_name, client_context

_CHUNK = 256 * 1024
_HEAD_BYTES, _HEAD_SECONDS = 16 * 1024, 10.0
_CONNECT_SECONDS = 20.0
_HAPPY_EYEBALLS_SECONDS = 0.25


class Relay:
    """A listener and its tunnels. For one transport, on the loop that it is used on."""

    def __init__(self, options: TransportOptions) -> None:
        """Does not listen yet."""
        self._options = options
        self._secret = secrets.token_hex(32)
        self._server: asyncio.Server | None = None
        self._context: ssl.SSLContext | None = None
        self._tunnels: set[asyncio.Task[None]] = set()
        self.problem = ""
        """Why the last connection could not be made."""

    async def listen(self) -> str:
        """The address for the library's channel."""
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
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            pass  # the library, or the server, is gone: the other side hears of it as we close
        except asyncio.CancelledError:
            pass  # the transport is closed
        finally:
            self._tunnels.discard(task)
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        address = self._asked_for(head.decode("latin-1"))
        if address is None:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        try:
            upstream = await asyncio.wait_for(self._connect(*_split(address)), self._connect_seconds())
        except (OSError, ssl.SSLError, ssl.CertificateError, TlsRefused, asyncio.TimeoutError, ValueError) as error:
            self.problem = f"connecting to {address} failed: {_text(error)}"
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        self.problem = ""
        with _closing(upstream[1]):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await _copy_both_ways((reader, writer), upstream)

    def _asked_for(self, head: str) -> str | None:
        """The address that the library wants; None if it is somebody else who asks."""
        first, *lines = head.split("\r\n")
        words = first.split(" ")
        fields = (line.partition(":") for line in lines)
        shown = next((value.strip() for name, _, value in fields if name.lower() == "proxy-authorization"), "")
        if not hmac.compare_digest(shown.encode(), f"Bearer {self._secret}".encode()):
            return None
        return words[1] if len(words) > 1 and words[0] == "CONNECT" else None

    def _connect_seconds(self) -> float:
        timeout = self._options.connect_timeout_ms
        return _CONNECT_SECONDS if timeout is None else timeout / 1000

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        proxy, tls = self._options.proxy, self._options.tls
        if proxy is None:
            reader, writer = await open_tcp(host, port)
        else:
            reader, writer = await open_tcp(*_split(proxy.target_host))
            await _through_proxy(proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", reader, writer)
        if tls is not None:
            try:
                await self._start_tls(tls, writer)
            except BaseException:
                writer.transport.abort()
                raise
        return reader, writer

    async def _start_tls(self, tls: TlsOptions, writer: asyncio.StreamWriter) -> None:
        if self._context is None:
            self._context = client_context(tls)
        name = tls.domain or self._options.host.strip("[]")
        await _upgrade(writer, self._context, name)
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        if tls.verification_server_name is not None:
            check_name(tls.verification_server_name, dict(secured.getpeercert() or {}))
        if secured.selected_alpn_protocol() != "h2":
            raise TlsRefused("the server does not speak HTTP/2 (ALPN h2 was not agreed on)")


async def open_tcp(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a name or address, by the machine's resolution, to whichever of its addresses answers first.

    Raises:
        OSError: none did, or the name is not known.
    """
    return await asyncio.open_connection(host, port, happy_eyeballs_delay=_HAPPY_EYEBALLS_SECONDS, limit=_CHUNK)


async def _upgrade(writer: asyncio.StreamWriter, context: ssl.SSLContext, name: str) -> None:
    if hasattr(writer, "start_tls"):  # Python 3.11
        await writer.start_tls(context, server_hostname=name)
        return
    loop = asyncio.get_running_loop()
    protocol = writer.transport.get_protocol()
    transport = await loop.start_tls(writer.transport, protocol, context, server_hostname=name)
    writer._transport = transport  # type: ignore[attr-defined]
    protocol._replace_writer(writer)  # type: ignore[attr-defined]
    protocol._stream_reader._transport = transport  # type: ignore[attr-defined]
    protocol._over_ssl = True  # type: ignore[attr-defined]


async def _through_proxy(
    proxy: ProxyOptions, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    if proxy.basic_auth is not None:
        lines.append("Proxy-Authorization: Basic " + b64encode(":".join(proxy.basic_auth).encode()).decode())
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode("latin-1")
    if answer.split(" ")[1:2] != ["200"]:
        writer.transport.abort()
        raise OSError(f"the proxy {proxy.target_host} refused: {answer}")


async def _copy_both_ways(
    ours: tuple[asyncio.StreamReader, asyncio.StreamWriter], theirs: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    ways = [asyncio.ensure_future(_copy(ours[0], theirs[1])), asyncio.ensure_future(_copy(theirs[0], ours[1]))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


@contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.close()


def _split(address: str) -> tuple[str, int]:
    """Host and port. The port of a proxy without one is 80.

    Raises:
        ValueError: the port is no number.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "]" in port:
        return address.strip("[]"), 80
    return host.strip("[]"), int(port)


def _text(error: BaseException) -> str:
    return str(error) or ("it took too long" if isinstance(error, asyncio.TimeoutError) else type(error).__name__)
