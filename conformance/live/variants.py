"""Every small history in every variant that fits it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueResponse

from conformance.histories.small import HISTORIES, REPLAY_ONLY

from . import tasks
from .script import Refusal, Scenario

Variant = Callable[[str, History], Scenario | None]


def of_small_histories() -> Iterator[Scenario]:
    """Every variant of every small history. Such as show only how a run is replayed come in no other."""
    for name, make in HISTORIES.items():
        for variant in _VARIANTS:
            if name in REPLAY_ONLY and variant not in _REPLAYING:
                continue
            found = variant(name, make().history)
            if found is not None:
                found.times_vary = "local" in name or "everything" in name
                yield found


def _sticky(name: str, history: History) -> Scenario:
    """Cached: the first task whole, the later ones only their new events."""
    cut = tasks.cut(history)
    polls = [tasks.poll_response(history, task, whole=task.number == 1) for task in cut]
    return Scenario(f"{name}/sticky", history, polls)


def _uncached(name: str, history: History) -> Scenario:
    """No cache: every task brings the whole history."""
    polls = [tasks.poll_response(history, task, whole=True) for task in tasks.cut(history)]
    return Scenario(
        f"{name}/uncached",
        history,
        polls,
        worker={"max_cached_workflows": 0},
        expected=frozenset({"evicted CACHE_FULL"}),
    )


def _paged(name: str, history: History) -> Scenario | None:
    """Only the last task, in pages of two events."""
    return _in_pages(f"{name}/paged", history, 2)


def _paged_by_one(name: str, history: History) -> Scenario | None:
    """Only the last task, every event a page of its own."""
    return _in_pages(f"{name}/paged-by-one", history, 1)


def _in_pages(name: str, history: History, page_size: int) -> Scenario | None:
    cut = tasks.cut(history)
    if len(cut) < 2:
        return None
    polls = [tasks.poll_response(history, cut[-1], whole=True, page_size=page_size)]
    return Scenario(name, history, polls, page_size=page_size)


def _missed(name: str, history: History) -> Scenario | None:
    """Only the last task, incremental, to a worker that never saw the run."""
    cut = tasks.cut(history)
    if len(cut) < 2:
        return None
    return Scenario(f"{name}/missed", history, [tasks.poll_response(history, cut[-1], whole=False)], page_size=3)


def _handed_on(name: str, history: History) -> Scenario | None:
    """Later tasks come in the responses to completions."""
    found = _sticky(f"{name}", history)
    if len(found.polls) < 2:
        return None
    found.name, found.in_completion = f"{name}/handed-on", True
    return found


def _refused(name: str, history: History) -> Scenario | None:
    """The first completion is refused as not found; the run comes again whole."""
    found = _begun_again(f"{name}/refused", history, "evicted TASK_NOT_FOUND")
    found.refusals = {0: Refusal(5, "task not found")}
    return found


def _failed_by_lang(name: str, history: History) -> Scenario | None:
    """Lang fails the first activation; the run comes again whole."""
    failed = "failed WORKFLOW_WORKER_UNHANDLED_FAILURE"
    found = _begun_again(f"{name}/failed-by-lang", history, failed, "evicted LANG_FAIL")
    found.fail_activations = frozenset({0})
    return found


def _begun_again(name: str, history: History, *expected: str) -> Scenario:
    """The first task comes once more, then all of them."""
    polls = _sticky(name, history).polls
    return Scenario(name, history, [polls[0], *polls], expected=frozenset(expected))


def _queried(name: str, history: History) -> Scenario | None:
    """A legacy query behind every task, and one on the closed run."""
    found = _sticky(name, history)
    polls: list[PollWorkflowTaskQueueResponse] = []
    for number, poll in enumerate(found.polls):
        polls.append(poll)
        query = PollWorkflowTaskQueueResponse()
        query.CopyFrom(poll)
        query.ClearField("history")
        query.ClearField("messages")
        query.history.SetInParent()
        query.task_token = f"query-{number}".encode()
        tasks.ask(query)
        if number + 1 < len(found.polls):
            polls.append(query)
    return Scenario(f"{name}/queried", history, polls) if len(polls) > len(found.polls) else None


_VARIANTS: tuple[Variant, ...] = (
    _paged_by_one,
    _sticky,
    _uncached,
    _paged,
    _missed,
    _handed_on,
    _refused,
    _failed_by_lang,
    _queried,
)
_REPLAYING = (_paged_by_one, _paged, _missed)
NAMES = {variant.__name__.strip("_").replace("_", "-") for variant in _VARIANTS}
"""What stands behind the slash in a scenario's name."""
