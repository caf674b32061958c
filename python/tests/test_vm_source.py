"""core.wasm is found, and a damaged one is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from corewasm.vm import Instance, ModuleError, module_path, read_module


def test_environment_names_another_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COREWASM_MODULE", str(tmp_path / "other.wasm"))
    assert module_path() == tmp_path / "other.wasm"


def test_packaged_module_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COREWASM_MODULE", raising=False)
    assert module_path().parts[-2:] == ("corewasm", "core.wasm")


def test_a_file_that_is_replaced_does_not_change_a_running_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = read_module(module_path())
    path = tmp_path / "core.wasm"
    path.write_bytes(before.wasm)
    monkeypatch.setenv("COREWASM_MODULE", str(path))
    Instance().close()
    path.write_bytes(b"of another release")
    with Instance() as after_a_trap:
        assert after_a_trap.source.sha256 == before.sha256


def test_damaged_module_is_refused_naming_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "core.wasm"
    path.write_bytes(b"\0asm\1\0\0\0")
    good = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "core.wasm.json").write_text(json.dumps({"sha256": good}))
    assert read_module(path).sha256 == good
    path.write_bytes(b"\0asm\1\0\0\1")
    bad = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ModuleError, match=f"{bad}, expected {good}"):
        read_module(path)


@pytest.mark.parametrize("record", ["", "[]", "{}", "not json"])
def test_record_without_a_hash_is_refused(tmp_path: Path, record: str) -> None:
    path = tmp_path / "core.wasm"
    path.write_bytes(b"\0asm\1\0\0\0")
    (tmp_path / "core.wasm.json").write_text(record)
    with pytest.raises(ModuleError, match="does not tell the module's SHA-256"):
        read_module(path)


def test_missing_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="gone.wasm"):
        read_module(tmp_path / "gone.wasm")


def test_file_that_is_no_module_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.wasm"
    path.write_text("hello")
    with pytest.raises(ModuleError, match="not a module this host can run"):
        Instance(read_module(path))
