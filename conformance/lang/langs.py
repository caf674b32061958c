"""The langs by name, so that a job for another process can say which one answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from temporalio.api.history.v1 import History
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from .history_lang import HistoryLang
from .local_activities import CancelsTheSecond, FanOut, TwoAndAnActivity


class Lang(Protocol):
    """Answers the activations of one run."""

    def complete(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        """The completion for `activation`."""


def make(name: str, history: History) -> Lang:
    """The lang of that name for a run with that history.

    Raises KeyError if there is none.
    """
    makers: dict[str, Callable[[], Lang]] = {
        "history": lambda: HistoryLang(history),
        "fan out": FanOut,
        "two and an activity": TwoAndAnActivity,
        "cancels the second": CancelsTheSecond,
    }
    return makers[name]()
