"""Tests of what only some systems have (limits, filters, other users) are only there on those."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import denied_code


def _only_where(possible: bool) -> Callable[[Any], Any]:
    return lambda test: test if possible else None


linux = _only_where(sys.platform == "linux")
posix = _only_where(os.name == "posix")
code_can_be_denied = _only_where(denied_code.POSSIBLE)
users_can_be_changed = _only_where(os.name == "posix" and os.geteuid() == 0)
