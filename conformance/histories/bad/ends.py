"""How native Core ends each bad history: evictions and task failures, in the words of conformance.vectors.outcomes.

A history that is not in a group ends as most mismatches do.
"""

from __future__ import annotations

from dataclasses import dataclass

End = frozenset[str]

_FINE: End = frozenset()
_NONDETERMINISM: End = frozenset({"evicted NONDETERMINISM"})
_FATAL: End = frozenset({"evicted FATAL"})
_FETCH: End = frozenset({"evicted PAGINATION_OR_HISTORY_FETCH"})
# What is wrong is found when a task arrives, not when lang answers.
_ON_ARRIVAL: End = frozenset({"evicted UNSPECIFIED"})
_LANG_FAIL: End = frozenset({"evicted LANG_FAIL"})
_FAILED_NONDETERMINISTIC: End = frozenset({"failed NON_DETERMINISTIC_ERROR"})
_FAILED: End = frozenset({"failed WORKFLOW_WORKER_UNHANDLED_FAILURE"})


@dataclass(frozen=True)
class Ends:
    """For a replay worker, task by task, and all as one task. None: it is not given out so, since native hangs."""

    replay: End | None
    step_by_step: End | None
    whole: End | None


_MISMATCH = Ends(_NONDETERMINISM, _ON_ARRIVAL | _FAILED_NONDETERMINISTIC, _NONDETERMINISM | _FAILED_NONDETERMINISTIC)

_GROUPS: tuple[tuple[Ends, str], ...] = (
    # The last task is live: lang's commands match nothing that is known.
    (
        Ends(_FINE, _FINE, _FINE),
        """unknown-event-that-workers-may-ignore without-a-run-id timer-of-another-number deprecated-patch-that-is-gone
        too-many-commands truncated-after-task-started truncated-after-task-completed truncated-between-commands
        truncated-after-commands truncated-before-the-next-task truncated-before-the-end""",
    ),
    (
        Ends(_FATAL, _FATAL | _ON_ARRIVAL | _FAILED, _FATAL | _FAILED),
        """events-swapped gap-at-a-command gap-at-a-signal gap-at-a-resolution gap-at-task-scheduled unknown-event
        unknown-event-among-commands event-without-attributes""",
    ),
    # Live, the end is not known yet.
    (
        Ends(_NONDETERMINISM, _FINE, _FINE),
        """timer-for-completion timer-for-failure timer-for-cancellation timer-for-continue-as-new
        failure-for-completion completion-for-continue-as-new""",
    ),
    (
        Ends(_NONDETERMINISM, _NONDETERMINISM | _FAILED_NONDETERMINISTIC, _NONDETERMINISM | _FAILED_NONDETERMINISTIC),
        "completion-for-timer failure-for-timer cancellation-for-timer continue-as-new-for-timer",
    ),
    (Ends(_FATAL, _FETCH | _FAILED, _FATAL | _FAILED), "event-twice ids-start-over"),
    (Ends(_FATAL, _ON_ARRIVAL | _FAILED, _FATAL | _FAILED), "gap-at-task-started timer-fires-twice"),
    (
        Ends(
            _NONDETERMINISM,
            _NONDETERMINISM | _ON_ARRIVAL | _FAILED_NONDETERMINISTIC,
            _NONDETERMINISM | _FAILED_NONDETERMINISTIC,
        ),
        "ignorable-event-in-place-of-a-command event-with-attributes-of-another-type",
    ),
    (Ends(None, None, _FAILED), "truncated-after-the-start truncated-to-nothing"),
    (Ends(_FINE, None, _FAILED), "truncated-after-task-scheduled"),
    # Native asks for the first events for ever.
    (Ends(None, None, None), "truncated-at-the-front"),
    (Ends(_ON_ARRIVAL, _FETCH | _ON_ARRIVAL | _FAILED, _ON_ARRIVAL | _FAILED), "tasks-swapped"),
    (Ends(_ON_ARRIVAL, _FAILED, _ON_ARRIVAL | _FAILED), "last-event-first"),
    (Ends(_ON_ARRIVAL, _ON_ARRIVAL | _FAILED, _ON_ARRIVAL | _FAILED), "local-activity-marker-that-is-no-json"),
    (Ends(None, _FAILED, _FINE), "ids-are-zero"),
    (Ends(None, _ON_ARRIVAL | _FAILED, _FATAL | _FAILED), "gap-at-task-completed"),
    (Ends(_FINE, _MISMATCH.step_by_step, _MISMATCH.whole), "two-starts"),
    (Ends(_FINE, None, None), "events-after-the-end"),
    (Ends(_LANG_FAIL, _LANG_FAIL | _FAILED, _LANG_FAIL | _FAILED), "foreign-workflow-type"),
    (Ends(None, _FINE, _FINE), "without-a-workflow-type"),
    (Ends(_FATAL, _FATAL | _FAILED, _FATAL | _FAILED), "timer-for-update"),
)
_BY_NAME = {f"bad-{name}": ends for ends, names in _GROUPS for name in names.split()}


def of(name: str) -> Ends:
    """The ends of the history of this name."""
    return _BY_NAME.get(name, _MISMATCH)


def is_mismatch(name: str) -> bool:
    """Whether it ends as most of those do whose commands do not match."""
    return name.startswith("bad-") and of(name) is _MISMATCH
