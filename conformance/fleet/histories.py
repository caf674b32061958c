"""The histories that a fleet wrote, and what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowHistory

# New events came while a worker completed its workflow: the service asks again.
_HARMLESS = {WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND}
# Native forgets what completes an update (docs/notes/quirks.md); ours gets the workflow going again.
_ABSENT_MESSAGE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE


@dataclass
class Findings:
    """Workflow tasks by the Core that did them (`tasks of native`, ...) or by their end, events, and problems."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def read(self, history: WorkflowHistory) -> None:
        """Count what one history has."""
        self.counts["runs"] += 1
        self.counts["events"] += len(history.events)
        for event in history.events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                self.counts[f"tasks of {event.workflow_task_completed_event_attributes.identity}"] += 1
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
                self.counts["tasks timed out"] += 1
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                self._failed(history.workflow_id, event.workflow_task_failed_event_attributes)

    def _failed(self, workflow_id: str, failed: Any) -> None:
        if failed.cause in _HARMLESS:
            self.counts["tasks begun again"] += 1
            return
        if failed.cause == _ABSENT_MESSAGE and failed.identity == "native":
            self.counts["tasks failed by native for an absent message"] += 1
            return
        cause = WorkflowTaskFailedCause.Name(failed.cause)
        self.problems.append(f"{workflow_id}: a task failed on {failed.identity}: {cause}: {failed.failure.message}")


async def with_descendants(client: Client, workflow_id: str) -> AsyncIterator[WorkflowHistory]:
    """The history of the workflow's first run, of those it continued as, and of its children, theirs too."""
    open_runs = [(workflow_id, await _first_run(client, workflow_id))]
    while open_runs:
        name, run_id = open_runs.pop()
        history = await client.get_workflow_handle(name, run_id=run_id).fetch_history()
        yield history
        open_runs.extend(_started_by(history))


async def _first_run(client: Client, workflow_id: str) -> str:
    described = await client.get_workflow_handle(workflow_id).describe()
    return described.raw_description.workflow_execution_info.first_run_id


def _started_by(history: WorkflowHistory) -> Iterator[tuple[str, str]]:
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            yield child.workflow_id, child.run_id
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            continued = event.workflow_execution_continued_as_new_event_attributes
            yield history.workflow_id, continued.new_execution_run_id
