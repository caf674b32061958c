"""Keeps what a worker's Core told the SDK, and what the SDK answered, for looking into what went wrong."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any
from unittest import mock

import temporalio.bridge.worker as bridge_worker
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion


def keep(folder: Path, core: str) -> None:
    """From now on, append every activation and completion of this process to a file in `folder`.

    A JSON line each: `{"run", "time", "activation" | "completion": base64}`.
    """
    sink = (folder / f"{core}-{os.getpid()}.jsonl").open("a")
    poll = bridge_worker.Worker.poll_workflow_activation
    complete = bridge_worker.Worker.complete_workflow_activation

    def write(kind: str, message: WorkflowActivation | WorkflowActivationCompletion) -> None:
        encoded = base64.b64encode(message.SerializeToString()).decode()
        sink.write(json.dumps({"run": message.run_id, "time": time.time(), kind: encoded}) + "\n")
        sink.flush()

    async def keeping_poll(worker: bridge_worker.Worker) -> Any:
        activation = await poll(worker)
        write("activation", activation)
        return activation

    async def keeping_complete(worker: bridge_worker.Worker, completion: WorkflowActivationCompletion) -> None:
        write("completion", completion)
        await complete(worker, completion)

    mock.patch.object(bridge_worker.Worker, "poll_workflow_activation", keeping_poll).start()
    mock.patch.object(bridge_worker.Worker, "complete_workflow_activation", keeping_complete).start()
