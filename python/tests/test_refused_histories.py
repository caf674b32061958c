"""Spec 12.3: what is no history is refused with what is wrong, where native Core panics and its poll hangs."""

from __future__ import annotations

import pytest

import corewasm

corewasm.install()  # before the SDK's bridge is imported

from conformance.histories.bad import BAD, ends  # noqa: E402
from conformance.lang.replay import replay  # noqa: E402

REASONS = {
    "bad-truncated-to-nothing": "History is empty!",
    "bad-truncated-at-the-front": "First event in history was not workflow execution started!",
    "bad-without-a-workflow-type": "No workflow type defined in execution started attributes",
    "bad-gap-at-task-completed": "should be WFT completed, failed, or timed out",
}
# Native hangs, ours takes it for a run with nothing to do: bytes that end early, and ids that are none.
ENDED = {"bad-truncated-after-the-start", "bad-ids-are-zero"}


def never(_activation: bytes, _index: int) -> bytes:
    raise AssertionError("lang is not asked")


@pytest.mark.parametrize("name", REASONS)
async def test_it_is_refused(name: str) -> None:
    history = BAD[name]().history.SerializeToString()
    with pytest.raises(Exception, match=REASONS[name]):
        await replay("some-workflow", history, never)


def test_no_history_on_which_native_hangs_is_left_out() -> None:
    assert {name for name in BAD if ends.of(name).replay is None} == REASONS.keys() | ENDED
