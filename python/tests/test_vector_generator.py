"""The vectors are what their generator makes: checked for a few here, for all by `python -m conformance.vectors
--check`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.vectors import make, outcomes
from conformance.vectors.__main__ import changes

REPOSITORY = Path(__file__).parents[2]
SAMPLE = ("timer-fires", "timer-fires/sticky", "bad-timer-for-activity", "update-rejected/scripted")


def test_native_core_makes_these_vectors_as_they_are() -> None:
    # In a process of its own: this one may have our bridge in place of the native one.
    command = [sys.executable, "-m", "conformance.vectors", "--check", *SAMPLE]
    search = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "python" / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": search}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{len(SAMPLE)} vectors are as native Core makes them\n"), done.stderr


def test_a_vector_that_would_change_is_named() -> None:
    path = make.FOLDER / "replay" / "timer-fires.json"
    vector = json.loads(path.read_text())
    assert list(changes(path, vector)) == []
    assert list(changes(path, {**vector, "workflow_id": "other"})) == ["timer-fires.json: workflow_id differs"]
    shorter = {**vector, "steps": vector["steps"][:-1]}
    assert next(changes(path, shorter)).startswith("timer-fires.json: activation 2: only native has it")
    assert list(changes(path.with_name("none.json"), vector)) == ["none.json: new"]


def test_a_failure_that_nobody_meant_is_refused() -> None:
    vector = json.loads((make.FOLDER / "live" / "bad-timer-for-activity.step-by-step.json").read_text())
    found = frozenset({"failed NON_DETERMINISTIC_ERROR", "evicted UNSPECIFIED"})
    outcomes.check("meant", found, vector["requests"], vector["activations"])
    for expected in (frozenset(), found - {"evicted UNSPECIFIED"}, found | {"evicted FATAL"}):
        with pytest.raises(outcomes.Unintended, match="^unmeant: "):
            outcomes.check("unmeant", frozenset(expected), vector["requests"], vector["activations"])
