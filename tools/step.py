"""Runs one step of the Makefile under a heading that shows the time since `make` began.

``python3 -m tools.step "Rust tests" cargo test``: the exit status is the command's, and a failure is named at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time


def main() -> int:
    """Run the command of the arguments; return its exit status."""
    title, *command = sys.argv[1:]
    began = int(os.environ.get("COREWASM_MAKE_BEGAN") or time.time())
    started = time.monotonic()
    print(f"\n=== [{_clock(time.time() - began)}] {title}", flush=True)
    status = subprocess.run(command).returncode
    outcome = "done" if status == 0 else f"FAILED with status {status}"
    print(f"--- [{_clock(time.time() - began)}] {title}: {outcome} in {time.monotonic() - started:.1f} s", flush=True)
    return status


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"


if __name__ == "__main__":
    sys.exit(main())
