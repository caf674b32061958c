"""Which channel an RPC takes: one, one that follows its name, or several in turn.

Names are resolved by the machine's own rules (files, DNS, whatever else it has), and again when it matters: after a
connection failed, or with DNS load balancing every interval.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from socket import SOCK_STREAM
from typing import Any, Protocol

import grpc

from corewasm.host.unpatched import monotonic
from corewasm.transport.api import RpcFailure, TransportOptions
from corewasm.transport.relay import open_tcp

_UNAVAILABLE = 14
_SECONDS_BETWEEN_LOOKS = 1.0
_SHORTEST_INTERVAL_SECONDS = 0.1


class Channel:
    """One of the library's channels. It can be retired while RPCs are on it."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self._methods: dict[str, Any] = {}
        self._running = 0
        self._retired = False

    def method(self, uri: str) -> Any:
        """What to call."""
        method = self._methods.get(uri)
        if method is None:
            method = self._methods[uri] = self.channel.unary_unary(uri)
        return method

    async def __aenter__(self) -> Channel:
        self._running += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running -= 1
        if self._retired and self._running == 0:
            await self.channel.close()

    async def retire(self) -> None:
        """Closes it as soon as no RPC is on it."""
        self._retired = True
        if self._running == 0:
            await self.channel.close()

    def has_failed(self) -> bool:
        """Whether its last connection failed and another is not there yet."""
        return self.channel.get_state(try_to_connect=False) is grpc.ChannelConnectivity.TRANSIENT_FAILURE


Make = Callable[[str], Awaitable[Channel]]
"""Makes the channel to an address (host:port, IPv6 in brackets)."""


class Channels(Protocol):
    """Where RPCs get their channel."""

    async def pick(self) -> Channel:
        """For one RPC.

        Raises:
            RpcFailure: the name leads nowhere.
        """

    def failed(self) -> None:
        """A connection failed."""

    async def close(self) -> None:
        """Ends what is running."""


def channels_for(options: TransportOptions, make: Make, *, connects_by_name: bool) -> Channels:
    """The way for these options. `connects_by_name`: `make` takes care of names itself."""
    balanced = options.dns_resolution_interval_ms is not None and options.proxy is None
    if _is_address(options.host):
        return OneChannel(options, make)
    if balanced:
        return BalancedChannels(options, make)
    return OneChannel(options, make) if connects_by_name else FollowingChannel(options, make)


class OneChannel:
    """For an address."""

    def __init__(self, options: TransportOptions, make: Make) -> None:
        self._make = make
        self._address = f"{options.host}:{options.port}"
        self._lock = asyncio.Lock()
        self._channel: Channel | None = None

    async def pick(self) -> Channel:
        """The one."""
        if self._channel is None:
            async with self._lock:
                if self._channel is None:
                    self._channel = await self._make(self._address)
        return self._channel

    def failed(self) -> None:
        """The library connects again."""

    async def close(self) -> None:
        """Ends what is running."""
        if self._channel is not None:
            await self._channel.channel.close()


class FollowingChannel:
    """For a name: the first of its addresses that answers, until a connection to it fails."""

    def __init__(self, options: TransportOptions, make: Make) -> None:
        self._options = options
        self._make = make
        self._lock = asyncio.Lock()
        self._channel: Channel | None = None
        self._address = ""
        self._looked_at = 0.0
        self._look_again = True

    async def pick(self) -> Channel:
        """The channel to where the name leads."""
        channel = self._channel
        if channel is None or self._look_again:
            async with self._lock:
                if self._channel is None or self._look_again:
                    await self._look()
                channel = self._channel
        assert channel is not None, "set by _look"
        return channel

    def failed(self) -> None:
        """The next RPC looks where the name leads now, once a second at most."""
        if monotonic() - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._look_again = True

    async def close(self) -> None:
        """Ends what is running."""
        if self._channel is not None:
            await self._channel.channel.close()

    async def _look(self) -> None:
        self._looked_at = monotonic()
        host, port = self._options.host, self._options.port
        try:
            _, writer = await open_tcp(host, port)
        except OSError as error:
            raise RpcFailure(_UNAVAILABLE, f"connecting to {host}:{port} failed: {error}", transport=True) from None
        address = _joined(*writer.get_extra_info("peername")[:2])
        writer.close()
        if address != self._address:
            old, self._channel = self._channel, await self._make(address)
            self._address = address
            if old is not None:
                await old.retire()
        self._look_again = False


class BalancedChannels:
    """For a name that is resolved again every interval: all its addresses in turn, without those that fail."""

    def __init__(self, options: TransportOptions, make: Make) -> None:
        self._options = options
        self._make = make
        interval = options.dns_resolution_interval_ms or 0
        self._interval = max(interval / 1000, _SHORTEST_INTERVAL_SECONDS)
        self._channels: dict[str, Channel] = {}
        self._turns = itertools.count()
        self._lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def pick(self) -> Channel:
        """The next one that has not failed."""
        if not self._channels:
            async with self._lock:
                if not self._channels:
                    await self._resolve()
        if self._refreshing is None:
            self._refreshing = asyncio.ensure_future(self._refresh())
        channels = list(self._channels.values())
        first = next(self._turns)
        in_turn = [channels[(first + number) % len(channels)] for number in range(len(channels))]
        return next((channel for channel in in_turn if not channel.has_failed()), in_turn[0])

    def failed(self) -> None:
        """The next interval looks."""

    async def close(self) -> None:
        """Ends what is running."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        for channel in self._channels.values():
            await channel.channel.close()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._resolve()
            except RpcFailure:
                continue  # what was found before still holds

    async def _resolve(self) -> None:
        host, port = self._options.host, self._options.port
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
        except OSError as error:
            raise RpcFailure(_UNAVAILABLE, f"the name {host} is not found: {error}", transport=True) from None
        addresses = dict.fromkeys(_joined(*address[4][:2]) for address in found)
        for address in addresses:
            if address not in self._channels:
                self._channels[address] = await self._make(address)
        for address in [each for each in self._channels if each not in addresses]:
            await self._channels.pop(address).retire()


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _joined(host: Any, port: Any) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
