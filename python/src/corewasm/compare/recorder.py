"""Keeps what a Core tells the SDK during a replay, beneath the SDK's own worker."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import temporalio.bridge.worker as bridge_worker


@contextlib.contextmanager
def recorded_activations(progressed: Callable[[int], None]) -> Iterator[list[bytes]]:
    """While open, the list grows by every activation that any replay worker of this process polls.

    `progressed` is told the number of the last event that each covers.
    """
    activations: list[bytes] = []
    poll = bridge_worker.Worker.poll_workflow_activation

    async def recording_poll(worker: bridge_worker.Worker) -> Any:
        activation = await poll(worker)
        activations.append(activation.SerializeToString(deterministic=True))
        progressed(activation.history_length)
        return activation

    with mock.patch.object(bridge_worker.Worker, "poll_workflow_activation", recording_poll):
        yield activations
