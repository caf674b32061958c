"""The module never overruns the stack of the thread that it is called on, and its deepest messages fit in its share."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corewasm.vm.engine import EngineKind

CHILD = """
import sys, threading
sys.path[:0] = [{tests!r}, {repository!r}]
from test_vm_stacks import deep_messages
from test_vm_traps import trapped
said = []
def run():
    said.append(trapped("stack overflow"))
    deep_messages({depth})
trapped("unreachable")
threading.stack_size({size} << 10)
thread = threading.Thread(target=run)
thread.start()
thread.join()
print(said)
"""
DEEPEST = 90
"""Causes in a failure. Protobuf's limit is 100 messages, of which some are around it."""


def deep_messages(depth: int) -> None:
    """Turns of Core with a history and a completion that have failures with this many causes."""
    import corewasm

    corewasm.install()
    from temporalio.api.failure.v1 import Failure
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

    from conformance.histories.builder import HistoryBuilder
    from conformance.lang.replay import replay

    failure = Failure(message="first cause")
    for level in range(depth):
        failure = Failure(message=f"level {level}", cause=failure)
        failure.application_failure_info.details.payloads.add(data=b"detail")
    history = HistoryBuilder()
    history.task()
    scheduled = history.activity_scheduled(1)
    started = history.activity_started(scheduled)
    event = {"scheduled_event_id": scheduled, "started_event_id": started, "failure": failure}
    history.add("ACTIVITY_TASK_FAILED", "activity_task_failed_event_attributes", **event)
    history.task()
    event = {"workflow_task_completed_event_id": len(history), "failure": failure}
    history.add("WORKFLOW_EXECUTION_FAILED", "workflow_execution_failed_event_attributes", **event)

    def complete(data: bytes, _: int) -> bytes:
        activation = WorkflowActivation.FromString(data)
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        for job in activation.jobs:
            if job.HasField("initialize_workflow"):
                wanted = completion.successful.commands.add().schedule_activity
                wanted.seq, wanted.activity_id, wanted.activity_type, wanted.task_queue = 1, "1", "work", "replay"
                wanted.start_to_close_timeout.seconds = 10
            elif job.HasField("resolve_activity"):
                assert job.resolve_activity.result.failed.failure.cause.message == f"level {depth - 1}"
                completion.successful.commands.add().fail_workflow_execution.failure.CopyFrom(failure)
        return completion.SerializeToString()

    steps = asyncio.run(replay("deep", history.serialized(), complete))
    assert len(steps) == 3, "the run was evicted before its end"


@pytest.mark.parametrize("size", [128, 256, 8192])
@pytest.mark.parametrize("engine", [kind.value for kind in EngineKind])
def test_threads_with_stacks_of_any_usual_size(engine: str, size: int) -> None:
    here = Path(__file__).resolve()
    names = {"tests": str(here.parent), "repository": str(here.parents[2])}
    environment = {**os.environ, "COREWASM_ENGINE": engine}
    environment.pop("COREWASM", None)
    code = CHILD.format(size=size, depth=DEEPEST, **names)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert "call stack exhausted" in done.stdout
