"""The order of a module's functions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import wasmtime

from tools import wasm_order
from tools.wasm import FLOOR_FLAGS
from tools.wasm_toolchain import find_binaryen


def function(name: str, constant: int, operator: str, *calls: str) -> str:
    called = "".join(f"(drop (call ${callee} (i32.const {constant})))" for callee in calls)
    steps = "".join(f"(local.set 0 ({operator} (local.get 0) (i32.const {constant + step})))" for step in range(12))
    return f'(func ${name} (export "{name}") (param i32) (result i32) {called}{steps}(local.get 0))'


MODULE = bytes(
    wasmtime.wat2wasm(
        "(module"
        + function("add_1", 1000, "i32.add", "xor_2")
        + function("xor_1", 5000, "i32.xor")
        + function("add_2", 1000, "i32.add")
        + function("xor_2", 5000, "i32.xor", "add_2")
        + '(table 2 funcref) (elem (i32.const 0) $xor_2 $add_1) (func (export "indirect") (param i32) (result i32)'
        + "(call_indirect (param i32) (result i32) (local.get 0) (i32.const 1))))"
    )
)


def results(module: bytes) -> dict[str, int]:
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, module), []).exports(store)
    names = ("add_1", "xor_1", "add_2", "xor_2", "indirect")
    return {name: exports[name](store, 7) for name in names}  # type: ignore[operator]


def test_like_follows_like() -> None:
    bodies = wasm_order.function_bodies(MODULE)[:4]

    assert wasm_order.similar_order(bodies) in ([0, 2, 1, 3], [0, 2, 3, 1])


def test_every_function_has_one_place() -> None:
    bodies = [bytes([number % 7]) * (number % 50) for number in range(300)]

    assert sorted(wasm_order.similar_order(bodies)) == list(range(300))


def test_a_module_in_another_order_does_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wasm_order, "SHORT_INDICES", 1)
    source, listing, target = (tmp_path / name for name in ("in.wasm", "in.wat", "out.wasm"))
    source.write_bytes(MODULE)
    subprocess.run([find_binaryen("wasm-dis"), *FLOOR_FLAGS, source, "-o", listing], check=True)

    listing.write_text(wasm_order.reordered(listing.read_text(), MODULE))
    subprocess.run([find_binaryen("wasm-as"), *FLOOR_FLAGS, listing, "-o", target], check=True)

    moved = target.read_bytes()
    assert wasm_order.function_bodies(moved) != wasm_order.function_bodies(MODULE)
    assert results(moved) == results(MODULE)
