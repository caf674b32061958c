"""Child: replays a user's histories with the user's workflows on one Core.

`python -m corewasm.compare.replay_child CORE JOB.json` prints JSON lines on what its standard output was at the start:
`{"event", "of"}` while it works on a history, a result (name, activations, failure) at its end, and `{"unusable"}`, as
the last one, if a file can not be used. Whatever else is printed (by Core's logs, by the user's code) goes to standard
error.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

_SECONDS_BETWEEN_NEWS = 0.2
# By default the SDK takes it from what is loaded, which our own modules are part of.
_BUILD_ID = "replay"

Tell = Callable[[dict[str, Any]], None]


def main(core: str, job_file: str) -> None:
    """Replay every history of the job; a failure is a result, not an error of this process."""
    from . import user_code

    lines = _own_stdout()

    def tell(line: dict[str, Any]) -> None:
        print(json.dumps(line), file=lines, flush=True)

    _use(core)
    job = json.loads(Path(job_file).read_text())
    try:
        asyncio.run(_replay_all(job, tell))
    except user_code.UnusableFile as error:
        tell({"unusable": str(error)})


def _own_stdout() -> TextIO:
    """Standard output for this module alone; all others' goes to standard error, native code's included."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return lines


def _use(core: str) -> None:
    import corewasm

    if core == "corewasm":
        corewasm.install()
    elif corewasm.installed():
        raise RuntimeError("corewasm is installed in this process, so native Core can not be had in it")


async def _replay_all(job: dict[str, Any], tell: Tell) -> None:
    from temporalio.worker import Replayer

    from . import user_code

    replayer = Replayer(workflows=user_code.workflows_in(Path(job["workflow_file"])), build_id=_BUILD_ID)
    for name, history in user_code.histories_in([Path(path) for path in job["histories"]]):
        tell({"name": name, **await _replay_one(replayer, name, history, tell)})


async def _replay_one(replayer: Any, name: str, history: bytes, tell: Tell) -> dict[str, Any]:
    from temporalio.api.history.v1 import History
    from temporalio.client import WorkflowHistory

    from .recorder import recorded_activations

    events = list(History.FromString(history).events)
    workflow_history = WorkflowHistory(_workflow_id(name, events), events)
    with recorded_activations(_news(len(workflow_history.events), tell)) as activations:
        try:
            result = await replayer.replay_workflow(workflow_history, raise_on_replay_failure=False)
            failure = str(result.replay_failure) if result.replay_failure else None
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the result to compare
            failure = f"{type(error).__name__}: {error}"
    return {"activations": [base64.b64encode(each).decode() for each in activations], "failure": failure}


def _workflow_id(name: str, events: list[Any]) -> str:
    """The id that the run had: user code may derive others from it. Where no event tells it, the file's name does."""
    started = events[0].workflow_execution_started_event_attributes if events else None
    return (started.workflow_id if started is not None else "") or Path(name).stem


def _news(events: int, tell: Tell) -> Callable[[int], None]:
    """Tells which event a replay is at, not too often."""
    told = time.monotonic()

    def progressed(event: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN_NEWS:
            told = time.monotonic()
            tell({"event": event, "of": events})

    return progressed


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
