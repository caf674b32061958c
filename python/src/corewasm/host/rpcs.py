"""The RPCs that Core has running, one task each on the I/O thread."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable

from corewasm.abi import turn
from corewasm.host.io_thread import IoThread
from corewasm.host.reports import report
from corewasm.host.rpc_results import answered, broken, failed
from corewasm.transport import RpcFailure, Transport, TransportOptions, UnaryRequest, make_transport

logger = logging.getLogger(__name__)

_UNAVAILABLE = 14


class InterruptedRpc(RuntimeError):
    """The task of an RPC was ended by something else than its transport and its caller."""


_INTERRUPTIONS = (InterruptedRpc, KeyboardInterrupt, MemoryError)
"""What says nothing about the server: Core may try again."""


class RunningRpc:
    """One RPC and the instance of Core that began it. `told` when the input with its end is in Core's inbox."""

    begun = False
    told = False
    task: asyncio.Task[None] | None = None
    transport: Transport | None = None
    response: tuple[object] | None = None
    error: BaseException | None = None

    def __init__(self, instance: int, start: turn.RpcStart) -> None:
        self.instance = instance
        self.start = start

    def result(self) -> turn.RpcResult:
        """Its end."""
        if self.response is not None:
            try:
                return answered(self.start, self.transport, *self.response)
            except Exception as wrong:  # noqa: BLE001 - a user's transport may bring anything
                return broken(self.start, self.transport, wrong)
        error = self.error or InterruptedRpc()
        if isinstance(error, _INTERRUPTIONS):
            text = f"{self.start.uri} was interrupted in this process: {error!r}"
            return failed(self.start, self.transport, RpcFailure(_UNAVAILABLE, text, transport=True))
        if isinstance(error, RpcFailure):
            return failed(self.start, self.transport, error)
        return broken(self.start, self.transport, error)


Finished = Callable[[RunningRpc, turn.RpcResult], None]


class Rpcs:
    """Starts and cancels RPCs. Everything but `open_client` happens on the I/O thread."""

    def __init__(self, io: IoThread, finished: Finished) -> None:
        """`finished` is told every outcome, on the I/O thread, and is only weakly held. It may be told twice."""
        self._io = io
        self._finished = weakref.WeakMethod(finished)
        self._options: dict[int, TransportOptions] = {}
        self._transports: dict[int, Transport] = {}
        self._running: dict[tuple[int, int], RunningRpc] = {}
        self._closing: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected before it ran

    def open_client(self, client: int, options: TransportOptions) -> None:
        """Tells how to connect for the client's RPCs, which the first of them does. From any thread."""
        self._options[client] = options

    def start(self, instance: int, start: turn.RpcStart) -> None:
        """Begins an RPC. Harmless to repeat at once."""
        key = (instance, start.rpc)
        rpc = self._running.setdefault(key, RunningRpc(instance, start))
        if rpc.task is None:
            rpc.task = self._io.loop.create_task(self._run(key, rpc))

    def cancel(self, instance: int, rpc: int) -> None:
        """Ends an RPC without an outcome, if it still runs."""
        running = self._running.pop((instance, rpc), None)
        if running is not None and running.task is not None:
            running.task.cancel()

    def cancel_orphans(self, worker: int, instance: int) -> None:
        """Ends what instances before this one have running for a worker that is gone: its polls would get tasks."""
        for number, rpc in list(self._running):
            if number < instance and self._running[number, rpc].start.worker == worker:
                self.cancel(number, rpc)

    def close_client(self, client: int) -> None:
        """The client has no RPC running any more."""
        self._options.pop(client, None)
        transport = self._transports.pop(client, None)
        if transport is not None:
            task = self._io.loop.create_task(_close(transport))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def deliver_ended(self) -> None:
        """Something was interrupted, maybe a task at its very end."""
        for key, rpc in list(self._running.items()):
            if rpc.task is None or rpc.task.done():
                self._deliver(key, rpc)

    def loop_lost(self, reason: str) -> None:
        """All tasks are gone with their loop: their RPCs have failed, and each client connects anew."""
        self._transports.clear()
        self._closing.clear()
        for key, rpc in list(self._running.items()):
            if rpc.error is None:
                text = f"the connection was lost with its event loop: {reason}"
                rpc.error = RpcFailure(_UNAVAILABLE, text, transport=True)
            self._deliver(key, rpc)

    async def _run(self, key: tuple[int, int], rpc: RunningRpc) -> None:
        if rpc.begun:
            return  # whoever began it was interrupted, and began it again
        rpc.begun = True
        try:
            rpc.transport = self._transport(rpc.start.client)
            rpc.response = (await rpc.transport.unary(_request(rpc.start)),)
        except asyncio.CancelledError as error:
            if key not in self._running or self._io.is_closing:
                raise  # it is we who cancel
            rpc.error = error
        except GeneratorExit:
            raise  # the loop was closed
        except BaseException as error:  # noqa: BLE001 - a user's transport may raise anything
            rpc.error = error
        finally:
            self._deliver(key, rpc)

    def _deliver(self, key: tuple[int, int], rpc: RunningRpc) -> None:
        """The outcome of an RPC whose task has ended, once, unless it was cancelled."""
        if self._running.get(key) is not rpc or (self._io.is_closing and rpc.response is None and rpc.error is None):
            return
        try:
            finished = self._finished()
            if finished is not None:
                finished(rpc, rpc.result())
            self._running.pop(key, None)
        except BaseException as error:  # noqa: BLE001 - Core waits for every outcome
            report(logger, logging.ERROR, "The outcome of %s is told again: %r", rpc.start.uri, error)
            self._io.post(lambda: self._deliver(key, rpc))

    def _transport(self, client: int) -> Transport:
        transport = self._transports.get(client)
        if transport is None:
            options = self._options.get(client)
            if options is None:
                raise RpcFailure(_UNAVAILABLE, f"client {client} is closed", transport=True)
            transport = self._transports[client] = make_transport(options)
        return transport


async def _close(transport: Transport) -> None:
    try:
        await transport.close()
    except Exception as error:  # noqa: BLE001 - a user's transport may raise anything
        report(logger, logging.WARNING, "The transport %s could not be closed: %r", type(transport).__name__, error)


def _request(start: turn.RpcStart) -> UnaryRequest:
    metadata = [(entry.key, entry.value) for entry in start.metadata]
    return UnaryRequest(start.uri, start.body, metadata, start.timeout_ns / 1e9, start.gzip)
