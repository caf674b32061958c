"""Makes the vectors from runs of native Core."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from conformance.differential import live
from conformance.histories.bad import ends
from conformance.live import variants
from conformance.live.scenario import scenarios
from conformance.live.script import LocalActivity, Scenario

from . import outcomes, replays

FOLDER = Path(__file__).parent
_KEPT_VARIANTS = ("sticky", "paged", "missed", "handed-on", "queried")
Chosen = Callable[[str], bool]
_OTHER_VARIANTS_OF = ("timer-fires", "activity-completes", "update-completes-later", "everything-at-once")


def make(only: Chosen = lambda name: True) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every vector, or those whose names are chosen, with the file it belongs in.

    Raises:
        RuntimeError: native Core did not finish a scenario.
        outcomes.Unintended: a run went wrong otherwise than its scenario says.
    """
    yield from _replays(only)
    yield from _lives(only)


def text(vector: dict[str, Any]) -> str:
    """The file's content: one line per field, so that a change shows which field changed."""
    fields = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in vector.items())
    return f"{{\n{fields}\n}}\n"


def _replays(only: Chosen) -> Iterator[tuple[Path, dict[str, Any]]]:
    chosen = [replay for replay in replays.all_replays() if only(replay.name)]
    results = replays.run("native", chosen)
    for replay in chosen:
        steps = _finished(results[replay.name])["steps"]
        outcomes.check(replay.name, replay.expected, [], [activation for activation, _ in steps])
        yield (
            FOLDER / "replay" / f"{replay.name}.json",
            {
                "kind": "replay",
                "name": replay.name,
                "workflow_id": replay.workflow_id,
                "history": _base64(replay.history),
                "steps": steps,
            },
        )


def _lives(only: Chosen) -> Iterator[tuple[Path, dict[str, Any]]]:
    chosen = [each for each in scenarios() if _kept(each) and only(each.name)]
    results = live.run_live("native", [each.name for each in chosen])
    for scenario in chosen:
        transcript = _finished(results[scenario.name])
        outcomes.check(scenario.name, scenario.expected, transcript["requests"], transcript["activations"])
        yield FOLDER / "live" / f"{scenario.name.replace('/', '.')}.json", _live(scenario, transcript)


def _kept(scenario: Scenario) -> bool:
    history, _, variant = scenario.name.partition("/")
    if not scenario.stored or (variant == "whole" and ends.is_mismatch(history)):
        return False  # native's end of these is known from the other ways in which they are given out
    if variant not in variants.NAMES or variant in _KEPT_VARIANTS[:1] or history in _OTHER_VARIANTS_OF:
        return True
    return variant in _KEPT_VARIANTS and "local" in history


def _live(scenario: Scenario, transcript: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "live",
        "name": scenario.name,
        "history": _base64(scenario.history.SerializeToString(deterministic=True)),
        "polls": [_base64(poll.SerializeToString(deterministic=True)) for poll in scenario.polls],
        "max_cached_workflows": scenario.worker.get("max_cached_workflows", 1000),
        "refusals": {str(number): [refusal.code, refusal.message] for number, refusal in scenario.refusals.items()},
        "page_size": scenario.page_size,
        "in_completion": scenario.in_completion,
        "times_vary": scenario.times_vary,
        **_unusual(scenario),
        "completions": transcript["completions"],
        "requests": [[rpc, body] for rpc, body in transcript["requests"]],
        "activations": transcript["activations"],
    }


def _unusual(scenario: Scenario) -> dict[str, Any]:
    """Fields that most vectors do without."""
    fields: dict[str, Any] = {
        "worker": {name: value for name, value in scenario.worker.items() if name != "max_cached_workflows"},
        "resets": {str(number): event for number, event in scenario.resets.items()},
        "unanswered": {str(number): evictions for number, evictions in scenario.unanswered.items()},
        "local_activities": [_local_activity(each) for each in scenario.local_activities],
        "other_histories": [_base64(each.SerializeToString(deterministic=True)) for each in scenario.other_histories],
        "namespace": scenario.namespace and _base64(scenario.namespace.SerializeToString(deterministic=True)),
    }
    return {name: value for name, value in fields.items() if value}


def _local_activity(attempt: LocalActivity) -> dict[str, Any]:
    result = attempt.result and _base64(attempt.result.SerializeToString(deterministic=True))
    return {"result": result, "after_answers": attempt.after_answers}


def _finished(result: dict[str, Any]) -> dict[str, Any]:
    if "error" in result:
        raise RuntimeError(f"native Core did not finish {result['name']}: {result['error']}")
    return result


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
