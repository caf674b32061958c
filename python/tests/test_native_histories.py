"""What native Core's own tests replay, replays the same on ours (spec 2.3.6: markers with and without their index)."""

from __future__ import annotations

import json

import pytest

import corewasm

corewasm.install()  # before the SDK's bridge is imported

from temporalio.api.history.v1 import History  # noqa: E402
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob  # noqa: E402

from conformance.differential import native_histories  # noqa: E402
from conformance.lang import langs  # noqa: E402
from conformance.lang.replay import replay  # noqa: E402

COLLECTION = "la_replay_without_activation_index"
FOUND = {each.name: each for each in native_histories.read()}
RECORDED: dict[str, list[list[str]]] = {
    f"native/{COLLECTION}/{entry['name']}": entry["activations"]
    for entry in json.loads((native_histories.FOLDER / f"{COLLECTION}.json").read_text())
}


def test_all_of_them_are_found() -> None:
    files = {file.stem for file in native_histories.FOLDER.iterdir()}
    assert {name.split("/")[1] for name in FOUND} == files
    assert all(len(History.FromString(each.history).events) >= 4 for each in FOUND.values())
    assert len(RECORDED) > 60


def job_name(job: WorkflowActivationJob) -> str:
    kind = job.WhichOneof("variant")
    short = {"initialize_workflow": "init", "signal_workflow": "signal"}
    return f"la-{job.resolve_activity.seq}" if kind == "resolve_activity" else short[str(kind)]


@pytest.mark.parametrize("name", RECORDED)
async def test_local_activities_resolve_in_the_activations_that_native_recorded(name: str) -> None:
    history = FOUND[name]
    lang = langs.make(history.lang, History.FromString(history.history))

    def complete(activation: bytes, _: int) -> bytes:
        return lang.complete(WorkflowActivation.FromString(activation)).SerializeToString()

    steps = await replay(history.workflow_id, history.history, complete)
    *activations, eviction = [WorkflowActivation.FromString(step.activation) for step in steps]
    assert [[job_name(job) for job in each.jobs] for each in activations] == RECORDED[name]
    assert eviction.jobs[0].remove_from_cache.message == "Always evict workflows after replay"
