"""Child: replays a user's histories with the user's workflows on one Core.

`python -m corewasm.compare.replay_child CORE JOB.json`: prints one JSON line per history
(name, activations, failure) as it finishes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any


def main(core: str, job_file: str) -> None:
    """Replay every history of the job; a failure is a result, not an error of this process."""
    if core == "corewasm":
        import corewasm

        corewasm.install()
    job = json.loads(Path(job_file).read_text())
    asyncio.run(_replay_all(job))


async def _replay_all(job: dict[str, Any]) -> None:
    from temporalio.worker import Replayer

    from . import user_code

    workflows = user_code.workflows_in(Path(job["workflow_file"]))
    replayer = Replayer(workflows=workflows)
    for name, history in user_code.histories_in([Path(path) for path in job["histories"]]):
        print(json.dumps({"name": name, **await _replay_one(replayer, name, history)}), flush=True)


async def _replay_one(replayer: Any, name: str, history: bytes) -> dict[str, Any]:
    from temporalio.api.history.v1 import History
    from temporalio.client import WorkflowHistory

    from .recorder import recorded_activations

    workflow_history = WorkflowHistory(name, list(History.FromString(history).events))
    with recorded_activations() as activations:
        try:
            result = await replayer.replay_workflow(workflow_history, raise_on_replay_failure=False)
            failure = str(result.replay_failure) if result.replay_failure else None
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the result to compare
            failure = f"{type(error).__name__}: {error}"
    return {"activations": [base64.b64encode(each).decode() for each in activations], "failure": failure}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
