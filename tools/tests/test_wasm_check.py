"""A module that may not ship is refused, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from tools import wasm, wasm_check
from tools.wasm_check import module_problems

EXPORTS = frozenset({"memory", "abi_version"})
GOOD = '(memory (export "memory") 1) (func (export "abi_version") (result i32) i32.const 1)'


def problems(body: str) -> list[str]:
    return module_problems(bytes(wasmtime.wat2wasm(f"(module {body})")), EXPORTS)


def test_a_good_module_passes() -> None:
    assert problems(GOOD) == []


def test_the_floors_own_features_pass() -> None:
    floor = """
        (func (param i32) (result i32) local.get 0 i32.extend8_s)
        (func (param f64) (result i32) local.get 0 i32.trunc_sat_f64_s)
        (func i32.const 0 i32.const 0 i32.const 0 memory.fill)
        (func (result i32 i32) i32.const 1 i32.const 2)
        (global (mut i32) (i32.const 0))
    """
    assert problems(GOOD + floor) == []


@pytest.mark.parametrize(
    "code",
    [
        "(func (result v128) v128.const i64x2 0 0)",
        "(func (export \"a\") (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
        "(memory 1 1 shared)",
        "(func (drop (i32.atomic.load (i32.const 0))))",
        "(func $f return_call $f)",
        "(tag $t) (func (throw $t))",
        "(memory i64 1)",
        "(memory 1) (memory 1)",
        "(type (struct (field i32)))",
        "(func (param (ref func)))",
    ],
)  # fmt: skip
def test_code_above_the_feature_floor_is_refused(code: str) -> None:
    body = code if "memory" in code else GOOD + code
    assert problems(body)[0].startswith("code outside the feature floor")


def test_an_import_is_refused() -> None:
    assert problems('(import "env" "now" (func))' + GOOD) == ["import env.now: the module may import nothing"]


def test_exports_are_those_of_the_abi_page() -> None:
    assert problems(GOOD + '(func (export "extra"))') == ["export extra is not in abi.md"]
    assert problems('(memory (export "memory") 1)') == ["export abi_version of abi.md is missing"]


def test_size_budgets_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_check, "SIZE_BUDGET", 20)
    monkeypatch.setattr(wasm_check, "GZIP_BUDGET", 30)
    found = problems(GOOD)
    assert len(found) == 2
    assert found[0].endswith("the budget is 20")
    assert "after gzip: the budget is 30" in found[1]


def test_paths_of_the_build_machine_are_refused() -> None:
    data = '(data (i32.const 0) "/home/someone/.cargo/registry/a.rs")'
    assert problems(GOOD + data) == ["path of the build machine in the module: /home/someone/.cargo/registry/a.rs"]


def test_the_abi_page_names_the_exports(tmp_path: Path) -> None:
    page = tmp_path / "abi.md"
    page.write_text(
        "# ABI\n\n## Exports\n\n| name | what |\n|---|---|\n| `memory` | m |\n| `turn` | `t` |\n\n## Turn\n"
    )
    assert wasm_check.abi_exports(page) == {"memory", "turn"}
    page.write_text("# ABI\n")
    with pytest.raises(ValueError, match="Exports"):
        wasm_check.abi_exports(page)


def test_the_version_is_read_from_the_module() -> None:
    assert wasm_check.abi_version(bytes(wasmtime.wat2wasm(f"(module {GOOD})"))) == 1


def test_the_linkers_own_exports_are_not_kept() -> None:
    module = '(module (global (export "__heap_base") i32 (i32.const 0)) (memory (export "memory") 1))'
    assert wasm._export_graph(bytes(wasmtime.wat2wasm(module))) == [
        {"name": "world", "root": True, "reaches": ["memory"]},
        {"name": "memory", "export": "memory"},
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda module: module.unlink(), "is missing"),
        (lambda module: module.write_bytes(b"damaged"), "is not the file"),
        (lambda module: None, "other Rust sources"),
    ],
)
def test_a_committed_module_of_other_sources_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: object, reason: str
) -> None:
    module = tmp_path / "core.wasm"
    module.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    module.with_name("core.wasm.json").write_text(f'{{"sha256": "{empty}", "source_hash": "of other sources"}}')
    monkeypatch.setattr(wasm, "ROOT", tmp_path)
    monkeypatch.setattr(wasm, "COMMITTED", module)
    assert callable(change)
    change(module)
    assert reason in (wasm.staleness() or "")


def test_a_committed_module_of_these_sources_is_not_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "core.wasm"
    module.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    description = f'{{"sha256": "{empty}", "source_hash": "{wasm.source_hash()}"}}'
    module.with_name("core.wasm.json").write_text(description)
    monkeypatch.setattr(wasm, "COMMITTED", module)
    assert wasm.staleness() is None
