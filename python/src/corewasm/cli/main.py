"""The commands and their options."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

import corewasm
from corewasm.cli.doctor import examine
from corewasm.cli.replay import replay
from corewasm.cli.surroundings import SITE_FOLDER, Finding, pth_is_read

app = typer.Typer(help="Runs Temporal SDK programs on Core as WebAssembly.", no_args_is_help=True)

app.command()(replay)

_SCRIPT_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


@app.command(context_settings=_SCRIPT_ARGUMENTS)
def run(
    script: Annotated[str, typer.Argument(help="A Python file, or a module after -m.")],
    context: typer.Context,
    module: Annotated[bool, typer.Option("-m", help="SCRIPT is the name of a module.")] = False,
) -> None:
    """Run a program written for temporalio, unmodified. What follows SCRIPT is the program's."""
    corewasm.install()
    os.environ["COREWASM"] = "1"  # for the processes that it starts
    if not pth_is_read():
        inherited = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(SITE_FOLDER), *([inherited] if inherited else [])])
    sys.argv = [script, *context.args]
    if module:
        sys.path.insert(0, "")
        runpy.run_module(script, run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, str(Path(script).resolve().parent))
    runpy.run_path(script, run_name="__main__")


@app.command()
def doctor(
    address: Annotated[str, typer.Option(help="Server to look for, host:port.")] = "localhost:7233",
) -> None:
    """Tell what is installed, which module would run, and whether a server answers."""
    findings = examine(address)
    width = max(len(finding.topic) for finding in findings)
    for finding in findings:
        say(f"{_mark(finding)} {finding.topic:<{width}}  {finding.text}")
    raise typer.Exit(code=0 if all(finding.good for finding in findings if finding.needed) else 1)


@app.command()
def where() -> None:
    """Tell the folder to put on PYTHONPATH where COREWASM=1 has no effect (no .pth files: Bazel, layers, --target)."""
    say(str(SITE_FOLDER))


@app.command()
def version() -> None:
    """Tell the version."""
    typer.echo(corewasm.__version__)


def say(text: str) -> None:
    """A line, on whatever standard output is: of another encoding, closed, or none at all."""
    try:
        typer.echo(text)
    except UnicodeEncodeError as error:
        typer.echo(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
    except (OSError, ValueError):  # its reader has gone
        return


def _mark(finding: Finding) -> str:
    if finding.good:
        return "ok  "
    return "FAIL" if finding.needed else "-   "
