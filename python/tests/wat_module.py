"""A tiny module with the exports of docs/abi.md, for tests of the host alone.

Its `turn` answers with the bytes it was given; a request that starts with "!" panics, one that starts with "+" first
grows the memory by 64 pages.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import wasmtime

from corewasm.vm import ModuleSource

TEXT = r"""
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (data (i32.const 16) "the panic's text")
  (func (export "abi_version") (result i32) (i32.const %VERSION%))
  (func (export "alloc") (param i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (global.get $next) (local.get 0)))
    (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.add (i32.shr_u (local.get 0) (i32.const 16)) (i32.const 1))))))
    (local.get $at))
  (func (export "free") (param i32 i32) (global.set $next (i32.const 1024)))
  (func (export "last_panic") (result i64) (i64.const 0x1000000010))
  (func (export "turn") (param i32 i32) (result i64)
    (if (i32.eq (i32.load8_u (local.get 0)) (i32.const 33)) (then unreachable))
    (if (i32.eq (i32.load8_u (local.get 0)) (i32.const 43)) (then (drop (memory.grow (i32.const 64)))))
    (if (i32.eq (i32.load8_u (local.get 0)) (i32.const 63)) (then (return (i64.const -1))))
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))
"""


def wat_source(version: int = 1 << 16, text: str = TEXT) -> ModuleSource:
    """The module, with `abi_version` answering `version`."""
    wasm = bytes(wasmtime.wat2wasm(text.replace("%VERSION%", str(version))))
    return ModuleSource(Path("tiny.wasm"), wasm, hashlib.sha256(wasm).hexdigest())
