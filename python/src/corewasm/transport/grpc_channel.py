"""The default transport: grpcio's asyncio channel with raw bytes, set up to behave as Core expects of a connection."""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

# grpcio's asyncio API does not survive a fork, but its fork handlers run all the same and crash children that never
# use gRPC, such as those of a process pool. They are off unless the user has asked for them. Set before grpc is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

import grpc
import grpc.aio

from corewasm.transport.api import (
    Metadata,
    RpcFailure,
    TlsOptions,
    TransportOptions,
    UnaryRequest,
    UnaryResponse,
    too_large,
)
from corewasm.transport.grpc_poller import real_poller

_DETAILS_KEY = "grpc-status-details-bin"
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_LARGEST_LIMIT = 2**31 - 1  # channel arguments are C ints
_CONNECTION_CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
# grpcio does not tell whether a status was received or made up. Up to a version it names the peer of those received;
# later, these are the whole texts of those it makes up when a connection cannot be made or is lost.
_NO_PEER = re.compile(r"UNKNOWN:Error received from peer +\{")
_CONNECTION_TEXTS = re.compile(
    r"failed to connect to all addresses; last error: .*"
    r"|(errors resolving|DNS resolution failed for) .*"
    r"|(Stream removed \()?"
    r"((recvmsg: ?|sendmsg: ?)?(Socket closed|Connection reset by peer|Broken pipe|Connection timed out)"
    r"|GOAWAY received; .*|RST_STREAM \(.*|Received RST_STREAM .*|[Kk]eepalive .*|[Pp]ing timeout.*)\)*",
    re.DOTALL,
)
_TOO_LARGE = re.compile(r"(Stream removed \()?(CLIENT: )?Received message larger than max \((\d+) vs\. (\d+)\)\)?")


class UnsupportedTls(ValueError):
    """A TLS configuration that grpcio cannot express."""


class GrpcTransport:
    """See `corewasm.transport.api.Transport`."""

    def __init__(self, options: TransportOptions) -> None:
        """Does not connect yet.

        Raises:
            UnsupportedTls: `verification_server_name` is set.
        """
        refuse_unsupported(options)
        self._limit = _receive_limit(options)
        target = options.proxy.target_host if options.proxy else _address(options)
        arguments = channel_arguments(options)
        with real_poller():
            if options.tls is None:
                self._channel = grpc.aio.insecure_channel(target, options=arguments)
            else:
                self._channel = grpc.aio.secure_channel(target, credentials(options.tls), options=arguments)
        self._methods: dict[str, Any] = {}

    async def unary(self, request: UnaryRequest) -> UnaryResponse:
        """Makes one RPC."""
        method = self._methods.get(request.uri)
        if method is None:
            method = self._methods[request.uri] = self._channel.unary_unary(request.uri)
        compression = grpc.Compression.Gzip if request.gzip else grpc.Compression.NoCompression
        begun = time.monotonic()
        call = method(request.body, timeout=request.timeout, metadata=request.metadata, compression=compression)
        try:
            body = await call
        except grpc.aio.AioRpcError as error:
            time_is_up = time.monotonic() - begun >= request.timeout * 0.99
            raise failure_of(error, self._limit, time_is_up=time_is_up) from None
        return UnaryResponse(body, _metadata(await call.initial_metadata()))

    async def close(self) -> None:
        """Ends what is still running and closes the connection."""
        await self._channel.close()


def refuse_unsupported(options: TransportOptions) -> None:
    """Tells early what grpcio cannot do.

    Raises:
        UnsupportedTls: a name to verify that differs from the name asked for.
    """
    if options.tls is not None and options.tls.verification_server_name is not None:
        raise UnsupportedTls(
            "verification_server_name is not supported by the gRPC library: it always verifies the name that it sends. "
            "Set domain instead, or use a transport of your own"
        )


def channel_arguments(options: TransportOptions) -> list[tuple[str, Any]]:
    """Grpcio's defaults, bent to those of Core's native connection."""
    arguments: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", _receive_limit(options)),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", _MAX_HEADER_BYTES),
        ("grpc.absolute_max_metadata_size", _MAX_HEADER_BYTES),
        ("grpc.enable_retries", 0),  # transparent ones included: Core counts and delays attempts itself
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.use_local_subchannel_pool", 1),  # two clients of one server must not share a connection's fate
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 5000),
    ]
    if options.connect_timeout_ms is not None:
        arguments.append(("grpc.min_reconnect_backoff_ms", options.connect_timeout_ms))
    return arguments + _keep_alive(options) + _proxy(options) + _load_balancing(options) + _authority(options)


