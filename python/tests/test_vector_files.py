"""Vectors are data with a schema: every file keeps to it, and together they hold every kind of job and command."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from google.protobuf.descriptor import Descriptor
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

FOLDER = Path(__file__).parents[2] / "conformance" / "vectors"
FILES = sorted(FOLDER.glob("*/*.json"))
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
# Kinds that no vector holds, each with its reason.
JOBS_IN_NO_VECTOR: dict[str, str] = {}
COMMANDS_IN_NO_VECTOR: dict[str, str] = {}


@pytest.fixture(scope="module")
def vectors() -> dict[str, dict[str, Any]]:
    return {f"{path.parent.name}/{path.name}": json.loads(path.read_text()) for path in FILES}


def test_every_file_keeps_to_the_schema(vectors: dict[str, dict[str, Any]]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    errors = ((name, error) for name, each in vectors.items() for error in validator.iter_errors(each))
    problems = [f"{name}: {error.message[:200]}" for name, error in errors]
    assert problems == []
    assert len(vectors) >= 80


def test_a_file_that_breaks_the_schema_is_found(vectors: dict[str, dict[str, Any]]) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    vector = next(iter(vectors.values()))
    for broken in ({**vector, "unheard_of": 1}, {**vector, "history": "no base64!"}, {**vector, "kind": "other"}):
        assert not validator.is_valid(broken)


def test_files_are_named_after_their_vectors(vectors: dict[str, dict[str, Any]]) -> None:
    for name, vector in vectors.items():
        assert name == f"{vector['kind']}/{vector['name'].replace('/', '.')}.json"


def test_every_kind_of_job_is_in_a_vector(vectors: dict[str, dict[str, Any]]) -> None:
    found = {job.WhichOneof("variant") for each in vectors.values() for job in _jobs(each)}
    _expect_all(WorkflowActivationJob.DESCRIPTOR, found, JOBS_IN_NO_VECTOR)


def test_every_kind_of_command_is_in_a_vector(vectors: dict[str, dict[str, Any]]) -> None:
    found = {command.WhichOneof("variant") for each in vectors.values() for command in _commands(each)}
    _expect_all(WorkflowCommand.DESCRIPTOR, found, COMMANDS_IN_NO_VECTOR)


def _expect_all(message: Descriptor, found: set[str | None], exceptions: dict[str, str]) -> None:
    kinds = {field.name for field in message.oneofs_by_name["variant"].fields}
    assert kinds - found == set(exceptions)


def _jobs(vector: dict[str, Any]) -> Iterator[WorkflowActivationJob]:
    activations = [step[0] for step in vector.get("steps", [])] or vector.get("activations", [])
    for activation in activations:
        yield from WorkflowActivation.FromString(base64.b64decode(activation)).jobs


def _commands(vector: dict[str, Any]) -> Iterator[WorkflowCommand]:
    completions = [step[1] for step in vector.get("steps", [])] or vector.get("completions", [])
    for completion in completions:
        yield from WorkflowActivationCompletion.FromString(base64.b64decode(completion)).successful.commands
