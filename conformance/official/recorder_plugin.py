"""A pytest plugin that appends each test's verdict to the file named by $OFFICIAL_VERDICTS as soon as it is known.

One JSON object a line: `{"test": node id, "outcome": "passed" | "failed" | "skipped", "text": end of the failure}`.
A run that is cut off, or whose process crashes at exit, keeps what it had found out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

# These share the task queue "tq": side by side, a worker of one takes the workflow of another, on any Core.
_ON_ONE_QUEUE = (
    "test_unfinished_handler_on_workflow_termination",
    "test_update_completion_is_honored_when_after_workflow_return_1",
    "test_update_completion_is_honored_when_after_workflow_return_2",
    "test_workflow_return_is_honored_when_it_precedes_signal_completion_command",
    "test_update_handler_can_use_lock_to_serialize_handler_executions",
    "test_update_handler_lock_acquisition_respects_timeout",
    "test_update_handler_can_use_semaphore_to_control_handler_execution_concurrency",
    "test_update_handler_semaphore_acquisition_respects_timeout",
)
_GROUP = "one-queue"
_pending: dict[str, tuple[str, str]] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep cases that disturb each other in one process."""
    for item in items:
        if getattr(item, "originalname", None) in _ON_ONE_QUEUE:
            item.add_marker(pytest.mark.xdist_group(_GROUP))


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
    # xdist puts the group behind the node id.
    verdict = {"test": test.removesuffix(f"@{_GROUP}"), "outcome": outcome, "text": text}
    with Path(os.environ["OFFICIAL_VERDICTS"]).open("a") as sink:
        sink.write(json.dumps(verdict) + "\n")