def credentials(tls: TlsOptions) -> grpc.ChannelCredentials:
    """What a TLS channel is made with."""
    roots = tls.server_root_ca if tls.server_root_ca is not None else _machine_roots()
    return grpc.ssl_channel_credentials(roots, tls.client_key, tls.client_cert)


def _machine_roots() -> bytes | None:
    cafile = ssl.get_default_verify_paths().cafile
    return Path(cafile).read_bytes() if cafile else None


def _keep_alive(options: TransportOptions) -> list[tuple[str, Any]]:
    if options.keep_alive is None:
        return []
    return [
        ("grpc.keepalive_time_ms", options.keep_alive.interval_ms),
        ("grpc.keepalive_timeout_ms", options.keep_alive.timeout_ms),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]


def _proxy(options: TransportOptions) -> list[tuple[str, Any]]:
    """For a channel to the proxy itself, which is told where to connect to.

    The library's own way, a proxy's URL, heeds ``no_proxy``; older versions also go past the proxy, without a word, if
    there is an @ in the user or the password.
    """
    arguments: list[tuple[str, Any]] = [("grpc.enable_http_proxy", 0)]  # whatever the environment says
    if options.proxy is None:
        return arguments
    arguments.append(("grpc.http_connect_server", _address(options)))
    if options.proxy.basic_auth is not None:
        token = b64encode(":".join(options.proxy.basic_auth).encode()).decode()
        arguments.append(("grpc.http_connect_headers", f"Proxy-Authorization:Basic {token}"))
    return arguments


def _load_balancing(options: TransportOptions) -> list[tuple[str, Any]]:
    if options.dns_resolution_interval_ms is None or options.proxy is not None:
        return []
    config = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
    return [
        ("grpc.service_config", config),
        ("grpc.dns_min_time_between_resolutions_ms", options.dns_resolution_interval_ms),
    ]


def _authority(options: TransportOptions) -> list[tuple[str, Any]]:
    domain = options.tls.domain if options.tls is not None else None
    if domain is None and options.proxy is None:
        return []
    # Of a channel to a proxy, the library would take the proxy's name.
    arguments: list[tuple[str, Any]] = [("grpc.default_authority", domain or _address(options))]
    if options.tls is not None:
        arguments.append(("grpc.ssl_target_name_override", domain or options.host.strip("[]")))
    return arguments


def _address(options: TransportOptions) -> str:
    return f"{options.host}:{options.port}"


def failure_of(error: grpc.aio.AioRpcError, limit: int, *, time_is_up: bool) -> RpcFailure:
    """What Core is told of an error of grpcio's. `limit` is that of messages received."""
    code, message = error.code(), error.details() or ""
    metadata = _metadata(error.trailing_metadata())
    if not metadata:
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and time_is_up:
            return RpcFailure(1, "Timeout expired")
        large = _TOO_LARGE.fullmatch(message) if code is grpc.StatusCode.RESOURCE_EXHAUSTED else None
        if large is not None and int(large[4]) == limit:
            return too_large(int(large[3]), limit)
    details = b"".join(value for key, value in metadata if key == _DETAILS_KEY)
    transport = code in _CONNECTION_CODES and not metadata and _is_made_up(error, message)
    return RpcFailure(code.value[0], message, details=details, metadata=metadata, transport=transport)


def _is_made_up(error: grpc.aio.AioRpcError, message: str) -> bool:
    tells = error.debug_error_string() or ""
    if "Error received from peer" in tells:
        return _NO_PEER.match(tells) is not None
    return _CONNECTION_TEXTS.fullmatch(message) is not None


def _receive_limit(options: TransportOptions) -> int:
    return min(options.max_receive_bytes, _LARGEST_LIMIT)


def _metadata(metadata: Any) -> Metadata:
    pairs = metadata or ()
    return [(key, value if isinstance(value, bytes) else value.encode()) for key, value in pairs]
