"""Makes the vectors from runs of native Core."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.differential import live, replays
from conformance.live.scenario import Scenario, scenarios

FOLDER = Path(__file__).parent
_KEPT_VARIANTS = ("sticky", "paged", "missed", "handed-on", "queried")
_OTHER_VARIANTS_OF = ("timer-fires", "activity-completes", "update-completes-later", "everything-at-once")


def make() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every vector with the file it belongs in.

    Raises:
        RuntimeError: native Core did not finish a scenario.
    """
    yield from _replays()
    yield from _lives()


def text(vector: dict[str, Any]) -> str:
    """The file's content: one line per field, so that a change shows which field changed."""
    fields = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in vector.items())
    return f"{{\n{fields}\n}}\n"


def _replays() -> Iterator[tuple[Path, dict[str, Any]]]:
    histories = replays.small()
    results = replays.run_replays("native", histories)
    for history in histories:
        steps = _finished(results[history.name])["steps"]
        yield (
            FOLDER / "replay" / f"{history.name}.json",
            {
                "kind": "replay",
                "name": history.name,
                "workflow_id": history.workflow_id,
                "history": _base64(history.history),
                "steps": steps,
            },
        )


def _lives() -> Iterator[tuple[Path, dict[str, Any]]]:
    chosen = [each for each in scenarios() if _kept(each)]
    results = live.run_live("native", [each.name for each in chosen])
    for scenario in chosen:
        transcript = _finished(results[scenario.name])
        yield FOLDER / "live" / f"{scenario.name.replace('/', '.')}.json", _live(scenario, transcript)


def _kept(scenario: Scenario) -> bool:
    history, _, variant = scenario.name.partition("/")
    return (
        variant in _KEPT_VARIANTS[:1]
        or history in _OTHER_VARIANTS_OF
        or (variant in _KEPT_VARIANTS and "local" in history)
    )


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
        "completions": transcript["completions"],
        "requests": [[rpc, body] for rpc, body in transcript["requests"]],
        "activations": transcript["activations"],
    }


def _finished(result: dict[str, Any]) -> dict[str, Any]:
    if "error" in result:
        raise RuntimeError(f"native Core did not finish {result['name']}: {result['error']}")
    return result


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
