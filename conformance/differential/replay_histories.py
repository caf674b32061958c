"""Replay of one history on the Core of this process, as data."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

from temporalio.api.history.v1 import History
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from conformance.lang import langs, replay

_TIMEOUT_SECONDS = 60


def replay_item(workflow_id: str, history: bytes, lang: str) -> dict[str, Any]:
    """The steps of a replay, base64, or the error that ended it."""
    try:
        answering = langs.make(lang, History.FromString(history))
    except Exception as error:  # noqa: BLE001 - as below
        return _error(error)

    def complete(activation: bytes, _index: int) -> bytes:
        return answering.complete(WorkflowActivation.FromString(activation)).SerializeToString(deterministic=True)

    return replay_answered(workflow_id, history, complete, _TIMEOUT_SECONDS)


def replay_answered(
    workflow_id: str, history: bytes, complete: Callable[[bytes, int], bytes], timeout_seconds: float
) -> dict[str, Any]:
    """As `replay_item`, with completions of activations, which come with their number."""

    async def steps() -> list[replay.Step]:
        return await asyncio.wait_for(replay.replay(workflow_id, history, complete), timeout_seconds)

    try:
        return {"steps": [[_text(step.activation), _text(step.completion)] for step in asyncio.run(steps())]}
    except Exception as error:  # noqa: BLE001 - whatever a Core raises is the result to compare
        return _error(error)


def _error(error: Exception) -> dict[str, Any]:
    return {"error": f"{type(error).__name__}: {error}"}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
