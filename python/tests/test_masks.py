"""A comparison leaves out only what one file names, with a reason (section 17: every activation equals native's)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from conformance.differential.masks import without_wall_times
from corewasm.compare import masks
from corewasm.compare.differences import Masks, differences

FILE: dict[str, Any] = json.loads((Path(masks.__file__).parent / "masks.json").read_text())
ALL = [masks.ACTIVATIONS, masks.ACTIVATIONS_OF_LOCAL_ACTIVITIES, masks.REQUESTS, masks.LOCAL_ACTIVITY_MARKERS]


@pytest.mark.parametrize("section", [name for name in FILE if name != "about"])
def test_every_section_is_used_and_every_mask_has_a_reason(section: str) -> None:
    for kind in FILE[section].values():
        assert all(kind.values())
        assert any(set(kind) <= set(each.reasons) | set(each.unordered) for each in ALL)


def test_a_masked_path_names_a_field() -> None:
    for path in [*masks.ACTIVATIONS_OF_LOCAL_ACTIVITIES.reasons, *masks.ACTIVATIONS_OF_LOCAL_ACTIVITIES.unordered]:
        message = WorkflowActivation.DESCRIPTOR
        for name in path.split("."):
            assert name in message.fields_by_name, f"{path}: {message.full_name} has no {name}"
            message = message.fields_by_name[name].message_type


def test_a_list_that_is_a_set_may_change_its_order_and_not_its_content() -> None:
    one, other, less = (WorkflowActivation(available_internal_flags=flags) for flags in ([1, 2], [2, 1], [1]))
    assert list(differences(one, other, masks.ACTIVATIONS)) == []
    assert len(list(differences(one, less, masks.ACTIVATIONS))) == 1
    assert len(list(differences(one, other, Masks({})))) == 2


def test_times_in_a_local_activity_marker_become_zero_and_nothing_else() -> None:
    request = RespondWorkflowTaskCompletedRequest()
    marker = request.commands.add().record_marker_command_attributes
    marker.marker_name = "core_local_activity"
    content = {"seq": 3, "complete_time": {"seconds": 7, "nanos": 1}, "original_schedule_time": None}
    marker.details["data"].payloads.add().data = json.dumps(content).encode()
    changed = without_wall_times("RespondWorkflowTaskCompleted", request.SerializeToString())
    marker = RespondWorkflowTaskCompletedRequest.FromString(changed).commands[0].record_marker_command_attributes
    assert json.loads(marker.details["data"].payloads[0].data) == {
        "seq": 3,
        "complete_time": {"seconds": 0, "nanos": 0},
        "original_schedule_time": None,
    }
