"""Replay on a Core through the SDK's bridge, keeping every activation and its completion."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import temporalio.bridge.worker as bridge_worker
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from . import bridge

Complete = Callable[[bytes, int], bytes]
"""Completion bytes for activation bytes and the activation's index."""


@dataclass(frozen=True)
class Step:
    """One activation and what lang answered, both serialized."""

    activation: bytes
    completion: bytes


async def replay(
    workflow_id: str, history: bytes, complete: Complete, *, max_steps: int = 1_000_000, **config: object
) -> list[Step]:
    """Replay one history on a fresh replay worker until its eviction was answered.

    Raises RuntimeError if more than `max_steps` activations come (a Core that does not end), or what the bridge raises.
    """
    worker, pusher = bridge_worker.Worker.for_replay(bridge.new_runtime(), bridge.worker_config("replay", **config))
    steps: list[Step] = []
    try:
        # The pusher holds one history: this waits for nobody, and a history that is refused ends here.
        await pusher.push_history(workflow_id, history)
        while len(steps) < max_steps:
            activation = bytes(await worker._ref.poll_workflow_activation())
            completion = complete(activation, len(steps))
            steps.append(Step(activation, completion))
            await worker._ref.complete_workflow_activation(completion)
            if is_eviction(activation):
                return steps
        raise RuntimeError(f"replay of {workflow_id} did not end within {max_steps} activations")
    finally:
        pusher.close()
        await _drain(worker)


def is_eviction(activation: bytes) -> bool:
    """Whether the activation tells lang to forget the run."""
    # Evictions are short; parsing each long activation for this would show in measurements.
    if len(activation) > 4096:
        return False
    return any(job.HasField("remove_from_cache") for job in WorkflowActivation.FromString(activation).jobs)


async def _drain(worker: bridge_worker.Worker) -> None:
    worker.initiate_shutdown()
    try:
        while True:
            await asyncio.wait_for(worker._ref.poll_workflow_activation(), 10)
    except bridge.PollShutdownError:
        pass
    await worker.finalize_shutdown()
