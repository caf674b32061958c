"""Differences between messages, field by field: maps unordered, all else ordered (section 17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from corewasm.compare.differences import Masks, differences


def activation(**fields: Any) -> WorkflowActivation:
    return WorkflowActivation(run_id="run", **fields)


def texts(native: Any, ours: Any, masks: Masks = Masks({})) -> list[str]:  # noqa: B008 - it can not change
    return [str(each) for each in differences(native, ours, masks)]


def test_equal_messages_have_none() -> None:
    assert texts(activation(history_length=3), activation(history_length=3)) == []


def test_a_field_is_named_with_both_values() -> None:
    assert texts(activation(history_length=3), activation(history_length=4)) == [
        "history_length: native 3, corewasm 4",
    ]


def test_lists_are_ordered_and_their_lengths_count() -> None:
    native, ours = activation(), activation()
    native.jobs.add().fire_timer.seq = 1
    native.jobs.add().fire_timer.seq = 2
    ours.jobs.add().fire_timer.seq = 2
    assert texts(native, ours) == [
        "jobs[0].fire_timer.seq: native 1, corewasm 2",
        "jobs[1]: native fire_timer { seq: 2 }, corewasm absent",
    ]


def test_an_empty_message_is_not_an_absent_one() -> None:
    native, ours = WorkflowCommand(), WorkflowCommand()
    native.complete_workflow_execution.SetInParent()
    assert texts(native, ours) == ["complete_workflow_execution: native (empty), corewasm absent"]


def command(fill: Callable[[Any], None]) -> WorkflowCommand:
    found = WorkflowCommand()
    fill(found.schedule_activity.headers)
    return found


def test_maps_are_unordered_and_compared_by_key() -> None:
    def native(headers: Any) -> None:
        headers["a"].data, headers["b"].data = b"1", b"2"

    def ours(headers: Any) -> None:
        headers["b"].data, headers["a"].data, headers["c"].data = b"2", b"9", b""

    assert texts(command(native), command(ours)) == [
        "schedule_activity.headers['a'].data: native b'1', corewasm b'9'",
        "schedule_activity.headers['c']: native absent, corewasm (empty)",
    ]


@pytest.mark.parametrize("mask", ["jobs.fire_timer.seq", "jobs.fire_timer", "jobs.*.seq"])
def test_masks_name_paths_without_indexes(mask: str) -> None:
    native, ours = activation(), activation()
    native.jobs.add().fire_timer.seq = 1
    ours.jobs.add().fire_timer.seq = 2
    assert texts(native, ours, Masks({mask: "why"})) == []
    assert texts(native, ours, Masks({"jobs.resolve_activity": "why"})) != []
