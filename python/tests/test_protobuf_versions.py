"""The envelope's messages load and frame under the oldest and the newest protobuf that the SDK admits (3.20 to 7.x)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.cache import cache_dir, locked

SRC = str(Path(__file__).resolve().parents[1] / "src")
OLDEST, NEWEST = "3.20.3", "7.36.2"

PROGRAM = """
import google.protobuf
from corewasm.abi import telemetry, turn, worker
from corewasm.host.frame import Framer
from corewasm.host.task_inputs import CompleteInput, PollInput

large = worker.WorkerComplete(worker=1, kind=worker.WORKFLOW, call=2, body=bytes(70_000))
given = [turn.Input(worker_complete=large), PollInput(1, worker.NEXUS, 3), CompleteInput(1, worker.ACTIVITY, 4, b"x")]
request = turn.TurnRequest.FromString(Framer().turn_request(11, 22, b"seed", given))
assert (request.wall_clock_ns, request.monotonic_ns, request.entropy) == (11, 22, b"seed")
assert [each.WhichOneof("kind") for each in request.inputs] == ["worker_complete", "worker_poll", "worker_complete"]
assert request.inputs[0].worker_complete.body == large.body
assert telemetry.LogRecord(fields={"a": "1"}).fields["a"] == "1"
print(google.protobuf.__version__)
"""


def installed(version: str) -> Path:
    """A folder with that protobuf, installed once per user."""
    name = f"{version}-python{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_dir("protobuf") / name
    with locked(cache_dir("protobuf")):
        if not folder.exists():
            unfinished = cache_dir("protobuf") / f".{name}"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--upgrade", "--target", str(unfinished), f"protobuf=={version}"], check=True)
            unfinished.rename(folder)
    return folder


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_messages_under(version: str) -> None:
    path = os.pathsep.join([str(installed(version)), SRC])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == version
