"""What may differ between two Cores: all of it stands in `corewasm/compare/masks.json`, each with its reason."""

from __future__ import annotations

import json

from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from corewasm.compare.differences import Masks
from corewasm.compare.masks import (
    ACTIVATIONS,
    ACTIVATIONS_OF_LOCAL_ACTIVITIES,
    LOCAL_ACTIVITY_MARKERS,
    REQUESTS,
)

__all__ = [
    "ACTIVATIONS",
    "ACTIVATIONS_OF_LOCAL_ACTIVITIES",
    "REQUESTS",
    "Masks",
    "without_schedule_times",
    "without_wall_times",
]

_ZERO = {"seconds": 0, "nanos": 0}


def without_wall_times(rpc: str, body: bytes) -> bytes:
    """A request whose local activity markers have zero for the masked times: these lie in JSON, not in fields."""
    if rpc != "RespondWorkflowTaskCompleted":
        return body
    message = RespondWorkflowTaskCompletedRequest.FromString(body)
    for command in message.commands:
        attributes = command.record_marker_command_attributes
        if attributes.marker_name == "core_local_activity":
            payload = attributes.details["data"].payloads[0]
            data = json.loads(payload.data)
            for name in LOCAL_ACTIVITY_MARKERS.reasons:
                data[name] = data[name] and _ZERO
            payload.data = json.dumps(data).encode()
    return bytes(message.SerializeToString(deterministic=True))


def without_schedule_times(activation: bytes) -> bytes:
    """When a local activity was first wanted becomes zero: it differs between any two runs."""
    message = WorkflowActivation.FromString(activation)
    for job in message.jobs:
        backoff = job.resolve_activity.result.backoff
        if job.HasField("resolve_activity") and backoff.HasField("original_schedule_time"):
            backoff.original_schedule_time.Clear()
            return message.SerializeToString(deterministic=True)
    return activation
