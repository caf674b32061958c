"""Core takes little of a limited process, and names the limit that is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corewasm.vm import Instance, ModuleError, NoRoomForModule, limits
from corewasm.vm.limits import MIB, Room
from only_where import linux
from wat_module import wat_source

TESTS = Path(__file__).parent
BEGIN = f"""
import resource, sys
sys.path.insert(0, {str(TESTS)!r})
from corewasm.vm import CoreTrap, Instance, NoRoomForModule, module_path, read_module
from wat_module import wat_source
def used():
    return int([line for line in open("/proc/self/status") if line.startswith("VmSize")][0].split()[1]) << 10
def leave(mib, kind=resource.RLIMIT_AS):
    limit = used() + (mib << 20)
    resource.setrlimit(kind, (limit, limit))
"""


def child(code: str, cache: Path) -> str:
    """What a process prints."""
    variables = {**os.environ, "COREWASM_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", BEGIN + code]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@linux
def test_five_instances_take_less_than_a_hundred_mib(tmp_path: Path) -> None:
    code = """
with Instance():
    before = used()
    kept = [Instance() for _ in range(5)]
    print((used() - before) >> 20)
"""
    assert int(child(code, tmp_path)) <= 100


@linux
def test_compiling_without_room_is_refused_before_it_begins(tmp_path: Path) -> None:
    code = """
leave(60)
try:
    Instance()
except NoRoomForModule as error:
    print(error)
"""
    said = child(code, tmp_path)
    assert "core.wasm, for the first time on this machine, takes 112 MiB, and 5" in said
    assert "address space (RLIMIT_AS): raise it (ulimit -v)" in said


@linux
def test_a_module_that_is_kept_needs_no_room_to_compile(tmp_path: Path) -> None:
    child("Instance()", tmp_path)
    assert child("leave(60)\nInstance()\nprint('ready')", tmp_path) == "ready\n"


@linux
def test_an_instance_too_many_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    code = """
first = Instance(wat_source())
leave(45)
kept = []
try:
    while True:
        kept.append(Instance(wat_source()))
except NoRoomForModule as error:
    print(len(kept), error)
print(first.turn(b"goes on"), kept[0].turn(b"too"))
"""
    said = child(code, tmp_path)
    assert said.startswith("2 An instance of Core, one for each runtime and each replay worker, takes 20 MiB, and 1")
    assert said.endswith("raise it (ulimit -v)\nb'goes on' b'too'\n")


@linux
def test_a_trapped_instance_is_replaced_where_there_is_room_for_one(tmp_path: Path) -> None:
    code = """
source = read_module(module_path())
Instance(source).close()
leave(22)
for _ in range(20):
    instance = Instance(source)
    instance.close()
    trapping = Instance(wat_source())
    try:
        trapping.turn(b"!")
    except CoreTrap:
        trapping.close()
print("replaced")
"""
    assert child("Instance(wat_source())" + code, tmp_path) == "replaced\n"


@linux
def test_memory_that_may_not_grow_is_a_trap(tmp_path: Path) -> None:
    code = """
from wat_module import TEXT
grows = "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))"
text = TEXT.replace("(then (drop (memory.grow (i32.const 64))))", f"(then {grows})")
with Instance(wat_source(text=text)) as instance:
    leave(1)
    try:
        instance.turn(b"+")
    except CoreTrap as trap:
        print(trap)
"""
    assert "unreachable" in child(code, tmp_path)


def test_what_is_refused_although_no_limit_is_near() -> None:
    error = limits.no_room("It", MIB, OSError("mmap failed to reserve 0x1000000 bytes\n\nCaused by: ..."))
    assert "It takes 1 MiB, which were refused (mmap failed to reserve 0x1000000 bytes): " in str(error)


@linux
def test_mappings_that_are_used_up_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sys" / "vm").mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "sys" / "vm" / "max_map_count").write_text("65530\n")
    (tmp_path / "self" / "maps").write_text("a mapping\n" * 65520)
    monkeypatch.setattr(limits, "_PROC", tmp_path)
    error = limits.no_room("It", MIB, OSError("mmap failed"))
    assert str(error).endswith("this process has 65,520 of 65,530 mappings: raise vm.max_map_count (sysctl)")


@linux
def test_a_machine_that_promises_only_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sys" / "vm").mkdir(parents=True)
    (tmp_path / "sys" / "vm" / "overcommit_memory").write_text("2\n")
    (tmp_path / "meminfo").write_text("CommitLimit:  2097152 kB\nCommitted_AS: 2088960 kB\nHugePages_Total: 0\n")
    monkeypatch.setattr(limits, "_PROC", tmp_path)
    with pytest.raises(NoRoomForModule, match=r"8 MiB are left of 2,048 MiB of the machine's memory \(vm.overcommit"):
        limits.need_room("It", 9 * MIB)
    limits.need_room("It", 8 * MIB)


def test_other_failures_of_wasmtime_are_not_blamed_on_memory() -> None:
    source = wat_source(text="(module (func $start unreachable) (start $start))")
    with pytest.raises(ModuleError, match="(?s)tiny.wasm cannot be instantiated: .*unreachable") as caught:
        Instance(source)
    assert not isinstance(caught.value, NoRoomForModule)


def test_nothing_is_known_of_a_system_without_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limits, "_PROC", tmp_path)
    assert limits.tightest_room() is None
    limits.need_room("It", 1 << 60)


def test_a_room_says_what_to_do() -> None:
    room = Room("address space (RLIMIT_AS)", 2048 * MIB, 3 * MIB, "raise it (ulimit -v)")
    assert str(room) == "3 MiB are left of 2,048 MiB of address space (RLIMIT_AS): raise it (ulimit -v)"
