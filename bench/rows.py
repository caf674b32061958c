"""What is measured: each row names a child module and its arguments, and the figure that is compared."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.histories import long


@dataclass(frozen=True)
class Row:
    """One line of the table. `higher_is_better` tells which way the ratio reads."""

    name: str
    module: str
    arguments: tuple[str, ...]
    figure: str
    higher_is_better: bool


def rows(sizes: tuple[int, ...]) -> list[Row]:
    """Raw replay of every kind at every size, the Replayer, and start-up."""
    found = [
        Row(f"raw replay, {kind}, {size} events", "bench.raw_replay", (kind, str(size)), "events_per_second", True)
        for kind in long.KINDS
        for size in sizes
    ]
    found += [
        Row(f"Replayer, {size} events", "bench.replayer", (str(size),), "events_per_second", True)
        for size in sizes
        if size <= 10_000
    ]
    found.append(Row("import temporalio.worker, seconds", "bench.first_workflow", (), "import_seconds", False))
    found.append(Row("first workflow, seconds", "bench.first_workflow", (), "first_workflow_seconds", False))
    return found
