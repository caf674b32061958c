"""Clients: one connection to a server each, shared by its users and workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from corewasm.abi import turn
from corewasm.bridge.config import (
    milliseconds,
    optional_milliseconds,
    read,
    read_metadata,
    read_optional,
    split_headers,
)
from corewasm.bridge.headers import call_headers, checked_api_key, checked_binaries, checked_headers, checked_texts
from corewasm.bridge.rpc_names import RPCS, SERVICES, method_name
from corewasm.bridge.runtime import RuntimeRef
from corewasm.bridge.target import transport_options


def connect_client(runtime_ref: RuntimeRef, config: object) -> asyncio.Future[ClientRef]:
    """Connects and asks the server for its capabilities.

    Raises:
        ValueError: the configuration is wrong.
        RuntimeError: headers that cannot be sent, or what `transport_options` raises; no event loop in this thread.
        AssertionError: the runtime belongs to the process that this one was forked from.
    """
    options = transport_options(config)
    message = client_config(config)
    runtime_ref.assert_same_process("create client")
    driver = runtime_ref.driver
    asyncio.get_running_loop()
    client = driver.open_client(options)
    return driver.call(
        lambda call: turn.Input(client_connect=turn.ClientConnect(client=client, call=call, config=message)),
        lambda _: ClientRef(runtime_ref, client, message.binary_headers),
    )


def client_config(config: object) -> turn.ClientConfig:
    """What Core needs to know of a client's configuration.

    Raises:
        ValueError: a part of it is wrong, or an API key that cannot be sent.
        RuntimeError: headers that cannot be sent; as with the native module, not a ValueError here.
    """
    metadata = read_metadata(config, "metadata")
    try:
        headers, binary_headers = checked_headers(metadata)
    except ValueError as error:
        raise RuntimeError(f"Failed client connect: Invalid headers: {error}") from None
    compression = read(config, "grpc_compression", str, "gzip")
    if compression not in ("none", "gzip"):
        raise ValueError(f"invalid grpc_compression: {compression}")
    return turn.ClientConfig(
        client_name=read(config, "client_name", str),
        client_version=read(config, "client_version", str),
        identity=read(config, "identity", str),
        headers=headers,
        binary_headers=binary_headers,
        api_key=checked_api_key(read_optional(config, "api_key", str)),
        retry=_retry(config),
        payloads_warn_size=read(config, "payloads_warn_size", int, 0),
        memo_warn_size=read(config, "memo_warn_size", int, 0),
        gzip=compression == "gzip",
        target_url=read(config, "target_url", str),
    )


def _retry(config: object) -> turn.RetryConfig | None:
    retry: object | None = getattr(config, "retry_config", None)
    if retry is None:
        return None
    return turn.RetryConfig(
        initial_interval_ns=milliseconds(retry, "initial_interval_millis"),
        randomization_factor=read(retry, "randomization_factor", float),
        multiplier=read(retry, "multiplier", float),
        max_interval_ns=milliseconds(retry, "max_interval_millis"),
        max_elapsed_ns=optional_milliseconds(retry, "max_elapsed_time_millis"),
        max_retries=read(retry, "max_retries", int),
    )


class ClientRef:
    """A connected client."""

    def __init__(self, runtime: RuntimeRef, client: int, binary_headers: Mapping[str, bytes]) -> None:
        self._runtime = runtime
        self.handle = client
        self._binary_headers = dict(binary_headers)
        runtime.driver.lease(self, turn.Input(client_close=turn.ClientClose(client=client)))

    @property
    def runtime(self) -> RuntimeRef:
        """The runtime it belongs to."""
        return self._runtime

    def update_metadata(self, headers: Mapping[str, str | bytes]) -> None:
        """Replaces all custom headers.

        Raises:
            ValueError: a key or value that gRPC cannot send. The old headers stay; but as with the native module, a
                bad header of bytes comes to light when those of text are replaced already.
        """
        texts, binaries = split_headers(headers)
        texts = checked_texts(texts)
        try:
            self._binary_headers = checked_binaries(binaries)
        finally:
            update = turn.ClientUpdateHeaders(client=self.handle, headers=texts, binary_headers=self._binary_headers)
            self._runtime.driver.submit(turn.Input(client_update_headers=update))

    def update_api_key(self, api_key: str | None) -> None:
        """Replaces the API key; None sends no authorization header any more.

        Raises:
            ValueError: one that cannot be sent. The old one stays.
        """
        update = turn.ClientUpdateApiKey(client=self.handle, api_key=checked_api_key(api_key))
        self._runtime.driver.submit(turn.Input(client_update_api_key=update))

    def call_workflow_service(self, call: object) -> asyncio.Future[bytes]:
        """An RPC of the workflow service."""
        return self._call("workflow", call)

    def call_operator_service(self, call: object) -> asyncio.Future[bytes]:
        """An RPC of the operator service."""
        return self._call("operator", call)

    def call_cloud_service(self, call: object) -> asyncio.Future[bytes]:
        """An RPC of the cloud service."""
        return self._call("cloud", call)

    def call_test_service(self, call: object) -> asyncio.Future[bytes]:
        """An RPC of the test service."""
        return self._call("test", call)

    def call_health_service(self, call: object) -> asyncio.Future[bytes]:
        """An RPC of the health service."""
        return self._call("health", call)

    def _call(self, service: str, call: object) -> asyncio.Future[bytes]:
        self._runtime.assert_same_process("use client")
        rpc, body, retry = read(call, "rpc", str), read(call, "req", bytes), read(call, "retry", bool)
        timeout = optional_milliseconds(call, "timeout_millis")
        timeout_ns = 0 if timeout is None else max(timeout, 1)  # to Core, 0 is none
        metadata = read_metadata(call, "metadata")
        try:
            if rpc not in RPCS[service]:
                raise ValueError(f"Unknown RPC call {rpc}")
            headers, binary_headers = call_headers(metadata)
        except ValueError as error:
            failed: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed

        def make(number: int) -> turn.Input:
            message = turn.ClientCall(
                client=self.handle,
                call=number,
                service=SERVICES[service],
                rpc=method_name(rpc),
                body=body,
                retry=retry,
                headers=headers,
                binary_headers=binary_headers,
                timeout_ns=timeout_ns,
            )
            return turn.Input(client_call=message)

        return self._runtime.driver.call(make)
