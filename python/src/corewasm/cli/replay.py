"""`corewasm replay`: replays histories with a user's workflows, on our Core alone or on both Cores to compare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from corewasm.compare.compare_replays import ReplayFailed, Verdict, compare, replay_on_ours
from corewasm.compare.user_code import UnusableFile, files_of

_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)+)"')
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

    Get histories from the web UI (a workflow's page, Download) or with

        temporal workflow show --workflow-id ID --output json > history.json

    and replay them on both Cores, each in a process of its own:

        corewasm replay --compare my_workflows.py history.json more-histories/

    Each history is told to be the "same", to "differ" (with the first activation and field that differ), or to "fail"
    (your code does not fit the history, on any Core). No server is needed, and no activity runs.

    Exit status: 0 if every history replays (and, with --compare, gives the same activations on both Cores), 1 if one
    does not, 2 if a file can not be used.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        files = files_of(histories)
        bad = _Replays(console, both).show(workflow_file, files)
    except (UnusableFile, ReplayFailed) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(code=2) from None
    raise typer.Exit(code=1 if bad else 0)


class _Replays:
    """Shows verdicts as they come, and in a terminal how far the current history is."""

    def __init__(self, console: Console, both: bool) -> None:
        self._console, self._both = console, both
        columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("replaying")

    def show(self, workflow_file: Path, files: list[Path]) -> bool:
        """Replay and print everything; whether anything failed or differs."""
        self._progress.update(self._task, total=len(files))
        run = compare if self._both else replay_on_ours
        with self._progress:
            verdicts = list(self._shown(run(workflow_file, files, self._at)))
        self._console.print(_summary(verdicts, self._both))
        return any(not each.same or each.our_failure for each in verdicts)

    def _shown(self, verdicts: Iterable[Verdict]) -> Iterable[Verdict]:
        for verdict in verdicts:
            self._console.print(_line(verdict, self._both))
            self._progress.update(self._task, description="replaying")
            self._progress.advance(self._task)
            yield verdict

    def _at(self, core: str, event: int, of: int) -> None:
        self._progress.update(self._task, description=f"replaying: event {event:,} of {of:,} on {core}")


def _line(verdict: Verdict, both: bool) -> str:
    name = escape(verdict.name)
    if not verdict.same:
        return f"[red]differs[/red]  {name}\n         {escape(str(verdict.difference))}"
    if verdict.our_failure:
        where = " (on both Cores alike)" if both else ""
        return f"[red]fails[/red]    {name}{where}\n         {escape(_readable(verdict.our_failure))}"
    return (
        f"[green]{'same' if both else 'ok'}[/green]{' ' * (5 if both else 7)}{name}, {verdict.activations} activations"
    )


def _readable(failure: str) -> str:
    """The message in the text of a failure as Core prints it."""
    message = _MESSAGE.search(failure)
    return message[1].replace(r"\"", '"') if message else failure


def _summary(verdicts: list[Verdict], both: bool) -> str:
    total = len(verdicts)
    differ = sum(not each.same for each in verdicts)
    fail = sum(each.same and each.our_failure is not None for each in verdicts)
    texts = []
    if differ:
        texts.append(f"{differ} of {total} differ: keep these workflows on native Core, and please report them")
    if fail:
        texts.append(
            f"{fail} of {total} do not replay: this code does not fit them" + (", on any Core" if both else "")
        )
    if texts:
        return "\n".join(texts)
    what = "histories give" if total > 1 else "history gives"
    if both:
        return f"{total} {what} the same activations on both Cores: safe to move"
    return f"{total} {'histories replay' if total > 1 else 'history replays'}"
