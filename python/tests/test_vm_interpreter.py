"""Where memory may not be made executable, Core is interpreted, and says so once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corewasm.vm import Instance, ModuleError, engine, limits, read_module, readiness
from corewasm.vm.engine import EngineKind
from corewasm.vm.source import module_path
from only_where import code_can_be_denied

TESTS = Path(__file__).parent


@pytest.fixture
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_kind", None)
    monkeypatch.setattr(engine, "_why", "")


def child(code: str, cache: Path, **environment: str) -> str:
    """What a process prints in which no code can be made, on both streams."""
    begin = f"import sys; sys.path.insert(0, {str(TESTS)!r}); import denied_code; denied_code.deny()\n"
    variables = {**os.environ, "COREWASM_CACHE_DIR": str(cache), **environment}
    done = subprocess.run(
        [sys.executable, "-c", begin + code],
        env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@code_can_be_denied
def test_core_runs_where_no_code_can_be_made(tmp_path: Path) -> None:
    code = """
from test_vm_stacks import deep_messages
deep_messages(3)
deep_messages(3)
"""
    said = child(code, tmp_path, PYTHONPATH=str(TESTS.parents[1]))
    refused = "memory may not be made executable here (Permission denied)"
    assert said.splitlines() == [f"{refused}: Core is interpreted, and its turns take about twenty times as long"]
    assert [path.name.rpartition("-")[2] for path in tmp_path.iterdir()] == ["interpreted.cwasm"]


@code_can_be_denied
def test_what_another_process_compiled_is_not_used(tmp_path: Path) -> None:
    use = "from corewasm.vm import Instance; import wat_module; print(Instance(wat_module.wat_source()).turn(b'turn'))"
    variables = {**os.environ, "COREWASM_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(TESTS)}
    subprocess.run([sys.executable, "-c", use], env=variables, check=True, timeout=100)
    assert child(use, tmp_path).endswith("b'turn'\n")
    assert len(list(tmp_path.iterdir())) == 2


@code_can_be_denied
def test_refusal_that_only_shows_as_the_module_is_made(tmp_path: Path) -> None:
    code = """
from corewasm.vm import Instance, limits
import wat_module
limits.code_is_refused = lambda: ""
print(Instance(wat_module.wat_source()).turn(b"turn"))
"""
    said = child(code, tmp_path)
    assert "Permission denied" in said.splitlines()[0]
    assert said.endswith("b'turn'\n")


@code_can_be_denied
def test_compiled_is_asked_for_and_impossible(tmp_path: Path) -> None:
    use = "from corewasm.vm import Instance; import wat_module; print(Instance(wat_module.wat_source()).turn(b'turn'))"
    assert child(use, tmp_path, COREWASM_ENGINE="compiled").endswith("b'turn'\n")


def test_code_may_be_made_in_this_process() -> None:
    assert limits.code_is_refused() == ""


@pytest.mark.usefixtures("undecided")
@pytest.mark.parametrize("kind", list(EngineKind))
def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch, kind: EngineKind) -> None:
    monkeypatch.setenv("COREWASM_ENGINE", kind.value)
    source = read_module(module_path())
    with Instance(source) as core:
        assert core.abi_version >= (1, 1)
    assert readiness(source).engine is kind
    assert readiness(source).reason == "COREWASM_ENGINE says so"


@pytest.mark.usefixtures("undecided")
def test_other_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COREWASM_ENGINE", "fast")
    with pytest.raises(ModuleError, match="COREWASM_ENGINE=fast: there is only compiled or interpreted"):
        Instance()
