"""Replay workers: an instance of Core of their own, that ends with them."""

from __future__ import annotations

import asyncio

from corewasm.abi import turn, worker
from corewasm.bridge.runtime import RuntimeRef
from corewasm.bridge.worker import WorkerRef
from corewasm.bridge.worker_config import worker_config
from corewasm.host.driver import Driver


def new_replay_worker(runtime_ref: RuntimeRef, config: object) -> tuple[WorkerRef, HistoryPusher]:
    """A worker that replays histories, and what to push them with.

    Raises:
        ValueError: the configuration is wrong.
        AssertionError: the runtime belongs to the process that this one was forked from.
    """
    runtime_ref.assert_same_process("create replay worker")
    message = worker_config(config)
    driver, slots = runtime_ref.new_driver()
    result = WorkerRef(runtime_ref, driver, slots, config)

    def make(call: int) -> turn.Input:
        return turn.Input(replay_worker_open=worker.ReplayWorkerOpen(worker=result.handle, call=call, config=message))

    try:
        result.open(make)
    except RuntimeError as error:
        raise ValueError(f"Failed creating replay worker: {error}") from None
    return result, HistoryPusher(driver, result.handle)


class HistoryPusher:
    """Feeds a replay worker."""

    def __init__(self, driver: Driver, handle: int) -> None:
        self._driver = driver
        self._handle = handle
        self._closed = False
        closing = turn.Input(history_close=worker.HistoryClose(worker=handle))
        self._abandoned = driver.lease(self, closing)

    def push_history(self, workflow_id: str, history: bytes) -> asyncio.Future[tuple[()]]:
        """Queues a history; done when the one before it was taken.

        Raises:
            RuntimeError: the pusher is closed.
        """
        if self._closed:
            raise RuntimeError("Replay worker is no longer accepting new histories")
        if not isinstance(history, bytes):
            raise TypeError(f"argument 'history': '{type(history).__name__}' object cannot be converted to 'PyBytes'")
        message = worker.HistoryPush

        def make(call: int) -> turn.Input:
            return turn.Input(
                history_push=message(worker=self._handle, call=call, workflow_id=workflow_id, history=history)
            )

        return self._driver.call(make, _nothing)

    def close(self) -> None:
        """No more histories come: the worker shuts down once it is through."""
        if not self._closed:
            self._closed = True
            self._abandoned()


def _nothing(_: bytes) -> tuple[()]:
    return ()
