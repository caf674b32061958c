"""Where host names lead: the machine's own resolution, and connections to the first address that answers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any

from corewasm.transport.held import Connection, Held

_HAPPY_EYEBALLS_SECONDS = 0.25
# What the interpreter was built with: whoever patches `socket` means his own connections.
_getaddrinfo: Any = getattr(socket, "_socket", socket).getaddrinfo


class NameNotFound(OSError):
    """A host name that leads nowhere."""


class Name:
    """A host name and a port. However many ask, and whoever of them gives up: one lookup at a time, in one thread."""

    def __init__(self, host: str, port: int) -> None:
        """The host may be an address, an IPv6 one in brackets too."""
        self._host, self._port = host.strip("[]"), port
        self._lookup: asyncio.Future[list[str]] | None = None

    async def addresses(self) -> list[str]:
        """Where it leads now: ``host:port``, IPv6 in brackets, in the machine's order, each once.

        Raises:
            NameNotFound: nowhere.
        """
        return await asyncio.shield(self.lookup())

    def lookup(self) -> asyncio.Future[list[str]]:
        """The one that is running. Not to be cancelled."""
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.ensure_future(self._look())
            self._lookup.add_done_callback(_seen)
        return self._lookup

    async def _look(self) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(None, _getaddrinfo, self._host, self._port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameNotFound(f"the name {self._host} is not found: {error}") from None
        if not found:
            raise NameNotFound(f"the name {self._host} has no addresses")
        return list(dict.fromkeys(_joined(*each[4]) for each in found))


async def open_first(addresses: Sequence[str]) -> Connection:
    """A connection to the first address that answers: the next is tried when one fails or takes 250 ms.

    Raises:
        OSError: none answered.
    """
    waiting, failures = _interleaved(addresses), list[str]()
    running: set[asyncio.Task[Connection]] = set()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(_open(*split(waiting.pop(0)))))
            patience = _HAPPY_EYEBALLS_SECONDS if waiting else None
            done, running = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            failures += [str(task.exception()) for task in done if task.exception() is not None]
            made = [task.result() for task in done if task.exception() is None]
            for other in made[1:]:
                other.close()
            if made:
                return made[0]
    finally:
        for task in running:
            task.cancel()
    raise OSError("; ".join(failures))


async def _open(host: str, port: int) -> Connection:
    return Connection(*await asyncio.get_running_loop().create_connection(Held, host, port))


def split(address: str) -> tuple[str, int]:
    """Host and port. The port of a proxy without one is 80.

    Raises:
        ValueError: the port is no number.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "]" in port:
        return address.strip("[]"), 80
    return host.strip("[]"), int(port)


def _interleaved(addresses: Sequence[str]) -> list[str]:
    """The families in turn, the first address's first."""
    first = [each for each in addresses if each.startswith("[") == addresses[0].startswith("[")]
    second = [each for each in addresses if each not in first]
    return [each for each in chain.from_iterable(zip_longest(first, second)) if each is not None]


def _joined(host: str, port: int, _flow: int = 0, scope: int = 0) -> str:
    if ":" not in host:
        return f"{host}:{port}"
    return f"[{host}%{scope}]:{port}" if scope and "%" not in host else f"[{host}]:{port}"


def _seen(lookup: asyncio.Future[list[str]]) -> None:
    if not lookup.cancelled():
        lookup.exception()  # those who asked may have given up
