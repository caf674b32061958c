"""The default transport: grpcio's asyncio channel with raw bytes, set up to behave as Core expects of a connection."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import math
import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio
from grpc._cython import cygrpc

from corewasm.transport.api import (
    Metadata,
    RpcFailure,
    TransportOptions,
    UnaryRequest,
    UnaryResponse,
    too_large,
)
from corewasm.transport.channels import Channel, channels_for
from corewasm.transport.grpc_poller import real_poller
from corewasm.transport.relay import Relay

T = TypeVar("T")

_aio: Any = importlib.import_module("grpc.aio._channel")
_FORK_SUPPORT = "GRPC_ENABLE_FORK_SUPPORT"
_is_first_use = True  # of this copy of the library (`fresh_grpc` executes this file again)
_forget_settings: Callable[[], object] = cygrpc.reset_grpc_config_vars
_CANCELLED, _INVALID_ARGUMENT, _UNAVAILABLE = 1, 3, 14
_VISIBLE_ASCII = re.compile(rb"[\x20-\x7e]*")
_TIMEOUT_UNITS = (("n", 1e9), ("u", 1e6), ("m", 1e3), ("S", 1), ("M", 1 / 60), ("H", 1 / 3600))
_LARGEST_TIMEOUT = 99_999_999
_TIMEOUT_HEADER = "grpc-timeout"
_NOT_IN_HTTP_2 = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
_DETAILS_KEY = "grpc-status-details-bin"
_MAX_HEADER_BYTES = 16 * 1024 * 1024
_LARGEST_INTEGER = 2**31 - 1  # channel arguments are C ints
_CONNECTION_CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
# grpcio does not tell whether a status was received or made up. Up to a version it names the peer of those received;
# later, these are the whole texts of those it makes up when a connection cannot be made or is lost.
_NO_PEER = re.compile(r"UNKNOWN:Error received from peer +\{")
_CONNECTION_TEXTS = re.compile(
    r"failed to connect to all addresses; last error: .*"
    r"|(errors resolving|DNS resolution failed for) .*"
    r"|((Stream removed|Transport closed|Transport destroyed|Socket closed|Endpoint read failed) \()*"
    r"((recvmsg: ?|sendmsg: ?)?(Socket closed|Connection reset by peer|Broken pipe|Connection timed out)"
    r"|Transport closed|Transport destroyed|Endpoint read failed|Last stream closed after sending GOAWAY"
    r"|GOAWAY received; .*|RST_STREAM \(.*|Received RST_STREAM .*|[Kk]eepalive .*|[Pp]ing timeout.*)\)*",
    re.DOTALL,
)
_TOO_LARGE = re.compile(r"(Stream removed \()?(CLIENT: )?Received message larger than max \((\d+) vs\. (\d+)\)\)?")


class GrpcTransport:
    """See `corewasm.transport.api.Transport`."""

    def __init__(self, options: TransportOptions) -> None:
        """Does not connect yet."""
        self._options = options
        self._limit = _receive_limit(options)
        self._relay = Relay(options) if options.tls is not None or options.proxy is not None else None
        self._channels = channels_for(options, self._new_channel, connects_by_name=self._relay is not None)

    async def unary(self, request: UnaryRequest) -> UnaryResponse:
        """Makes one RPC."""
        try:
            return await within(request.timeout, self._unary(request))
        except asyncio.TimeoutError:
            raise RpcFailure(_CANCELLED, "Timeout expired") from None

    async def close(self) -> None:
        """Ends what is still running and closes the connection."""
        await self._channels.close()
        if self._relay is not None:
            await self._relay.close()

    async def _unary(self, request: UnaryRequest) -> UnaryResponse:
        compression = grpc.Compression.Gzip if request.gzip else grpc.Compression.NoCompression
        # The library would make a deadline by a clock that can be set; so it gets none, and the server hears of it.
        metadata = _sent(request.metadata, request.timeout)
        async with await self._channels.pick() as channel:
            call = channel.method(request.uri)(request.body, metadata=metadata, compression=compression)
            try:
                body = await call
            except grpc.aio.AioRpcError as error:
                failure = failure_of(error, self._limit)
                raise self._connection_failed(failure) if failure.transport else failure from None
            except cygrpc.ExecuteBatchError as error:
                raise RpcFailure(_INVALID_ARGUMENT, _why_not_sent(request, error)) from None
            return UnaryResponse(body, _metadata(await call.initial_metadata()))

    def _connection_failed(self, failure: RpcFailure) -> RpcFailure:
        self._channels.failed()
        if self._relay is not None and self._relay.problem:
            return RpcFailure(failure.code, self._relay.problem, transport=True)
        return failure

    async def _new_channel(self, addresses: Sequence[str]) -> Channel:
        """To addresses, or through the relay to an address or a name."""
        arguments = channel_arguments(self._options)
        if self._relay is None:
            return Channel(_insecure_channel(target_of(addresses), arguments))
        try:
            target = await self._relay.listen()
        except OSError as error:
            text = f"connections with TLS or a proxy go through a port of 127.0.0.1, which cannot be had: {error}"
            raise RpcFailure(_UNAVAILABLE, text, transport=True) from None
        return Channel(_insecure_channel(target, arguments + self._relay.arguments(addresses[0])))


def target_of(addresses: Sequence[str]) -> str:
    """What the library connects to, of whichever answers first. It takes one family, in which IPv4 can be told too."""
    if not any(each.startswith("[") for each in addresses):
        return "ipv4:" + ",".join(addresses)
    mapped = (each if each.startswith("[") else "[::ffff:{}]:{}".format(*each.rsplit(":", 1)) for each in addresses)
    return "ipv6:" + ",".join(each.replace("%", "%25") for each in mapped)


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Awaits in the caller's task, for so many seconds of a clock that nobody can set.

    Raises:
        asyncio.TimeoutError: they were over.
    """
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    over = False

    def expire() -> None:
        nonlocal over
        over = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        return await work
    except asyncio.CancelledError:
        if over:
            if sys.version_info >= (3, 11):
                task.uncancel()
            raise asyncio.TimeoutError from None
        raise
    finally:
        timer.cancel()


