"""A lang that knows the history: for each activation it issues the commands that the history shows next.

It replays any history without the workflow's code. An activation belongs to the workflow task that ends at event
`history_length`; the commands of that task are the events that name the following WorkflowTaskCompleted.
"""

from __future__ import annotations

from collections import defaultdict

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from . import commands


class HistoryLang:
    """Answers the activations of one run."""

    def __init__(self, history: History) -> None:
        self._pending = _commands_by_started_event(history)

    def complete(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        """The completion for `activation`. Queries are answered with a fixed payload, evictions with nothing."""
        completion = WorkflowActivationCompletion(run_id=activation.run_id)
        completion.successful.SetInParent()
        issued = completion.successful.commands
        queries = [job.query_workflow for job in activation.jobs if job.HasField("query_workflow")]
        for query in queries:
            answer = issued.add().respond_to_query
            answer.query_id = query.query_id
            answer.succeeded.response.data = b'"answer"'
        evicted = any(job.HasField("remove_from_cache") for job in activation.jobs)
        if not queries and not evicted:
            # Nothing shown twice: a second activation of the same task finds its commands already issued.
            for started in sorted(event for event in self._pending if event <= activation.history_length):
                issued.extend(self._pending.pop(started))
        return completion


def failed(activation: WorkflowActivation) -> WorkflowActivationCompletion:
    """A completion that says that lang could not do it."""
    completion = WorkflowActivationCompletion(run_id=activation.run_id)
    completion.failed.failure.message = "lang failed"
    return completion


def _commands_by_started_event(history: History) -> dict[int, list[WorkflowCommand]]:
    sequences = commands.Sequences()
    found: dict[int, list[WorkflowCommand]] = defaultdict(list)
    started = 0
    for event in history.events:
        # Command events stand directly behind the completion of their task (updates name no task at all).
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            started = event.workflow_task_completed_event_attributes.started_event_id or event.event_id - 1
        command = commands.command_of(event, sequences)
        if command is not None:
            found[started].append(command)
    return dict(found)
