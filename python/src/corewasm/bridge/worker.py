"""Workers: polls, completions, shutdown."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from corewasm.abi import turn, worker
from corewasm.bridge.client import ClientRef
from corewasm.bridge.resources import sample_resources
from corewasm.bridge.runtime import Misuse, RuntimeRef
from corewasm.bridge.slots import SlotBroker
from corewasm.bridge.worker_config import custom_suppliers, has_resource_based_slots, worker_config
from corewasm.host.calls import CoreDoesNotAnswer
from corewasm.host.claim import Claim
from corewasm.host.driver import Driver, undelivered
from corewasm.host.task_inputs import AnyInput, CompleteInput, PollInput


def new_worker(runtime_ref: RuntimeRef, client: ClientRef, config: object) -> WorkerRef:
    """A worker of a client of this runtime.

    Raises:
        ValueError: the configuration is wrong.
        RuntimeError: Core refuses it, e.g. because it would compete with another worker of this process.
        AssertionError: the runtime belongs to the process that this one was forked from.
    """
    runtime_ref.assert_same_process("create worker")
    message = worker_config(config)
    driver = runtime_ref.driver
    result = WorkerRef(runtime_ref, driver, runtime_ref.slots, config)
    if has_resource_based_slots(message):
        sample_resources(driver, result)

    def make(call: int) -> turn.Input:
        opening = worker.WorkerOpen(worker=result.handle, client=client.handle, call=call, config=message)
        return turn.Input(worker_open=opening)

    result.open(make)
    result.client = client
    return result


class WorkerRef:
    """A worker. One that is collected without having been shut down is given up by Core."""

    def __init__(self, runtime: RuntimeRef, driver: Driver, slots: SlotBroker, config: object) -> None:
        """Not open yet."""
        self._runtime = runtime
        self._driver = driver
        self._slots = slots
        self.handle = driver.workers.take()
        self.client: ClientRef | None = None
        self._open = False
        self._outstanding: set[asyncio.Future[Any]] = set()
        kinds = (worker.WORKFLOW, worker.ACTIVITY, worker.NEXUS)
        self._undelivered = {kind: undelivered(driver, self.handle, kind) for kind in kinds}
        driver.lease(self)
        slots.add_worker(self.handle, custom_suppliers(config))

    def open(self, make: Callable[[int], turn.Input]) -> None:
        """Opens it with the input that `make` makes.

        Raises:
            ValueError: Core finds the configuration wrong.
            RuntimeError: Core refuses it.
        """
        drop = turn.Input(worker_drop=worker.WorkerDrop(worker=self.handle))
        self._abandoned = self._driver.lease(self, drop)  # first: whoever is interrupted below may have opened it
        try:
            self._driver.call_now(make)
        except CoreDoesNotAnswer:
            raise
        except (ValueError, RuntimeError):
            self._driver.end_lease(self._abandoned)
            self._driver.workers.give_back(self.handle)
            self._slots.remove_worker(self.handle)
            raise
        self._open = True
        weakref.finalize(self, self._slots.remove_worker, self.handle).atexit = False

    def validate(self) -> asyncio.Future[bytes]:
        """Checks the namespace. The current loop and context are those of custom slot suppliers from now on."""
        self._runtime.assert_same_process("use worker")
        self._slots.settle_worker(self._checked())
        message = worker.WorkerValidate
        return self._call(lambda call: turn.Input(worker_validate=message(worker=self.handle, call=call)))

    def poll_workflow_activation(self) -> asyncio.Future[bytes]:
        """The next activation."""
        return self._poll(worker.WORKFLOW)

    def poll_activity_task(self) -> asyncio.Future[bytes]:
        """The next activity task."""
        return self._poll(worker.ACTIVITY)

    def poll_nexus_task(self) -> asyncio.Future[bytes]:
        """The next Nexus task."""
        return self._poll(worker.NEXUS)

    def complete_workflow_activation(self, proto: bytes) -> asyncio.Future[tuple[()]]:
        """Answers an activation."""
        return self._complete(worker.WORKFLOW, proto)

    def complete_activity_task(self, proto: bytes) -> asyncio.Future[tuple[()]]:
        """Answers an activity task."""
        return self._complete(worker.ACTIVITY, proto)

    def complete_nexus_task(self, proto: bytes) -> asyncio.Future[tuple[()]]:
        """Answers a Nexus task."""
        return self._complete(worker.NEXUS, proto)

    def record_activity_heartbeat(self, proto: bytes) -> None:
        """Tells that an activity is alive."""
        body = _real_bytes(proto)
        self._submit(turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=self._checked(), body=body)))

    def request_workflow_eviction(self, run_id: str) -> None:
        """Asks for a run to leave the cache; an unknown one is ignored."""
        message = worker.WorkerRequestEviction(worker=self._checked(), run_id=run_id)
        self._submit(turn.Input(worker_request_eviction=message))

    def replace_client(self, client: ClientRef) -> None:
        """Goes on with another client of the same runtime.

        Raises:
            ValueError: Core refuses it.
        """
        handle = self._checked()
        if client.runtime is not self._runtime:
            raise ValueError("Failed replacing client: the new client belongs to another runtime")

        def make(call: int) -> turn.Input:
            message = worker.WorkerReplaceClient(worker=handle, client=client.handle, call=call)
            return turn.Input(worker_replace_client=message)

        try:
            self._driver.call_now(make)
        except RuntimeError as error:
            raise ValueError(f"Failed replacing client: {error}") from None
        self.client = client

    def initiate_shutdown(self) -> None:
        """Lets polls end once there is nothing left to do. Harmless to repeat."""
        message = worker.WorkerInitiateShutdown(worker=self._checked())
        self._submit(turn.Input(worker_initiate_shutdown=message))

    def finalize_shutdown(self) -> asyncio.Future[tuple[()]]:
        """Ends the worker, after all polls have ended.

        Raises:
            ValueError: a poll or completion is still outstanding; the worker is given up.
        """
        handle, self._open = self._checked(), False
        outstanding = sum(not each.done() for each in list(self._outstanding))
        if outstanding:
            self._abandoned()
            raise ValueError(f"Cannot finalize, expected 1 reference, got {1 + outstanding}")
        self._driver.end_lease(self._abandoned)
        message = worker.WorkerFinalizeShutdown

        def ended(_: bytes) -> tuple[()]:
            self._slots.remove_worker(handle)
            return ()

        make = lambda call: turn.Input(worker_finalize_shutdown=message(worker=handle, call=call))  # noqa: E731
        return self._driver.call(make, ended)

    def _poll(self, kind: worker.TaskKind) -> asyncio.Future[bytes]:
        self._runtime.assert_same_process("use worker")
        handle = self._checked()
        return self._call(lambda call: PollInput(handle, kind, call), bytes, self._undelivered[kind])

    def _complete(self, kind: worker.TaskKind, proto: bytes) -> asyncio.Future[tuple[()]]:
        handle, body = self._checked(), _real_bytes(proto)
        return self._call(lambda call: CompleteInput(handle, kind, call, body), _nothing)

    def _call(
        self,
        make: Callable[[int], AnyInput],
        convert: Callable[[bytes], Any] = bytes,
        undelivered: Callable[[bytes, Claim], None] | None = None,
    ) -> asyncio.Future[Any]:
        return self._driver.call(make, convert, undelivered, self._outstanding)

    def _checked(self) -> int:
        if not self._open:
            raise Misuse("the worker is not open any more")
        return self.handle

    def _submit(self, message: turn.Input) -> None:
        self._driver.submit(message)


def _nothing(_: bytes) -> tuple[()]:
    return ()


def _real_bytes(proto: bytes) -> bytes:
    if not isinstance(proto, bytes):
        raise TypeError(f"argument 'proto': '{type(proto).__name__}' object cannot be converted to 'PyBytes'")
    return proto
