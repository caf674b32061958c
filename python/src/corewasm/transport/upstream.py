"""The relay's way to the server: its name, the user's proxy, TLS by Python's ssl."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode

from corewasm.transport.api import ProxyOptions, TlsOptions, TransportOptions
from corewasm.transport.held import Connection, Held, secured
from corewasm.transport.names import Name, open_first, split
from corewasm.transport.tls_context import TlsRefused, check_leaf, check_name, client_contexts

_ANSWER_BYTES = 16 * 1024
_CONNECT_SECONDS = 20.0
# A wrong signature, a certificate of its own, an unknown root, no issuer, one that may sign nothing (two numbers).
_OTHER_ISSUER = (7, 18, 19, 20, 24, 79)
_UNIX = "unix:"


class ConnectFailed(OSError):
    """No connection to the server. The text names it and says why."""


class Upstream:
    """Makes connections as a client's options say."""

    def __init__(self, options: TransportOptions) -> None:
        """Reads nothing and does not connect yet."""
        self._options = options
        self._contexts: list[ssl.SSLContext] | None = None
        self._names: dict[str, Name] = {}

    async def connect(self, address: str) -> Connection:
        """To ``host:port``, within the client's connect timeout, or 20 s.

        Raises:
            ConnectFailed: for whatever reason.
        """
        timeout = self._options.connect_timeout_ms
        seconds = _CONNECT_SECONDS if timeout is None else timeout / 1000
        try:
            return await asyncio.wait_for(self._connect(address), seconds)
        except asyncio.TimeoutError:
            raise ConnectFailed(f"connecting to {address} failed: it took longer than {seconds:g} s") from None
        except (OSError, ValueError) as error:  # those of ssl are OSErrors
            text = str(error) or type(error).__name__
            raise ConnectFailed(f"connecting to {address} failed: {text}") from None

    async def _connect(self, address: str) -> Connection:
        if self._options.tls is None:
            return await self._open(address)
        if self._contexts is None:
            loop = asyncio.get_running_loop()
            self._contexts = await loop.run_in_executor(None, client_contexts, self._options.tls)
        failure: ssl.SSLCertVerificationError | None = None
        for context in self._contexts:
            try:
                return await self._secured(self._options.tls, context, address)
            except ssl.SSLCertVerificationError as error:
                if error.verify_code not in _OTHER_ISSUER:
                    raise
                failure = failure or error
        assert failure is not None, "there is at least one context"
        raise failure

    async def _open(self, address: str) -> Connection:
        proxy = self._options.proxy
        if proxy is None:
            return await self._open_tcp(address)
        if proxy.target_host.startswith(_UNIX):
            path = proxy.target_host[len(_UNIX) :]
            connection = Connection(*await asyncio.get_running_loop().create_unix_connection(Held, path))
        else:
            connection = await self._open_tcp(proxy.target_host)
        try:
            await _through_proxy(proxy, address, connection)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _open_tcp(self, address: str) -> Connection:
        name = self._names.get(address)
        if name is None:
            name = self._names[address] = Name(*split(address))
        return await open_first(await name.addresses())

    async def _secured(self, tls: TlsOptions, context: ssl.SSLContext, address: str) -> Connection:
        name = (tls.domain or self._options.host.strip("[]")).rstrip(".")
        plain = await self._open(address)
        try:
            connection = await secured(plain, context, name)
            found: ssl.SSLObject = connection.transport.get_extra_info("ssl_object")
            check_leaf(found.getpeercert(True) or b"")
            if tls.verification_server_name is not None:
                check_name(tls.verification_server_name, dict(found.getpeercert() or {}))
            if found.selected_alpn_protocol() != "h2":
                raise TlsRefused("the server does not speak HTTP/2 (ALPN h2 was not agreed on)")
        except BaseException:
            plain.abort()
            raise
        return connection


async def _through_proxy(proxy: ProxyOptions, address: str, connection: Connection) -> None:
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    if proxy.basic_auth is not None:
        lines.append("Proxy-Authorization: Basic " + b64encode(":".join(proxy.basic_auth).encode()).decode())
    connection.transport.write("\r\n".join([*lines, "", ""]).encode())
    head = await connection.held.take_until(b"\r\n\r\n", _ANSWER_BYTES)
    answer = head.split(b"\r\n")[0].decode("latin-1")
    if answer.split(" ")[1:2] != ["200"]:
        raise ConnectFailed(f"the proxy {proxy.target_host} refused: {answer}")
