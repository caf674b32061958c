"""From a client's configuration to what its transport needs."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from corewasm.bridge.config import read, read_optional
from corewasm.transport import KeepAliveOptions, ProxyOptions, TlsOptions, TransportOptions

_DEFAULT_PORTS = {"http": 80, "https": 443}
_RECEIVE_LIMIT_VARIABLE = "TEMPORAL_MAX_INCOMING_GRPC_BYTES"
_RECEIVE_LIMIT = 128 * 1024 * 1024
_SHORTEST_DNS_INTERVAL_MS = 1000
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NO_URL_CHARACTER = re.compile(r"[^!-~]|[\"<>\\^`{|}]")


def transport_options(config: object) -> TransportOptions:
    """Where and how to connect.

    Raises:
        ValueError: the URL or the TLS options are wrong.
        RuntimeError: the TLS domain is no host, or the interval of DNS load balancing is under a second.
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
        dns_resolution_interval_ms=_dns(config, url.hostname or ""),
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
    if verification_name is not None and not _is_host(verification_name):
        raise ValueError("Invalid verification server name: invalid dns name")
    cert, key = read_optional(tls, "client_cert", bytes), read_optional(tls, "client_private_key", bytes)
    if (cert is None) != (key is None):
        raise ValueError("Must have both client cert and private key or neither")
    domain = read_optional(tls, "domain", str)
    if domain is not None:
        _check_domain(domain)
    return TlsOptions(ca, domain, cert, key, verification_name)


def _check_domain(domain: str) -> None:
    if not domain:
        raise RuntimeError("Failed client connect: Invalid URI: InvalidUri(Empty)")
    if _NO_URL_CHARACTER.search(domain):
        raise RuntimeError("Failed client connect: Invalid URI: InvalidUri(InvalidUriChar)")
    if domain.count(":") > 1 and not domain.startswith("["):
        raise RuntimeError("Failed client connect: Invalid URI: InvalidUri(InvalidAuthority)")
    if not _is_host(domain):
        text = "tonic::transport::Error(Transport, InvalidDnsNameError)"
        raise RuntimeError(f"Failed client connect: Server connection error: {text}")


def _is_host(name: str) -> bool:
    """A name whose labels may stand in a certificate, or an address."""
    try:
        ip_address(name)
    except ValueError:
        return len(name) <= 253 and _NAME.fullmatch(name) is not None
    return True


def _keep_alive(config: object) -> KeepAliveOptions | None:
    value: object | None = getattr(config, "keep_alive_config", None)
    if value is None:
        return None
    return KeepAliveOptions(read(value, "interval_millis", int), read(value, "timeout_millis", int))


def _proxy(config: object) -> ProxyOptions | None:
    value: object | None = getattr(config, "http_connect_proxy_config", None)
    if value is None:
        return None
    return ProxyOptions(read(value, "target_host", str), read_optional(value, "basic_auth", tuple))


def _dns(config: object, host: str) -> int | None:
    """As native Core: not with a proxy, and not for what is no name of several servers."""
    value: object | None = getattr(config, "dns_load_balancing_config", None)
    if value is None or _proxy(config) is not None:
        return None
    interval = read(value, "resolution_interval_millis", int)
    if interval < _SHORTEST_DNS_INTERVAL_MS:
        found = f"{interval}ms" if interval else "0ns"
        what = f"dns_load_balancing.resolution_interval must be at least 1s, got {found}"
        raise RuntimeError(f"Failed client connect: Invalid client configuration: {what}")
    return None if host == "localhost" else interval


def _receive_limit() -> int:
    text = os.environ.get(_RECEIVE_LIMIT_VARIABLE, "").removeprefix("+")
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**64:
        return _RECEIVE_LIMIT
    return int(text)
