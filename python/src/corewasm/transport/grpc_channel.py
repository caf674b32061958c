"""The default transport: grpcio's asyncio channel with raw bytes, set up to behave as Core expects of a connection."""

from __future__ import annotations

import json
import os
import re
import ssl
import time
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
)

_DETAILS_KEY = "grpc-status-details-bin"
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_CONNECTION_CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
# grpcio does not tell whether a status was received or made up. These are the texts of those it makes up.
_CONNECTION_TEXTS = re.compile(
    "failed to connect|connection refused|connection reset|connection timed out|broken pipe|socket closed|goaway|"
    "rst_stream|cancelling all calls|stream removed|keepalive|endpoint|name resolution|dns|domain name|"
    "empty address list|handshak|transport|tcp",
    re.IGNORECASE,
)


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
        target = f"{options.host}:{options.port}"
        arguments = channel_arguments(options)
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
            raise _failure(error, time.monotonic() - begun >= request.timeout * 0.99) from None
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
        ("grpc.max_receive_message_length", options.max_receive_bytes),
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
    if options.proxy is None:
        return [("grpc.enable_http_proxy", 0)]  # whatever the environment says
    user = "{}:{}@".format(*options.proxy.basic_auth) if options.proxy.basic_auth else ""
    return [("grpc.enable_http_proxy", 1), ("grpc.http_proxy", f"http://{user}{options.proxy.target_host}")]


def _load_balancing(options: TransportOptions) -> list[tuple[str, Any]]:
    if options.dns_resolution_interval_ms is None or options.proxy is not None:
        return []
    config = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
    return [
        ("grpc.service_config", config),
        ("grpc.dns_min_time_between_resolutions_ms", options.dns_resolution_interval_ms),
    ]


def _authority(options: TransportOptions) -> list[tuple[str, Any]]:
    if options.tls is None or options.tls.domain is None:
        return []
    return [("grpc.ssl_target_name_override", options.tls.domain), ("grpc.default_authority", options.tls.domain)]


def _failure(error: grpc.aio.AioRpcError, time_is_up: bool) -> RpcFailure:
    code, message = error.code(), error.details() or ""
    metadata = _metadata(error.trailing_metadata())
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and time_is_up and not metadata:
        return RpcFailure(1, "Timeout expired")
    details = b"".join(value for key, value in metadata if key == _DETAILS_KEY)
    transport = code in _CONNECTION_CODES and not metadata and _CONNECTION_TEXTS.search(message) is not None
    return RpcFailure(code.value[0], message, details=details, metadata=metadata, transport=transport)


def _metadata(metadata: Any) -> Metadata:
    pairs = metadata or ()
    return [(key, value if isinstance(value, bytes) else value.encode()) for key, value in pairs]
