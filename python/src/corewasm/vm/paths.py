"""Paths as they were meant when the program began: it may change its working directory later."""

from __future__ import annotations

import os
from pathlib import Path


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # removed meanwhile
        return None


_BEGUN_IN = _working_directory()


def absolute(path: str) -> Path:
    """`path`, from where the program was when this was imported."""
    if os.path.isabs(path) or _BEGUN_IN is None:
        return Path(path)
    return Path(_BEGUN_IN, path)
