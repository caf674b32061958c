"""The RPCs that Core has running, one task each on the I/O thread."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import Callable

from corewasm.abi import turn
from corewasm.host.io_thread import IoThread
from corewasm.host.rpc_results import answered, broken, failed
from corewasm.transport import RpcFailure, Transport, TransportOptions, UnaryRequest, make_transport

logger = logging.getLogger(__name__)

_UNAVAILABLE = 14


class RunningRpc:
    """One RPC and the instance of Core that began it."""

    __slots__ = ("instance", "start", "task")

    def __init__(self, instance: int, start: turn.RpcStart) -> None:
        self.instance = instance
        self.start = start
        self.task: asyncio.Task[None] | None = None


Finished = Callable[[RunningRpc, turn.RpcResult], None]


class Rpcs:
    """Starts and cancels RPCs. Everything but `open_client`, `start` and `cancel` happens on the I/O thread."""

    def __init__(self, io: IoThread, finished: Finished) -> None:
        """`finished` is told every outcome, on the I/O thread, and is only weakly held."""
        self._io = io
        self._finished = weakref.WeakMethod(finished)
        self._options: dict[int, TransportOptions] = {}
        self._transports: dict[int, Transport] = {}
        self._running: dict[tuple[int, int], RunningRpc] = {}
        self._requested: deque[Callable[[], None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected before it ran

    def open_client(self, client: int, options: TransportOptions) -> None:
        """Tells how to connect for the client's RPCs; the connection is made with the first of them."""
        self._options[client] = options

    def close_client(self, client: int) -> None:
        """The client has no RPC running any more."""
        self._request(lambda: self._close_client(client))

    def start(self, instance: int, start: turn.RpcStart) -> None:
        """Begins an RPC soon."""
        self._request(lambda: self._start(RunningRpc(instance, start)))

    def cancel(self, instance: int, rpc: int) -> None:
        """Ends an RPC without an outcome, if it still runs."""
        self._request(lambda: self._cancel((instance, rpc)))

    def cancel_orphans(self, worker: int, instance: int) -> None:
        """Ends what instances before this one have running for a worker that is gone: its polls would get tasks."""
        self._request(lambda: self._cancel_orphans(worker, instance))

    def _request(self, action: Callable[[], None]) -> None:
        """Many requests of one turn wake the thread once."""
        self._requested.append(action)
        if len(self._requested) == 1:
            self._io.post(self._carry_out)

    def _carry_out(self) -> None:
        while self._requested:
            self._requested[0]()
            self._requested.popleft()

    def _start(self, rpc: RunningRpc) -> None:
        key = (rpc.instance, rpc.start.rpc)
        self._running[key] = rpc
        rpc.task = self._io.loop.create_task(self._run(key, rpc))

    def _cancel(self, key: tuple[int, int]) -> None:
        rpc = self._running.pop(key, None)
        if rpc is not None and rpc.task is not None:
            rpc.task.cancel()

    def _cancel_orphans(self, worker: int, instance: int) -> None:
        for key, rpc in list(self._running.items()):
            if rpc.start.worker == worker and rpc.instance < instance:
                self._cancel(key)

    async def _run(self, key: tuple[int, int], rpc: RunningRpc) -> None:
        result = await self._result(key, rpc.start)
        if self._running.pop(key, None) is None:
            return
        finished = self._finished()
        if finished is not None:
            finished(rpc, result)

    async def _result(self, key: tuple[int, int], start: turn.RpcStart) -> turn.RpcResult:
        transport: Transport | None = None
        try:
            transport = self._transport(start.client)
            return answered(start, transport, await transport.unary(_request(start)))
        except RpcFailure as failure:
            return failed(start, transport, failure)
        except asyncio.CancelledError as error:
            if key not in self._running or self._io.is_closing:
                raise  # it is we who cancel
            return broken(start, transport, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's transport may raise anything
            return broken(start, transport, error)

    def _transport(self, client: int) -> Transport:
        transport = self._transports.get(client)
        if transport is None:
            options = self._options.get(client)
            if options is None:
                raise RpcFailure(_UNAVAILABLE, f"client {client} is closed", transport=True)
            transport = self._transports[client] = make_transport(options)
        return transport

    def _close_client(self, client: int) -> None:
        self._options.pop(client, None)
        transport = self._transports.pop(client, None)
        if transport is not None:
            task = self._io.loop.create_task(_close(transport))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close(transport: Transport) -> None:
    try:
        await transport.close()
    except Exception:
        logger.warning("The transport %s could not be closed", type(transport).__name__, exc_info=True)


def _request(start: turn.RpcStart) -> UnaryRequest:
    metadata = [(entry.key, entry.value) for entry in start.metadata]
    return UnaryRequest(start.uri, start.body, metadata, start.timeout_ns / 1e9, start.gzip)