def _why_not_sent(request: UnaryRequest, error: BaseException) -> str:
    """The library refuses a call as a whole, and logs why."""
    names = [key for key, value in request.metadata if not key.endswith("-bin") and not _VISIBLE_ASCII.fullmatch(value)]
    if names:
        return f"the gRPC library sends visible ASCII only in headers: {', '.join(names)} of {request.uri} has more"
    return f"the gRPC library cannot send {request.uri}: {error}"


def grpc_timeout(seconds: float) -> str:
    """The header's value: at most eight digits and a unit, rounded up."""
    for unit, per_second in _TIMEOUT_UNITS:
        value = math.ceil(seconds * per_second)
        if value <= _LARGEST_TIMEOUT:
            return f"{max(value, 0)}{unit}"
    return f"{_LARGEST_TIMEOUT}H"


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
        ("grpc.enable_http_proxy", 0),  # whatever the environment says
        ("grpc.address_http_proxy_enabled_addresses", ""),  # as well, by another variable
        ("grpc.default_authority", _authority(options)),
    ]
    if options.connect_timeout_ms is not None:
        arguments.append(("grpc.min_reconnect_backoff_ms", min(options.connect_timeout_ms, _LARGEST_INTEGER)))
    return arguments + _keep_alive(options)


def _keep_alive(options: TransportOptions) -> list[tuple[str, Any]]:
    """What is longer than 24.8 days, an argument's largest value, is as good as that."""
    if options.keep_alive is None:
        return []
    return [
        ("grpc.keepalive_time_ms", min(options.keep_alive.interval_ms, _LARGEST_INTEGER)),
        ("grpc.keepalive_timeout_ms", min(options.keep_alive.timeout_ms, _LARGEST_INTEGER)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]


def _authority(options: TransportOptions) -> str:
    domain = options.tls.domain if options.tls is not None else None
    return domain or f"{options.host}:{options.port}"


def _insecure_channel(target: str, arguments: list[tuple[str, Any]]) -> Any:
    """Past what instrumentations put in the place of `grpc.aio.insecure_channel`."""
    with first_use(), real_poller():
        return _aio.insecure_channel(target, options=arguments)


@contextlib.contextmanager
def first_use() -> Iterator[None]:
    """The library reads its settings when it is loaded, and heeds them as the first channel of the process is made.

    Its fork handlers crash children that never use it, such as those of a process pool, and do not help those that do
    (ADR 0014). They are off, unless the user has set the variable. It is set only in here, only for the library, and
    `os.environ` and with it other threads and children see nothing of it.
    """
    global _is_first_use
    if not _is_first_use or _FORK_SUPPORT in os.environ:
        yield
        return
    _is_first_use = False
    os.putenv(_FORK_SUPPORT, "false")
    _forget_settings()
    try:
        yield
    finally:
        os.unsetenv(_FORK_SUPPORT)
        _forget_settings()


def failure_of(error: grpc.aio.AioRpcError, limit: int) -> RpcFailure:
    """What Core is told of an error of grpcio's. `limit` is that of messages received."""
    code, message = error.code(), error.details() or ""
    metadata = _metadata(error.trailing_metadata())
    if not metadata:
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
    return min(options.max_receive_bytes, _LARGEST_INTEGER)


def _sent(metadata: Metadata, timeout: float) -> list[tuple[str, bytes | str]]:
    """Without what HTTP/2 forbids and the native library leaves out. A deadline in a user's own header is his."""
    sent: list[tuple[str, bytes | str]] = [pair for pair in metadata if pair[0] not in _NOT_IN_HTTP_2]
    if not any(name == _TIMEOUT_HEADER for name, _ in sent):
        sent.append((_TIMEOUT_HEADER, grpc_timeout(timeout)))
    return sent


def _metadata(metadata: Any) -> Metadata:
    pairs = metadata or ()
    return [(key, value if isinstance(value, bytes) else value.encode()) for key, value in pairs]
