"""Requests that pollers make by themselves: compared as sets, for concurrent pollers have no order."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api

from corewasm.compare.differences import differences

from . import masks

Requests = list[tuple[str, str]]
"""RPC and body in base64."""

_HIDDEN = "(masked)"


def compare_background(native: Requests, ours: Requests) -> Iterator[str]:
    """Texts of the distinct requests that only one Core made, beside the one that resembles each most."""
    left, right = _distinct(native), _distinct(ours)
    for core, only, others in (("native", left, right), ("corewasm", right, left)):
        for (rpc, text), message in only.items():
            if (rpc, text) not in others:
                yield f"{rpc}: only {core} sent {text or '(empty)'}{_nearest(rpc, message, others, core)}"


def _distinct(requests: Requests) -> dict[tuple[str, str], Message]:
    """Each request once, by its RPC and its text without what may differ."""
    found = {}
    for rpc, body in requests:
        message = getattr(api, f"{rpc}Request").FromString(base64.b64decode(body))
        for path in masks.REQUESTS.reasons:
            _hide(message, path)
        found[rpc, " ".join(str(message).split())] = message
    return dict(sorted(found.items()))


def _hide(message: Any, path: str) -> None:
    """Take away what stands at `path`; a text leaves a sign that there was one."""
    first, _, rest = path.partition(".")
    field = message.DESCRIPTOR.fields_by_name.get(first)
    if field is None:
        return
    if field.message_type is None:
        if not rest and getattr(message, first):
            setattr(message, first, _HIDDEN)
    elif message.HasField(first):
        inner = getattr(message, first)
        if not rest:
            message.ClearField(first)
        # Only a sticky queue's name is random.
        elif not isinstance(inner, TaskQueue) or inner.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY:
            _hide(inner, rest)


def _nearest(rpc: str, message: Message, others: Mapping[tuple[str, str], Message], core: str) -> str:
    """What differs from the most similar request of the other Core: shorter to read than two messages."""
    candidates = [other for (other_rpc, _), other in others.items() if other_rpc == rpc]
    if not candidates:
        return ""
    pairs = [(message, other) if core == "native" else (other, message) for other in candidates]
    fewest = min(([str(each) for each in differences(*pair)] for pair in pairs), key=len)
    return f"; nearest: {', '.join(fewest)}"
