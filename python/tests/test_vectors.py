"""The vectors of native Core (conformance/vectors) through the SDK's bridge on core.wasm, message by message."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

import corewasm

corewasm.install()  # before the SDK's bridge is imported

from conformance.differential import live as live_comparison  # noqa: E402
from conformance.differential import replays as replay_comparison  # noqa: E402
from conformance.lang.replay import replay  # noqa: E402
from conformance.live import run, scenario  # noqa: E402

VECTORS = Path(__file__).parents[2] / "conformance" / "vectors"
SCENARIOS = {each.name: each for each in scenario.scenarios()}
LIVE_FIELDS = ("page_size", "in_completion", "times_vary")


def names(kind: str) -> list[str]:
    found = sorted(path.stem for path in (VECTORS / kind).glob("*.json"))
    assert len(found) >= 40, f"only {len(found)} {kind} vectors in {VECTORS}"
    return found


def load(kind: str, name: str) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads((VECTORS / kind / f"{name}.json").read_text())
    return vector


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_bridge_is_ours() -> None:
    import temporalio.bridge.temporal_sdk_bridge as bridge

    assert str(bridge.__file__).startswith(str(Path(corewasm.__file__).parent))


@pytest.mark.parametrize("name", names("replay"))
async def test_replay(name: str) -> None:
    vector = load("replay", name)
    completions = [base64.b64decode(completion) for _, completion in vector["steps"]]

    def complete(_: bytes, index: int) -> bytes:
        assert index < len(completions), "more activations than native gave"
        return completions[index]

    steps = await replay(vector["workflow_id"], base64.b64decode(vector["history"]), complete)
    native = [activation for activation, _ in vector["steps"]]
    ours = [encoded(step.activation) for step in steps]
    assert next(replay_comparison.compare_activations(native, ours), None) is None


@pytest.mark.parametrize("name", names("live"))
async def test_live(name: str) -> None:
    vector = load("live", name)
    script = SCENARIOS[vector["name"]]
    assert [encoded(poll.SerializeToString(deterministic=True)) for poll in script.polls] == vector["polls"]
    assert {field: getattr(script, field) for field in LIVE_FIELDS} == {field: vector[field] for field in LIVE_FIELDS}
    result = await run.run(script)
    assert "error" not in result
    ours = {
        "requests": [[rpc, encoded(body)] for rpc, body in result["requests"]],
        "activations": [encoded(activation) for activation in result["activations"]],
    }
    assert next(live_comparison.compare_transcripts(vector, ours), None) is None
    assert [encoded(completion) for completion in result["completions"]] == vector["completions"]
