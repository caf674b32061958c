"""The mixed fleet's programs and its judgement of histories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import WorkflowHistory

from conformance.fleet import programs
from conformance.fleet.histories import Findings
from conformance.fleet.workflow import Program, Programmed
from conformance.histories.builder import HistoryBuilder

SEEDS = [f"seed-{number}" for number in range(200)]


def every_step(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        yield from every_step(step.get("steps", []))


def test_the_same_seed_gives_the_same_program() -> None:
    assert [programs.program(seed) for seed in SEEDS] == [programs.program(seed) for seed in SEEDS]
    assert programs.program("one") != programs.program("another")


def test_programs_have_every_kind_of_step_that_the_workflow_takes() -> None:
    kinds = {step["kind"] for seed in SEEDS for step in every_step(programs.program(seed).steps)}
    taken = {name[1:] for name in vars(Programmed) if name.startswith("_") and f"{name[1:]}" in kinds}
    assert kinds == taken | {"again"}
    assert len(kinds) >= 10


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_steps_have_the_same_name(seed: str) -> None:
    """Children and patches are named after their steps."""
    names = [step["name"] for step in every_step(programs.program(seed).steps) if step["kind"] != "again"]
    assert len(names) == len(set(names))


def test_what_a_program_returns() -> None:
    simple = {"kind": "timer", "name": "timer-1", "milliseconds": 1}
    child = {"kind": "child", "name": "child-2", "steps": [simple, {"kind": "again", "name": "again"}]}
    both = {"kind": "all", "name": "all-3", "steps": [simple, child]}
    returned = programs.expected(Program([both, simple], nudges=2, touches=1))
    nested = "[timer-1 again nudged [] touched []]"
    assert returned == [f"(timer-1 {nested})", "timer-1", "nudged [0, 1]", "touched [0]"]


def findings_of(cause: str, identity: str) -> Findings:
    builder = HistoryBuilder()
    builder.task_started()
    builder.task_failed(WorkflowTaskFailedCause.Value(f"WORKFLOW_TASK_FAILED_CAUSE_{cause}"), identity=identity)
    found = Findings()
    found.read(WorkflowHistory("the-workflow", list(builder.history.events)))
    return found


@pytest.mark.parametrize(
    ("cause", "identity", "counted"),
    [
        ("UNHANDLED_COMMAND", "corewasm", "tasks begun again"),
        ("BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE", "native", "tasks failed by native for an absent message"),
    ],
)
def test_task_failures_that_are_known_are_counted(cause: str, identity: str, counted: str) -> None:
    found = findings_of(cause, identity)
    assert (found.problems, found.counts[counted]) == ([], 1)


@pytest.mark.parametrize("cause", ["NON_DETERMINISTIC_ERROR", "BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE"])
def test_any_other_failed_task_is_a_problem(cause: str) -> None:
    (problem,) = findings_of(cause, "corewasm").problems
    assert problem.startswith(f"the-workflow: a task failed on corewasm: WORKFLOW_TASK_FAILED_CAUSE_{cause}: ")
