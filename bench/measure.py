"""Runs a row: fresh processes, native and ours in turn, so that a drifting machine hits both alike."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .rows import Row

_REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Measured:
    """A row's figures per Core, one per round; a Core that failed has a text instead."""

    row: Row
    figures: dict[str, list[float]] = field(default_factory=lambda: {"native": [], "corewasm": []})
    details: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"native": [], "corewasm": []})
    failures: dict[str, str] = field(default_factory=dict)

    def median(self, core: str) -> float | None:
        """The median figure, or None."""
        return statistics.median(self.figures[core]) if self.figures[core] else None

    def ratio(self) -> float | None:
        """How much better ours is (above 1: better), median of the rounds' own ratios."""
        pairs = list(zip(self.figures["corewasm"], self.figures["native"], strict=False))
        if not pairs:
            return None
        better = [ours / native if self.row.higher_is_better else native / ours for ours, native in pairs]
        return statistics.median(better)

    def noise(self) -> float | None:
        """Native against native of the same run: the next round's figure over this one's, the one farthest from 1."""
        figures = self.figures["native"]
        ratios = [after / before for before, after in itertools.pairwise(figures)]
        return max(ratios, key=lambda ratio: abs(ratio - 1)) if ratios else None


def measure(row: Row, rounds: int) -> Measured:
    """Run the row's child `rounds` times on each Core, in turn."""
    measured = Measured(row)
    for _ in range(rounds):
        for core in ("native", "corewasm"):
            if core not in measured.failures:
                _once(measured, core)
    return measured


def _once(measured: Measured, core: str) -> None:
    command = [sys.executable, "-m", measured.row.module, core, *measured.row.arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_REPOSITORY), str(_REPOSITORY / "python" / "src")])}
    environment.pop("COREWASM", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    # The figure counts even if the process crashed while it ended: native sometimes does.
    line = next((text for text in done.stdout.splitlines() if text.startswith("{")), None)
    if line is None:
        measured.failures[core] = (done.stderr.strip().splitlines() or ["no output"])[-1][:200]
        return
    details = json.loads(line)
    measured.details[core].append(details)
    measured.figures[core].append(details[measured.row.figure])
