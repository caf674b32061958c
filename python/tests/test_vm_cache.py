"""Compiled code is kept per user, and nothing but our own intact files is ever loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import wasmtime

from corewasm.vm import Instance, ModuleSource, cache, compiled
from corewasm.vm.engine import engine_kind
from wat_module import TEXT, wat_source

_count = iter(range(1_000_000))


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiled, "_modules", {})
    return tmp_path / "cache"


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    seen: list[bytes] = []
    original = wasmtime.Module

    class Counting(original):  # type: ignore[misc, valid-type]
        def __init__(self, engine: wasmtime.Engine, wasm: bytes) -> None:
            seen.append(wasm)
            super().__init__(engine, wasm)

    monkeypatch.setattr(wasmtime, "Module", Counting)
    return seen


def forget() -> None:
    """As a new process would begin."""
    compiled._modules.clear()


def path_of(source: ModuleSource) -> Path:
    return cache.cache_path(source, engine_kind())


def works(source: ModuleSource) -> bool:
    with Instance(source) as instance:
        return instance.turn(b"ping") == b"ping"


def test_second_process_does_not_compile(folder: Path, compilations: list[bytes]) -> None:
    source = wat_source()
    assert works(source)
    forget()
    assert works(source)
    assert len(compilations) == 1
    assert [path.name for path in folder.iterdir()] == [path_of(source).name]


def test_other_module_has_another_file(folder: Path, compilations: list[bytes]) -> None:
    assert works(wat_source())
    assert works(wat_source(text=TEXT.replace("(i32.const 64)", "(i32.const 65)")))
    assert len(compilations) == len(list(folder.iterdir())) == 2


def test_file_name_tells_what_it_depends_on(folder: Path) -> None:
    source = wat_source()
    name = path_of(source).name
    assert source.sha256[:32] in name
    assert f"wasmtime-{cache.WASMTIME_VERSION}" in name


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damaged_file_is_ignored_and_replaced(folder: Path, compilations: list[bytes], damage: str) -> None:
    source = wat_source()
    assert works(source)
    path = path_of(source)
    good = path.read_bytes()
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    path.write_bytes({"cut": good[:-100], "flip": flipped, "empty": b""}[damage])
    forget()
    assert works(source)
    assert len(compilations) == 2
    assert path.read_bytes()[:32] == good[:32] or len(path.read_bytes()) == len(good)


def test_file_that_others_may_write_is_ignored(folder: Path, compilations: list[bytes]) -> None:
    source = wat_source()
    assert works(source)
    path_of(source).chmod(0o666)
    forget()
    assert works(source)
    assert len(compilations) == 2


def variant(number: int) -> ModuleSource:
    return wat_source(text=TEXT.replace("(i32.const 64)", f"(i32.const {64 + number})"))


def test_the_artefacts_used_last_are_kept(folder: Path, compilations: list[bytes]) -> None:
    sources = [variant(number) for number in range(cache.KEPT + 1)]
    paths = [path_of(source) for source in sources]
    for moment, (source, path) in enumerate(zip(sources[:-1], paths[:-1], strict=True)):
        assert works(source)
        os.utime(path, (moment, moment))
    forget()
    assert works(sources[0])  # from the cache: used again
    assert works(sources[-1])
    assert set(folder.iterdir()) == {paths[0], *paths[2:]}


def test_only_old_artefacts_of_other_versions_are_removed(folder: Path) -> None:
    folder.mkdir()
    fresh, old, foreign = (folder / name for name in ("a-wasmtime-1.0-x.cwasm", "b-wasmtime-1.0-x.cwasm", "other.txt"))
    for path in (fresh, old, foreign):
        path.touch()
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))
    assert works(wat_source())
    assert set(folder.iterdir()) == {fresh, foreign, path_of(wat_source())}


def test_a_file_that_another_process_removes_meanwhile_is_no_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(cache.KEPT + 1):
        (folder / f"{number}-wasmtime-{cache.WASMTIME_VERSION}-x.cwasm").parent.mkdir(exist_ok=True)
        (folder / f"{number}-wasmtime-{cache.WASMTIME_VERSION}-x.cwasm").touch()
    original = cache._last_used

    def removed_meanwhile(path: Path) -> float:
        path.unlink()
        return original(path)

    monkeypatch.setattr(cache, "_last_used", removed_meanwhile)
    assert works(wat_source())
    assert list(folder.iterdir()) == [path_of(wat_source())]


def test_folder_that_cannot_be_written_costs_only_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compilations: list[bytes]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COREWASM_CACHE_DIR", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(compiled, "_modules", {})
    assert works(wat_source())
    forget()
    assert works(wat_source())
    assert len(compilations) == 2
