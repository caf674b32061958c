"""`corewasm replay --compare`: is a workflow safe to move? Both Cores replay its histories, each in a process."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .differences import differences
from .masks import ACTIVATIONS
from .user_code import UnusableFile

Progress = Callable[[str, int, int], None]
"""Told while a history is replayed: which Core, the event it is at, and how many there are."""


class ReplayFailed(Exception):
    """A child process ended before it had replayed everything; the text holds what it said last."""


@dataclass(frozen=True)
class Verdict:
    """One history: native's count of activations, the first difference, and how the replay failed on each Core."""

    name: str
    activations: int
    difference: str | None
    native_failure: str | None
    our_failure: str | None

    @property
    def same(self) -> bool:
        """Whether moving the workflow changes nothing."""
        return self.difference is None


@dataclass(frozen=True)
class _Job:
    file: Path
    histories: int
    progress: Progress


def _silent(core: str, event: int, of: int) -> None:
    pass


def compare(workflow_file: Path, histories: list[Path], progress: Progress = _silent) -> Iterator[Verdict]:
    """Yield a verdict per history as both Cores finish it.

    Raises:
        UnusableFile: no workflow in the file, or no history in one of those files.
        ReplayFailed: a child could not run, or crashed.
    """
    with (
        _job(workflow_file, histories, progress) as job,
        _child("native", job) as native,
        _child("corewasm", job) as ours,
    ):
        # Ours second: it has caught up by the time native answers, and a failure of native is reported first.
        for left in native:
            yield _verdict(left, next(ours))


def replay_on_ours(workflow_file: Path, histories: list[Path], progress: Progress = _silent) -> Iterator[Verdict]:
    """Yield a verdict per history as our Core finishes it; nothing is compared. Raises what `compare` raises."""
    with _job(workflow_file, histories, progress) as job, _child("corewasm", job) as ours:
        for result in ours:
            yield Verdict(result["name"], len(result["activations"]), None, None, result["failure"])


@contextmanager
def _job(workflow_file: Path, histories: list[Path], progress: Progress) -> Iterator[_Job]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "job.json")
        file.write_text(
            json.dumps({"workflow_file": str(workflow_file), "histories": [str(path) for path in histories]})
        )
        yield _Job(file, len(histories), progress)


def _verdict(native: dict[str, Any], ours: dict[str, Any]) -> Verdict:
    difference = _first_difference(native["activations"], ours["activations"])
    if difference is None and native["failure"] != ours["failure"]:
        difference = f"native: {native['failure'] or 'replayed'}; corewasm: {ours['failure'] or 'replayed'}"
    return Verdict(native["name"], len(native["activations"]), difference, native["failure"], ours["failure"])


def _first_difference(native: list[str], ours: list[str]) -> str | None:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation

    for index, (left, right) in enumerate(zip_longest(native, ours)):
        if left is None or right is None:
            return f"activation {index + 1} came only from {'corewasm' if left is None else 'native'}"
        native_one, our_one = (WorkflowActivation.FromString(base64.b64decode(each)) for each in (left, right))
        for difference in differences(native_one, our_one, ACTIVATIONS):
            return f"activation {index + 1} (up to event {native_one.history_length}), {difference}"
    return None


@contextmanager
def _child(core: str, job: _Job) -> Iterator[Iterator[dict[str, Any]]]:
    environment = {name: value for name, value in os.environ.items() if name != "COREWASM"}
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "corewasm.compare.replay_child", core, str(job.file)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=words,
            text=True,
        )
        try:
            yield _results(core, job, process, words)
        finally:
            process.kill()
            process.wait()


def _results(core: str, job: _Job, process: subprocess.Popen[str], words: Any) -> Iterator[dict[str, Any]]:
    """The child's results, one for each history.

    Only they tell whether it did its work: native may crash while it exits, after all its answers.
    """
    assert process.stdout is not None
    missing = job.histories
    with process.stdout as lines:
        for line in map(json.loads, lines):
            if "unusable" in line:
                raise UnusableFile(line["unusable"])
            if "event" in line:
                job.progress(core, line["event"], line["of"])
                continue
            missing -= 1
            yield line
    if missing:
        words.seek(0)
        last = words.read().strip().splitlines()[-1:] or ["no output"]
        raise ReplayFailed(f"the replay on {core} ended with status {process.wait()}: {last[0]}")
