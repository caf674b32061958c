"""Bad histories, given out task by task and as one task."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

from conformance.histories.bad import BAD, Bad, ends

from . import tasks
from .script import Scenario

# With a query, native Core waits for ever on these (docs/notes/quirks.md).
_HANGING = ("bad-tasks-swapped", "bad-last-event-first", "bad-local-activity-marker-that-is-no-json")


def of_bad_histories() -> Iterator[Scenario]:
    """Each history in the ways in which it can be given out."""
    for name, make in BAD.items():
        bad, end = make(), ends.of(name)
        if end.step_by_step is not None:
            cut = tasks.cut(bad.history)
            polls = [tasks.poll_response(bad.history, task, whole=task.number == 1) for task in cut]
            yield _scenario(f"{name}/step-by-step", bad, polls, end.step_by_step)
        if end.whole is not None:
            yield _scenario(f"{name}/whole", bad, [tasks.whole(bad.history)], end.whole)
    yield from map(_queried, _HANGING)


def _queried(name: str) -> Scenario:
    """A legacy query on a run whose history breaks before lang hears of it: the run goes, nobody is told."""
    bad = BAD[name]()
    query = tasks.whole(bad.history)
    tasks.ask(query)
    scenario = _scenario(f"{name}/queried", bad, [query], frozenset())
    scenario.unanswered, scenario.stored, scenario.patience_seconds = {0: 1}, False, 5
    return scenario


def _scenario(name: str, bad: Bad, polls: list[PollWorkflowTaskQueueResponse], expected: frozenset[str]) -> Scenario:
    return Scenario(
        name,
        bad.history,
        polls,
        times_vary="local" in name,
        lang_history=bad.lang_history,
        fail_activations=bad.lang_fails,
        expected=expected,
    )
