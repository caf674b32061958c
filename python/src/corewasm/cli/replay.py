"""`corewasm replay`: replays histories with a user's workflows, on our Core alone or on both Cores to compare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from corewasm.compare.compare_replays import ReplayFailed, Verdict, compare, replay_on_ours
from corewasm.compare.user_code import UnusableFile, files_of

_WORKFLOWS = typer.Argument(help="Python file with the @workflow.defn classes.", exists=True, dir_okay=False)
_HISTORIES = typer.Argument(
    help="Histories: .json as the web UI and the temporal CLI export them, .bin, or folders.", exists=True
)
_COMPARE = typer.Option("--compare", help="Replay on native Core too, and compare every activation field by field.")


def replay(
    workflow_file: Annotated[Path, _WORKFLOWS],
    histories: Annotated[list[Path], _HISTORIES],
    both: Annotated[bool, _COMPARE] = False,
) -> None:
    """Replay histories with your workflows. With --compare: is my workflow safe to move?

    Exit status 0 if every history replays (and, with --compare, gives the same activations on both Cores).
    """
    console = Console(highlight=False)
    try:
        files = files_of(histories)
        verdicts = compare(workflow_file, files) if both else replay_on_ours(workflow_file, files)
        failed = _show(console, verdicts, len(files), both)
    except (UnusableFile, ReplayFailed) as error:
        Console(stderr=True, highlight=False).print(f"[red]{error}[/red]", soft_wrap=True)
        raise typer.Exit(code=2) from None
    raise typer.Exit(code=1 if failed else 0)


def _show(console: Console, verdicts: Iterable[Verdict], total: int, both: bool) -> int:
    failed = 0
    columns = (SpinnerColumn(), TextColumn("replaying"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("replaying", total=total)
        for verdict in verdicts:
            bad = not verdict.same if both else verdict.our_failure is not None
            failed += bad
            console.print(_line(verdict, both, bad), soft_wrap=True)
            progress.advance(task)
    console.print(_summary(total, failed, both))
    return failed


def _line(verdict: Verdict, both: bool, bad: bool) -> str:
    if not bad:
        note = f" (both fail alike: {verdict.our_failure})" if both and verdict.our_failure else ""
        return (
            f"[green]same  [/green] {verdict.name}, {verdict.activations} activations{note}"
            if both
            else (f"[green]ok    [/green] {verdict.name}, {verdict.activations} activations")
        )
    text = verdict.difference if both else verdict.our_failure
    return f"[red]{'differs' if both else 'fails '}[/red] {verdict.name}\n        {text}"


def _summary(total: int, failed: int, both: bool) -> str:
    if both:
        if failed:
            return f"{failed} of {total} histories differ: keep these workflows on native Core, and please report them"
        return f"all {total} histories give the same activations on both Cores: safe to move"
    return f"{total - failed} of {total} histories replay"
