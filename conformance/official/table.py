"""The comparison, as Markdown for people and JSON for programs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

from .missing import feature
from .run import Verdicts

_COLUMNS = {
    "both": "both",
    "native": "native only",
    "ours": "ours only",
    "neither": "neither",
    "uncompared": "run on one Core only",
}


def compare(native: Verdicts, ours: Verdicts) -> dict[str, dict[str, list[str]]]:
    """Per test file: names passed by both, native only, ours only or neither; and those that one Core alone ran."""
    table: dict[str, dict[str, list[str]]] = defaultdict(lambda: {key: [] for key in _COLUMNS})
    for name in sorted(native.outcomes.keys() | ours.outcomes.keys()):
        outcomes = (native.outcomes.get(name), ours.outcomes.get(name))
        if outcomes == ("skipped", "skipped"):
            continue
        table[name.split("::")[0]][_column(outcomes)].append(name)
    return dict(table)


def _column(outcomes: tuple[str | None, str | None]) -> str:
    if None in outcomes:
        return "uncompared"
    passed = (outcomes[0] == "passed", outcomes[1] == "passed")
    return {(True, True): "both", (True, False): "native", (False, True): "ours"}.get(passed, "neither")


def write(table: dict[str, dict[str, list[str]]], native: Verdicts, ours: Verdicts, title: str, target: Path) -> None:
    """Write `target`.md and `target`.json."""
    lines = [f"# {title}", "", f"native: {_summary(native)}; corewasm: {_summary(ours)}", "", *_counts(table)]
    lines += ["", "## Passed by native only, per missing feature", "", *_features(table, ours)]
    lines += ["", "## Passed by native only", "", *_native_only(table, ours)]
    target.with_suffix(".md").write_text("\n".join(lines) + "\n")
    target.with_suffix(".json").write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


def _counts(table: dict[str, dict[str, list[str]]]) -> list[str]:
    lines = ["| file | " + " | ".join(_COLUMNS.values()) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for file, columns in sorted(table.items()):
        lines.append(f"| {file} | " + " | ".join(str(len(columns[key])) for key in _COLUMNS) + " |")
    totals = [str(sum(len(columns[key]) for columns in table.values())) for key in _COLUMNS]
    return [*lines, "| **all** | " + " | ".join(totals) + " |"]


def _features(table: dict[str, dict[str, list[str]]], ours: Verdicts) -> list[str]:
    names = (name for columns in table.values() for name in columns["native"])
    found = Counter(feature(name, ours.texts.get(name, "")) for name in names)
    return [f"- {name}: {count}" for name, count in found.most_common()] or ["None."]


def _native_only(table: dict[str, dict[str, list[str]]], ours: Verdicts) -> list[str]:
    names = sorted(name for columns in table.values() for name in columns["native"])
    return [f"- `{name}`: {_one_line(ours.texts[name])}" for name in names] or ["None."]


def _summary(verdicts: Verdicts) -> str:
    return ", ".join(f"{verdicts.count(outcome)} {outcome}" for outcome in ("passed", "failed", "skipped"))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200].replace("|", "\\|")
