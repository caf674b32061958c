"""Replay of one history on the Core of this process, as data."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from temporalio.api.history.v1 import History
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from conformance.lang import langs, replay

_TIMEOUT_SECONDS = 60


def replay_item(workflow_id: str, history: bytes, lang: str) -> dict[str, Any]:
    """The steps of a replay, base64, or the error that ended it."""
    try:
        answering = langs.make(lang, History.FromString(history))
        steps = asyncio.run(asyncio.wait_for(_replay(workflow_id, history, answering), _TIMEOUT_SECONDS))
    except Exception as error:  # noqa: BLE001 - whatever a Core raises is the result to compare
        return {"error": f"{type(error).__name__}: {error}"}
    return {"steps": [[_text(step.activation), _text(step.completion)] for step in steps]}


async def _replay(workflow_id: str, history: bytes, lang: langs.Lang) -> list[replay.Step]:
    def complete(activation: bytes, _index: int) -> bytes:
        return lang.complete(WorkflowActivation.FromString(activation)).SerializeToString(deterministic=True)

    return await replay.replay(workflow_id, history, complete)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
