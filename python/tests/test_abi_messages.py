"""The envelope's messages are the ones that proto/ describes, on whatever protobuf runtime is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from corewasm.abi import turn, worker
from corewasm.host.frame import Framer
from corewasm.host.task_inputs import CompleteInput, PollInput

TOOL = Path(__file__).resolve().parents[1] / "tools" / "generate_abi.py"


def test_committed_messages_are_not_stale() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_written_request_reads_as_the_message() -> None:
    large = worker.WorkerComplete(worker=1, kind=worker.WORKFLOW, call=2, body=bytes(70_000))
    inputs = [turn.Input(worker_complete=large), turn.Input(client_close=turn.ClientClose(client=3)), turn.Input()]
    request = turn.TurnRequest.FromString(Framer().turn_request(11, 22, b"seed", inputs))
    assert (request.wall_clock_ns, request.monotonic_ns, request.entropy) == (11, 22, b"seed")
    assert list(request.inputs) == inputs


@pytest.mark.parametrize("call", [1, 127, 128, 16383, 16384, 2**40])
@pytest.mark.parametrize("handle", [1, 130, 3 << 20])
@pytest.mark.parametrize("body", [b"", b"x", b"y" * 200, b"z" * 70000])
def test_task_inputs_have_the_bytes_of_their_messages(call: int, handle: int, body: bytes) -> None:
    for each in (PollInput(handle, worker.NEXUS, call), CompleteInput(handle, worker.ACTIVITY, call, body)):
        assert turn.Input.FromString(each.SerializeToString()) == each.message()
        assert each.SerializeToString() == each.message().SerializeToString()
