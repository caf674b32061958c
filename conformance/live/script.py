"""A live scenario: what the frontend gives out and answers, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse, PollWorkflowTaskQueueResponse
from temporalio.bridge.proto.activity_result import ActivityExecutionResult
from temporalio.bridge.proto.workflow_commands import WorkflowCommand


@dataclass(frozen=True)
class Refusal:
    """An RPC is answered by this gRPC status instead of a response."""

    code: int
    message: str


@dataclass(frozen=True)
class LocalActivity:
    """What lang does with one attempt.

    `result` once `after_answers` answers were given, or, without one, nothing until it is cancelled.
    """

    result: ActivityExecutionResult | None
    after_answers: int = 0


@dataclass
class Scenario:
    """Runs against one worker.

    `polls` are given out in order, each once everything before was answered. `refusals` maps the number of an answer
    (0: the first RespondWorkflowTaskCompleted, Failed or RespondQueryTaskCompleted) to how it is refused, `resets` to
    the event that its response resets the run to. `unanswered` maps the number of a poll that Core does not answer to
    the number of evictions after which it is over. With `in_completion` a task travels in the response to the previous
    completion instead of through a poll. `local_activities` are of the starts in order; later ones succeed.

    Lang answers from `lang_history` (default: `history`), or with `answers`: commands per activation that is no
    eviction, then none. `expected` names the task failures and evictions, but for those of a workflow's end, that
    belong to the scenario. Without `stored` it is too large for a vector. `expected_error` is a part of the error that
    both Cores have to end in; without it, an error is a difference. A Core that is not done after `patience_seconds`
    hangs.
    """

    name: str
    history: History
    polls: list[PollWorkflowTaskQueueResponse]
    worker: dict[str, Any] = field(default_factory=dict)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    resets: dict[int, int] = field(default_factory=dict)
    unanswered: dict[int, int] = field(default_factory=dict)
    page_size: int | None = None
    in_completion: bool = False
    fail_activations: frozenset[int] = frozenset()
    times_vary: bool = False
    local_activities: Sequence[LocalActivity] = ()
    other_histories: Sequence[History] = ()
    namespace: DescribeNamespaceResponse | None = None
    lang_history: History | None = None
    answers: Sequence[Sequence[WorkflowCommand]] | None = None
    expected: frozenset[str] = frozenset()
    stored: bool = True
    expected_error: str | None = None
    patience_seconds: float = 30

    def history_of(self, run_id: str) -> History:
        """The history of one of the scenario's runs."""
        return next((each for each in self.other_histories if run_id_of(each) == run_id), self.history)


def run_id_of(history: History) -> str:
    """The id that the history itself names."""
    return history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
