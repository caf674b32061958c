"""`python -m bench`: measures every row, prints the table, writes latest.json and latest.svg in bench/results."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

from .measure import Measured, measure
from .picture import svg
from .rows import Row, rows

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, print as rows finish, write the results."""
    options = _arguments()
    chosen = [row for row in rows(tuple(options.sizes)) if options.only in row.name]
    print(f"{len(chosen)} rows, {options.rounds} rounds each")
    print("ratio: how much better corewasm is; A/A: native against itself\n")
    print(f"{'row':<46} {'native':>12} {'corewasm':>12} {'ratio':>7} {'A/A':>6}")
    measured = [_measured_and_shown(row, options.rounds) for row in chosen]
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / "latest.json").write_text(json.dumps(_as_data(measured), indent=1) + "\n")
    if any(each.row.higher_is_better and each.ratio() is not None for each in measured):
        (_RESULTS / "latest.svg").write_text(svg(measured))
    print(f"\nwritten: {_RESULTS / 'latest.json'} and latest.svg")
    print("on two noisy cores a ratio inside 0.8..1.25 means nothing")
    return 0


def _measured_and_shown(row: Row, rounds: int) -> Measured:
    measured = measure(row, rounds)
    print(
        f"{row.name:<46} {_number(measured.median('native')):>12} {_number(measured.median('corewasm')):>12}"
        f" {_number(measured.ratio()):>7} {_number(measured.noise()):>6}",
        flush=True,
    )
    for core, text in measured.failures.items():
        print(f"    {core} failed: {text}", flush=True)
    return measured


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _as_data(measured: list[Measured]) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "rows": [
            {
                "name": each.row.name,
                "ratio": each.ratio(),
                "noise": each.noise(),
                "runs": each.details,
                "failures": each.failures,
            }
            for each in measured
        ],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs per Core and row (default 3)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[1_000, 10_000, 50_000], help="history lengths in events"
    )
    parser.add_argument("--only", default="", help="rows whose name contains this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
