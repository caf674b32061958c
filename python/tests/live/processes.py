"""Worker processes that a test can kill."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def worker_process(module: str, address: str, task_queue: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A worker process that is ready; killed at the end if it still runs."""
    search = os.pathsep.join([str(_REPOSITORY), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.{module}", address, task_queue],
        env={**os.environ, "PYTHONPATH": search, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
