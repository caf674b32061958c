"""A start without what a developer's machine has: it works, or one line says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import corewasm
from corewasm.bridge import runtime

PACKAGE = Path(str(corewasm.__file__)).parent
SITE = PACKAGE / "site"
TELL = """
import temporalio.bridge.temporal_sdk_bridge as bridge
print("ours" if "corewasm" in bridge.__file__ else "native")
"""
START = """
import sys
import corewasm
corewasm.install()
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
filter = TelemetryFilter(core_level="INFO", other_level="INFO")
runtime = Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=filter)))
open(sys.argv[1], "w").write("started")
"""


def program(code: str, *flags: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Where packages are found by PYTHONPATH, as with Bazel, layers and --target."""
    inherited = {name: value for name, value in os.environ.items() if name != "COREWASM"}
    inherited["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    command = [sys.executable, *flags, "-c", code]
    return subprocess.run(
        command, env=inherited | environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


def started(folder: Path, code: str, *flags: str, env: dict[Any, Any] | None = None) -> str:
    """What the program leaves in a file: its standard streams may be closed."""
    said = folder / "said"
    done = subprocess.run(
        [sys.executable, *flags, "-c", code, str(said)], env=env, capture_output=True, timeout=60, check=False
    )
    return said.read_text() if said.exists() else done.stderr.decode(errors="replace")[-1000:]


def test_no_site_folder_reads_pth_files() -> None:
    assert program(TELL, "-S", COREWASM="1").stdout == "native\n"
    assert program(TELL, "-S", COREWASM="1", PYTHONPATH=os.pathsep.join([str(SITE), *sys.path])).stdout == "native\n"
    doctor = program(
        "import sys; sys.argv[1:] = ['doctor']; from corewasm.cli.main import app; app()", "-S", COREWASM="1"
    )
    (line,) = [line for line in doctor.stdout.splitlines() if "replacement" in line]
    assert "Python was started without its site module (-S), so COREWASM=1 has no effect; start programs with" in line


def test_a_folder_for_pythonpath_does_what_the_pth_file_does() -> None:
    path = os.pathsep.join([str(SITE), *sys.path])
    assert program(TELL, "-I", COREWASM="1", PYTHONPATH=path).stdout in ("ours\n", "native\n")
    assert program(TELL, COREWASM="1", PYTHONPATH=path).stdout == "ours\n"
    assert program(TELL, COREWASM="0", PYTHONPATH=path).stdout == "native\n"


def test_another_sitecustomize_is_executed_as_well(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('another')\n")
    path = os.pathsep.join([str(SITE), str(tmp_path), *sys.path])
    assert program(TELL, COREWASM="1", PYTHONPATH=path).stdout == "another\nours\n"


def test_a_switch_without_effect_is_told_when_it_can_be_seen() -> None:
    done = program("import temporalio.client, corewasm, corewasm", "-S", COREWASM="1")
    assert done.stderr.count("RuntimeWarning: COREWASM=1 has no effect") == 1
    assert program("import temporalio.client, corewasm", "-S").stderr == ""


def test_another_working_directory_and_a_relative_path(tmp_path: Path) -> None:
    relative = os.path.relpath(PACKAGE.parent, tmp_path)
    code = f"import sys, os; sys.path.insert(0, {relative!r}); import corewasm; os.chdir('/'); corewasm.install(){TELL}"
    assert program(code, cwd=tmp_path).stdout == "ours\n"


def test_from_an_archive(tmp_path: Path) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in PACKAGE.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                packed.write(path, Path("corewasm") / path.relative_to(PACKAGE))
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import corewasm; corewasm.install(){TELL}"
    done = program(f"{code}print(bridge.__file__)")
    assert done.stdout == f"ours\n{archive}/corewasm/bridge/__init__.py\n", done.stderr


@pytest.mark.parametrize("flags", [["-O"], ["-OO"], ["-W", "error"], ["-X", "dev"], ["-I"], ["-B", "-E"]])
def test_pythons_flags(flags: list[str], tmp_path: Path) -> None:
    assert started(tmp_path, START, *flags) == "started"


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}, {}]
)
def test_encodings_and_an_empty_environment(environment: dict[str, str], tmp_path: Path) -> None:
    assert started(tmp_path, START, env=environment) == "started"


def test_variables_that_are_not_utf_8(tmp_path: Path) -> None:
    assert started(tmp_path, START, env={b"TEMPORAL_ADDRESS": b"\xff\xfe"}) == "started"


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_descriptors(closed: str, tmp_path: Path) -> None:
    closing = f"import os\nfor each in {closed.split()}: os.close(int(each))\n"
    assert started(tmp_path, closing + START) == "started"


def test_no_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise OSError("no name")

    monkeypatch.setattr(runtime.socket, "gethostname", refuse)
    assert runtime._host_name() == ""
    monkeypatch.setattr(runtime.socket, "gethostname", lambda: "caf\udce9")
    assert runtime._host_name() == "caf?"
