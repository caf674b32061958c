"""Which process this is, without asking the operating system each time."""

from __future__ import annotations

import os

_pid = os.getpid()


def current() -> int:
    """This process's id."""
    return _pid


def _after_fork() -> None:
    global _pid
    _pid = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
