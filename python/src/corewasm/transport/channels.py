"""Which channel an RPC takes: one, one that follows its name, or several in turn.

Names are resolved by the machine's own rules (files, DNS, whatever else it has), and again when it matters: after a
connection failed, or with DNS load balancing every interval.
"""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Any, Protocol

import grpc

from corewasm.host.unpatched import monotonic
from corewasm.transport.api import RpcFailure, TransportOptions
from corewasm.transport.names import Name, NameNotFound

_UNAVAILABLE = 14
_SECONDS_BETWEEN_LOOKS = 1.0
_LOOK_SECONDS = 2.0
_RANKS = {grpc.ChannelConnectivity.READY: 0, grpc.ChannelConnectivity.TRANSIENT_FAILURE: 2}


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

    def rank(self) -> int:
        """The lower the better: connected, not yet, failed. It connects, if it has not begun to."""
        return _RANKS.get(self.channel.get_state(try_to_connect=True), 1)


Make = Callable[[Sequence[str]], Awaitable[Channel]]
"""Makes the channel to the first of some addresses that answers (host:port, IPv6 in brackets)."""


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
    if _is_address(options.host):
        return OneChannel(options, make)
    if options.dns_resolution_interval_ms is not None and options.proxy is None:
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
                    self._channel = await self._make([self._address])
        return self._channel

    def failed(self) -> None:
        """The library connects again."""

    async def close(self) -> None:
        """Ends what is running."""
        if self._channel is not None:
            await self._channel.channel.close()


class FollowingChannel:
    """For a name: the first of its addresses that answers. After a failure it is looked up again."""

    def __init__(self, options: TransportOptions, make: Make) -> None:
        self._name = Name(options.host, options.port)
        self._make = make
        self._lock = asyncio.Lock()
        self._channel: Channel | None = None
        self._retired: weakref.WeakSet[Channel] = weakref.WeakSet()
        self._addresses: list[str] = []
        self._looked_at = 0.0
        self._look_again = True

    async def pick(self) -> Channel:
        """The channel to where the name leads."""
        channel = self._channel
        if channel is None or self._look_again:
            async with self._lock:
                channel = self._channel
                if channel is None or self._look_again:
                    channel = await self._look()
        return channel

    def failed(self) -> None:
        """The next RPC looks where the name leads now, once a second at most."""
        if monotonic() - self._looked_at >= _SECONDS_BETWEEN_LOOKS:
            self._look_again = True

    async def close(self) -> None:
        """Ends what is running."""
        for channel in (self._channel, *self._retired):
            if channel is not None:
                await channel.channel.close()

    async def _look(self) -> Channel:
        """Where it leads now. What was found before holds while there is no answer."""
        old = self._channel
        self._looked_at = monotonic()
        if old is None:
            addresses = await _resolved(self._name)
        else:
            lookup = self._name.lookup()
            await asyncio.wait([lookup], timeout=_LOOK_SECONDS)
            self._look_again = False
            if not lookup.done() or lookup.exception() is not None:
                return old
            addresses = lookup.result()
        if old is None or sorted(addresses) != sorted(self._addresses):
            channel = self._channel = await self._make(addresses)
            self._addresses = addresses
            if old is not None:
                self._retired.add(old)
                await old.retire()
            old = channel
        self._look_again = False
        return old


class BalancedChannels:
    """For a name that is looked up again every interval: all its addresses in turn, without those that fail."""

    def __init__(self, options: TransportOptions, make: Make) -> None:
        self._name = Name(options.host, options.port)
        self._make = make
        self._interval = (options.dns_resolution_interval_ms or 0) / 1000
        self._channels: dict[str, Channel] = {}
        self._retired: weakref.WeakSet[Channel] = weakref.WeakSet()
        self._turns = itertools.count()
        self._lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def pick(self) -> Channel:
        """The next one that is connected; if none is, the next that has not failed."""
        if not self._channels:
            async with self._lock:
                if not self._channels:
                    await self._change(await _resolved(self._name))
        if self._refreshing is None:
            self._refreshing = asyncio.ensure_future(self._refresh())
        channels = list(self._channels.values())
        first = next(self._turns)
        in_turn = [channels[(first + number) % len(channels)] for number in range(len(channels))]
        return min(in_turn, key=Channel.rank)

    def failed(self) -> None:
        """The next interval looks."""

    async def close(self) -> None:
        """Ends what is running."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        for channel in (*self._channels.values(), *self._retired):
            await channel.channel.close()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._change(await _resolved(self._name))
            except RpcFailure:
                continue  # what was found before still holds

    async def _change(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            if address not in self._channels:
                self._channels[address] = await self._make([address])
        for address in [each for each in self._channels if each not in addresses]:
            channel = self._channels.pop(address)
            self._retired.add(channel)
            await channel.retire()


async def _resolved(name: Name) -> list[str]:
    try:
        return await name.addresses()
    except NameNotFound as error:
        raise RpcFailure(_UNAVAILABLE, str(error), transport=True) from None


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
