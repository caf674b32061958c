"""A pytest plugin that appends each test's verdict to the file named by $OFFICIAL_VERDICTS as soon as it is known.

One JSON object a line: `{"test": node id, "outcome": "passed" | "failed" | "skipped", "text": end of the failure}`.
A run that is cut off, or whose process crashes at exit, keeps what it had found out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_pending: dict[str, tuple[str, str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather a test's phases; the first that did not pass decides. In xdist's workers the controller does this."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    outcome, text = _pending.get(report.nodeid, ("passed", ""))
    if outcome == "passed" and report.outcome != "passed":
        outcome, text = report.outcome, _last_words(report)
    _pending[report.nodeid] = (outcome, text)
    # A crashed xdist worker is reported once, in a phase of no known name.
    if report.when not in ("setup", "call"):
        _write(report.nodeid, *_pending.pop(report.nodeid))


def _last_words(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    return str(text)[-400:]


def _write(test: str, outcome: str, text: str) -> None:
    with Path(os.environ["OFFICIAL_VERDICTS"]).open("a") as sink:
        sink.write(json.dumps({"test": test, "outcome": outcome, "text": text}) + "\n")
