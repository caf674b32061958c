"""`corewasm run`, `doctor` and `version`: what a user sees, and what a script may rely on (section 15: the host)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import corewasm
from corewasm.cli.main import app

TELL = """
import sys
import temporalio.bridge.temporal_sdk_bridge as bridge
print(__name__, sys.argv[1:], "corewasm" in str(bridge.__file__))
"""


def corewasm_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "corewasm", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("how", [["program.py"], ["-m", "program"]])
def test_run_gives_a_program_our_core_and_its_own_arguments(tmp_path: Path, how: list[str]) -> None:
    (tmp_path / "program.py").write_text(TELL)
    done = corewasm_command(tmp_path, "run", *how, "--verbose", "-x", "7")
    assert done.stdout == "__main__ ['--verbose', '-x', '7'] True\n", done.stderr
    assert done.returncode == 0


def test_run_ends_as_the_program_ends(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("raise SystemExit(3)\n")
    assert corewasm_command(tmp_path, "run", "program.py").returncode == 3


def test_version() -> None:
    assert CliRunner().invoke(app, ["version"]).output == f"{corewasm.__version__}\n"


def test_doctor_is_content_without_a_server() -> None:
    result = CliRunner().invoke(app, ["doctor", "--address", "localhost:1"])
    assert result.exit_code == 0, result.output
    assert "-    server" in result.output
    assert "nothing answers at localhost:1" in result.output


def test_doctor_fails_without_a_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COREWASM_MODULE", str(tmp_path / "none.wasm"))
    result = CliRunner().invoke(app, ["doctor", "--address", "localhost:1"])
    assert result.exit_code == 1
    assert "FAIL" in result.output
    assert "none.wasm" in result.output
