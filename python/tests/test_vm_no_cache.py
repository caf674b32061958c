"""Nothing about the cache's folder stops a start, and what is missing is told once."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

from corewasm.vm import Instance, cache, compiled, readiness
from corewasm.vm.engine import EngineKind, engine_kind
from only_where import users_can_be_changed
from wat_module import TEXT, wat_source

TESTS = Path(__file__).parent
CHILD = f"""
import logging, os, sys
sys.path.insert(0, {str(TESTS)!r})
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
from corewasm.vm import Instance, readiness
from wat_module import TEXT, wat_source
for pages in (1, 2):
    source = wat_source(text=TEXT.replace('(memory (export "memory") 1)', f'(memory (export "memory") {{pages}})'))
    with Instance(source) as instance:
        assert instance.turn(b"turn") == b"turn"
print("doctor:", readiness(source).cache_problem)
print("left:", sorted(os.listdir()))
"""


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_modules", {})
    monkeypatch.setattr(cache, "_problem", "")
    for variable in ("COREWASM_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)


def starts() -> bool:
    with Instance(wat_source()) as instance:
        return instance.turn(b"ping") == b"ping"


def child(folder: Path, begin: str = "", **variables: str) -> list[str]:
    """What a process prints that has `folder` as its working directory and no home but what `variables` give."""
    gone = ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "COREWASM_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in gone} | variables
    command = [sys.executable, "-c", begin + CHILD]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


NAMELESS = """
import os
import pwd, platformdirs, wasmtime
def unknown(uid): raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = unknown
"""


def test_no_home_and_no_name(tmp_path: Path) -> None:
    said = child(tmp_path, NAMELESS)
    assert [line.split(":")[0] for line in said] == [
        "INFO Compiled modules are not kept, each process compiles anew", "doctor", "left"
    ]  # fmt: skip
    assert "set COREWASM_CACHE_DIR" in said[0]
    assert "set COREWASM_CACHE_DIR" in said[1]
    assert said[2] == "left: []"


def test_cache_folder_of_ones_own_needs_no_home(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    said = child(tmp_path / "here", NAMELESS, COREWASM_CACHE_DIR=str(tmp_path / "cache"))
    assert said == ["doctor: ", "left: []"]
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize("value", ["", "relative/folder", "~/.cache"])
def test_cache_home_that_is_to_be_ignored(tmp_path: Path, value: str) -> None:
    (tmp_path / "here").mkdir()
    said = child(tmp_path / "here", XDG_CACHE_HOME=value, HOME=str(tmp_path / "home"))
    assert said[-1] == "left: []"


@users_can_be_changed
def test_home_that_this_user_may_not_write(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp())
    home.chmod(0o755)
    begin = "import wasmtime, corewasm.vm, logging\nimport os; os.setgid(12345); os.setuid(12345)\n"
    said = child(home, begin, HOME=str(home), PYTHONDONTWRITEBYTECODE="1")
    assert "Permission denied" in said[0]
    assert said[-1] == "left: []"
    home.rmdir()


def test_home_that_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path / "home" / "cache"))
    assert starts()
    assert "Not a directory" in readiness(wat_source()).cache_problem


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_disk_that_takes_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> NoReturn:
            self.file.write(content[:1000])
            raise OSError(number, os.strerror(number))

    original = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda handle, mode: Full(original(handle, mode)))
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path))
    caplog.set_level(logging.INFO)
    assert starts()
    compiled._modules.clear()
    assert starts()
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert os.strerror(number) in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_logging_that_raises_is_no_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def raises(*_: object) -> NoReturn:
        raise BrokenPipeError

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(cache.logger, "info", raises)
    assert starts()


def test_leftovers_of_killed_processes_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path))
    old, young = tmp_path / "a.unfinished", tmp_path / "b.unfinished"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    assert starts()
    assert not old.exists()
    assert young.exists()


def test_processes_that_write_at_the_same_time(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from corewasm.vm import Instance, compiled
from wat_module import wat_source
sys.stdin.readline()
for _ in range(100):
    compiled._modules.clear()
    if _ % 2:
        compiled.read_artefact = lambda *_: None
    else:
        from corewasm.vm.cache import read_artefact
        compiled.read_artefact = read_artefact
    with Instance(wat_source()) as instance:
        assert instance.turn(b"turn") == b"turn"
"""
    environment = {**os.environ, "COREWASM_CACHE_DIR": str(tmp_path)}
    children = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE) for _ in range(3)
    ]
    for each in children:
        assert each.stdin is not None
        each.stdin.close()
    assert [each.wait(100) for each in children] == [0, 0, 0]
    assert [path.suffix for path in tmp_path.iterdir()] == [".cwasm"]


@users_can_be_changed
@pytest.mark.parametrize(("owner", "trusted"), [(0, True), (4242, False)])
def test_whose_files_are_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, owner: int, trusted: bool) -> None:
    """An image that root has built may hold the artefact; what other users wrote is never run."""
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path))
    assert starts()
    path = cache.cache_path(wat_source(), engine_kind())
    os.chown(path, owner, 0)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    os.chown(tmp_path, 0, 0)
    assert (cache.read_artefact(wat_source(), engine_kind()) is not None) is trusted


def test_an_artefact_of_other_settings_is_made_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path))
    source = wat_source(text=TEXT)
    other = compiled.engine_of(EngineKind.INTERPRETED)
    foreign = bytes(compiled.wasmtime.Module(other, source.wasm).serialize())
    cache.keep_artefact(source, EngineKind.COMPILED, foreign)
    assert starts()
    assert cache.read_artefact(source, EngineKind.COMPILED) != foreign
