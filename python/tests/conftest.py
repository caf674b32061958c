"""Every test of this folder that uses the SDK uses it on our Core; the live tests choose for themselves."""

from __future__ import annotations

import faulthandler
import os

import corewasm

_SECONDS_TO_EXIT = 60.0

if os.environ.get("COREWASM_LIVE_CORE", "corewasm") == "corewasm":
    corewasm.install()


def pytest_unconfigure() -> None:
    """A process that does not end says where its threads are, and fails, instead of using up the whole run's time."""
    faulthandler.dump_traceback_later(_SECONDS_TO_EXIT, exit=True)
