"""Random workflows on a fleet of both Cores whose workers are killed all the time.

    python -m conformance.fleet [--workflows 200] [--seed SEED] [--workers 4] [--keep FOLDER]

Each workflow has to return what its program says; no workflow task may fail; every worker that is told to stop has to;
and every history has to give the same activations on both Cores. Exit status 1 if something is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from temporalio.client import Client

from conformance.differential.cores import CORES
from corewasm.compare.compare_replays import compare
from tools.temporal_server import running_server

from . import workflow
from .histories import Findings, with_descendants
from .runs import drive
from .workers import Fleet


def main() -> int:
    """Run the fleet, judge it, print what was seen."""
    options = _arguments()
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"seed {options.seed}")
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        progress = stack.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        server = stack.enter_context(running_server())
        counts, problems = asyncio.run(_run(options, server.address, folder, progress))
        problems += _replayed(sorted(folder.glob("*.json")), progress)
    for name, count in sorted(counts.items()):
        console.print(f"{count:8,} {name}")
    for problem in problems:
        console.print(f"[red]problem[/red]  {problem}", markup=True)
    console.print(f"{len(problems)} problems")
    return 1 if problems else 0


async def _run(
    options: argparse.Namespace, address: str, folder: Path, progress: Progress
) -> tuple[Counter[str], list[str]]:
    """Counts and problems; the histories lie in `folder`, and what workers printed."""
    queue = f"fleet-{options.seed}"
    client = await Client.connect(address)
    fleet = Fleet(address, queue, options.cores, random.Random(options.seed), folder)
    await fleet.start(options.workers)
    quiet = asyncio.Event()
    disturbing = asyncio.create_task(fleet.disturb(quiet))
    names = [f"{queue}-{number}" for number in range(options.workflows)]
    problems = await _drive_all(client, queue, names, options, progress)
    quiet.set()
    await disturbing
    await fleet.stop()
    findings = await _read_all(client, names, folder, progress)
    return fleet.ended + findings.counts, problems + fleet.problems + findings.problems


async def _drive_all(
    client: Client, queue: str, names: list[str], options: argparse.Namespace, progress: Progress
) -> list[str]:
    places = asyncio.Semaphore(options.together)
    shown = progress.add_task("workflows", total=len(names))

    async def drive_one(name: str) -> str | None:
        async with places:
            problem = await drive(client, queue, name, patience_seconds=options.patience, with_query=options.queries)
        progress.advance(shown)
        return problem

    return [problem for problem in await asyncio.gather(*map(drive_one, names)) if problem is not None]


async def _read_all(client: Client, names: list[str], folder: Path, progress: Progress) -> Findings:
    findings = Findings()
    for name in progress.track(names, description="histories"):
        async for history in with_descendants(client, name):
            findings.read(history)
            (folder / f"{history.workflow_id}-{findings.counts['runs']}.json").write_text(history.to_json())
    return findings


def _replayed(files: list[Path], progress: Progress) -> list[str]:
    """What differs when both Cores replay the histories with the workflow's code."""
    found = []
    verdicts = compare(Path(workflow.__file__), files)
    for verdict in progress.track(verdicts, total=len(files), description="replayed on both"):
        failure = verdict.native_failure or verdict.our_failure
        if verdict.difference is not None or failure is not None:
            found.append(f"{verdict.name}: {verdict.difference or failure}")
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workflows", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--together", type=int, default=25, help="how many at the same time (default 25)")
    parser.add_argument("--workers", type=int, default=4, help="worker processes (default 4)")
    parser.add_argument("--cores", nargs="+", choices=CORES, default=CORES, help="of the workers (default both)")
    parser.add_argument("--patience", type=float, default=120, help="seconds for one workflow (default 120)")
    parser.add_argument(
        "--queries",
        action="store_true",
        help="ask each workflow something; some histories then replay on neither Core (docs/notes/quirks.md)",
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of programs and of what is killed")
    parser.add_argument("--keep", type=Path, help="folder for the histories and the workers' output")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
