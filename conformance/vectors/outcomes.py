"""What went wrong in a run: failed workflow tasks by their cause, and evictions by their reason."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskFailedRequest
from temporalio.bridge.proto.workflow_activation import RemoveFromCache, WorkflowActivation

_ENDS = {
    RemoveFromCache.EvictionReason.WORKFLOW_EXECUTION_ENDING,
    RemoveFromCache.EvictionReason.LANG_REQUESTED,  # after every replay
}


class Unintended(Exception):
    """A run went wrong in a way that its scenario does not say, or not in the way that it says."""


def check(name: str, expected: frozenset[str], requests: list[list[str]], activations: list[str]) -> None:
    """Raise `Unintended` unless exactly the failures and evictions that `expected` names are in the run."""
    found = frozenset(_failures(requests)) | frozenset(_evictions(activations))
    if found != expected:
        raise Unintended(f"{name}: {sorted(found)} instead of {sorted(expected)}")


def _failures(requests: list[list[str]]) -> Iterator[str]:
    for rpc, body in requests:
        if rpc == "RespondWorkflowTaskFailed":
            request = RespondWorkflowTaskFailedRequest.FromString(base64.b64decode(body))
            name = WorkflowTaskFailedCause.Name(request.cause)
            yield f"failed {name.removeprefix('WORKFLOW_TASK_FAILED_CAUSE_')}"


def _evictions(activations: list[str]) -> Iterator[str]:
    for body in activations:
        for job in WorkflowActivation.FromString(base64.b64decode(body)).jobs:
            if job.HasField("remove_from_cache") and job.remove_from_cache.reason not in _ENDS:
                yield f"evicted {RemoveFromCache.EvictionReason.Name(job.remove_from_cache.reason)}"
