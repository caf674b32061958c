"""Every kind of trap comes back as `CoreTrap`, whatever else in the process has to do with signals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corewasm.vm import CoreTrap, Instance
from corewasm.vm.engine import EngineKind
from only_where import linux, posix
from wat_module import TEXT, wat_source

TRAPS = {
    "unreachable": "unreachable",
    "load outside": "(drop (i32.load (i32.const 0x7ffffff0)))",
    "load just outside": "(drop (i64.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 7))))",
    "load far outside": "(drop (i32.load offset=0xfffffff0 (i32.const -1)))",
    "store outside": "(i32.store (i32.const -4) (i32.const 1))",
    "copy outside": "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))",
    "divide by zero": "(drop (i32.div_u (i32.const 1) (local.get $zero)))",
    "remainder by zero": "(drop (i64.rem_s (i64.const 1) (i64.extend_i32_u (local.get $zero))))",
    "quotient too large": "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $zero) (i32.const 1))))",
    "conversion too large": "(drop (i32.trunc_f64_s (f64.const 1e300)))",
    "conversion of no number": "(drop (i64.trunc_f32_u (f32.const nan)))",
    "indirect call of another type": "(call_indirect (type $other) (i32.const 1) (i32.const 0))",
    "indirect call of nothing": "(call_indirect (type $none) (i32.const 1))",
    "indirect call outside": "(call_indirect (type $none) (i32.const 99))",
    "stack overflow": "(call $deep (i32.const 0))",
}
FUNCTIONS = """
  (type $none (func)) (type $other (func (param i32)))
  (table 2 funcref) (elem (i32.const 0) $nothing)
  (func $nothing)
  (func $deep (param i32) (call $deep (i32.add (local.get 0) (i32.const 1))) (drop (memory.grow (i32.const 0))))
  (func $trap (param $zero i32) %TRAP%)
  (func (export "free")"""

SURROUNDINGS = {
    "nothing": "",
    "faulthandler": "import faulthandler; faulthandler.enable()",
    "handlers in Python": "for number in FAULTS: signal.signal(number, lambda *_: os._exit(98))",
    "handlers of another runtime": """
kind = ctypes.CFUNCTYPE(None, ctypes.c_int)
handler = kind(lambda number: os._exit(99))
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
for number in FAULTS: libc.signal(number, ctypes.cast(handler, ctypes.c_void_p))
""",
    "faults blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, FAULTS)",
    "faults end the process": """
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
for number in FAULTS: libc.signal(number, 0)
""",
    "a sampling profiler": """
signal.signal(signal.SIGPROF, lambda *_: None)
signal.setitimer(signal.ITIMER_PROF, 0.0005, 0.0005)
""",
    "wasmtime for others": """
import wasmtime
others = wasmtime.Engine()
wasmtime.Instance(wasmtime.Store(others), wasmtime.Module(others, "(module (memory 1))"), [])
for number in FAULTS: signal.signal(number, signal.SIG_DFL)
""",
}
CHILD = """
import ctypes, os, signal, sys
sys.path.insert(0, {tests!r})
FAULTS = [signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP]
libc = ctypes.CDLL(None)
def surround():
    exec({surroundings!r}, globals())
if {first}:
    surround()
from test_vm_traps import TRAPS, trapped
trapped("unreachable")
if not {first}:
    surround()
for _ in range(3):
    for kind in TRAPS:
        print(kind, "->", trapped(kind))
signal.setitimer(signal.ITIMER_PROF, 0)
"""


def trapped(kind: str) -> str:
    """What the trap says."""
    text = TEXT.replace("(then unreachable)", "(then (call $trap (i32.const 0)))")
    text = text.replace('(func (export "free")', FUNCTIONS.replace("%TRAP%", TRAPS[kind]))
    with Instance(wat_source(text=text)) as instance, pytest.raises(CoreTrap, match="the panic's text") as caught:
        instance.turn(b"!")
    return str(caught.value)


@posix
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("engine", [kind.value for kind in EngineKind])
def test_traps_stay_inside(surroundings: str, first: bool, engine: str, tmp_path: Path) -> None:
    code = CHILD.format(tests=str(Path(__file__).parent), surroundings=SURROUNDINGS[surroundings], first=first)
    environment = {**os.environ, "COREWASM_ENGINE": engine, "COREWASM_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(" -> ")[0] for line in done.stdout.splitlines()] == 3 * list(TRAPS)


@linux
def test_no_signal_handler_and_no_thread_is_left_in_the_process(tmp_path: Path) -> None:
    code = """
import os, sys
sys.path.insert(0, {tests!r})
def taken():
    names = ("SigCgt", "SigBlk", "SigIgn", "Threads")
    return [line for line in open("/proc/self/status") if line.startswith(names)]
import wat_module
before = taken()
from corewasm.vm import Instance
with Instance() as core, Instance(wat_module.wat_source()) as instance:
    instance.turn(b"turn")
assert taken() == before, (before, taken())
"""
    environment = {**os.environ, "COREWASM_CACHE_DIR": str(tmp_path)}
    code = code.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
