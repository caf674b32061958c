"""The RPCs that Core has running, one task each on the I/O thread."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable

from corewasm.abi import turn
from corewasm.host.io_thread import IoThread
from corewasm.transport import RpcFailure, Transport, TransportOptions, UnaryRequest, make_transport

_UNAVAILABLE, _INTERNAL = 14, 13


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
        result = await self._result(rpc.start)
        if self._running.pop(key, None) is None:
            return
        finished = self._finished()
        if finished is not None:
            finished(rpc, result)

    async def _result(self, start: turn.RpcStart) -> turn.RpcResult:
        metadata = [(entry.key, entry.value) for entry in start.metadata]
        request = UnaryRequest(start.uri, start.body, metadata, start.timeout_ns / 1e9, start.gzip)
        try:
            response = await self._transport(start.client).unary(request)
        except RpcFailure as failure:
            return _failed(start.rpc, failure)
        except Exception as error:  # noqa: BLE001 - a user's transport may raise anything; Core must hear of it
            return _failed(start.rpc, RpcFailure(_INTERNAL, f"the transport failed: {error!r}"))
        entries = [turn.MetadataEntry(key=key, value=value) for key, value in response.metadata]
        return turn.RpcResult(rpc=start.rpc, response=turn.GrpcResponse(body=response.body, metadata=entries))

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
            task = self._io.loop.create_task(transport.close())
            self._closing = task  # a task that nobody holds may be collected before it ran


def _failed(rpc: int, failure: RpcFailure) -> turn.RpcResult:
    entries = [turn.MetadataEntry(key=key, value=value) for key, value in failure.metadata]
    status = turn.GrpcStatus(
        code=failure.code,
        message=failure.message,
        details=failure.details,
        metadata=entries,
        transport=failure.transport,
    )
    return turn.RpcResult(rpc=rpc, status=status)
