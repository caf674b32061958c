"""From a client's configuration to what its transport needs."""

from __future__ import annotations

import os
from urllib.parse import SplitResult, urlsplit

from corewasm.bridge.config import read, read_optional
from corewasm.transport import KeepAliveOptions, ProxyOptions, TlsOptions, TransportOptions

_DEFAULT_PORTS = {"http": 80, "https": 443}
_RECEIVE_LIMIT_VARIABLE = "TEMPORAL_MAX_INCOMING_GRPC_BYTES"
_RECEIVE_LIMIT = 128 * 1024 * 1024


def transport_options(config: object) -> TransportOptions:
    """Where and how to connect.

    Raises:
        ValueError: the URL or the TLS options are wrong.
    """
    url = target_url(read(config, "target_url", str))
    tls = tls_options(config)
    if tls is None and url.scheme == "https":
        tls = TlsOptions()
    return TransportOptions(
        host=f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or "",
        port=url.port or _DEFAULT_PORTS[url.scheme],
        tls=tls,
        keep_alive=_keep_alive(config),
        proxy=_proxy(config),
        connect_timeout_ms=read_optional(config, "connect_timeout_millis", int),
        dns_resolution_interval_ms=_dns(config),
        max_receive_bytes=_receive_limit(),
    )


def target_url(text: str) -> SplitResult:
    """A URL with scheme http or https and a host.

    Raises:
        ValueError: it is none.
    """
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        raise ValueError(f"invalid target URL: {error}") from None
    if not url.scheme or "://" not in text:
        raise ValueError("invalid target URL: relative URL without a base")
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"invalid target URL: scheme {url.scheme} is neither http nor https")
    if not url.hostname:
        raise ValueError("invalid target URL: empty host")
    return url


def tls_options(config: object) -> TlsOptions | None:
    """The TLS part, checked.

    Raises:
        ValueError: parts that only work together are not together.
    """
    tls: object | None = getattr(config, "tls_config", None)
    if tls is None:
        return None
    ca = read_optional(tls, "server_root_ca_cert", bytes)
    verification_name = read_optional(tls, "verification_server_name", str)
    if verification_name is not None and ca is None:
        raise ValueError("Must have server root CA cert when verification server name is set")
    cert, key = read_optional(tls, "client_cert", bytes), read_optional(tls, "client_private_key", bytes)
    if (cert is None) != (key is None):
        raise ValueError("Must have both client cert and private key or neither")
    return TlsOptions(ca, read_optional(tls, "domain", str), cert, key, verification_name)


def _keep_alive(config: object) -> KeepAliveOptions | None:
    value: object | None = getattr(config, "keep_alive_config", None)
    if value is None:
        return None
    return KeepAliveOptions(read(value, "interval_millis", int), read(value, "timeout_millis", int))


def _proxy(config: object) -> ProxyOptions | None:
    value: object | None = getattr(config, "http_connect_proxy_config", None)
    if value is None:
        return None
    host = read(value, "target_host", str)
    if host.startswith("unix:"):
        raise ValueError(f"a proxy behind a Unix socket is not supported by the gRPC library: {host}")
    return ProxyOptions(host, read_optional(value, "basic_auth", tuple))


def _dns(config: object) -> int | None:
    value: object | None = getattr(config, "dns_load_balancing_config", None)
    return None if value is None else read(value, "resolution_interval_millis", int)


def _receive_limit() -> int:
    text = os.environ.get(_RECEIVE_LIMIT_VARIABLE, "").removeprefix("+")
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**64:
        return _RECEIVE_LIMIT
    return int(text)
