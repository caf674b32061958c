"""A container is the machine: limits and use of control groups, versions 1 and 2, in all their layouts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corewasm.bridge import cgroups, machine_load
from corewasm.bridge.machine_load import MachineLoad

GIB = 1 << 30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\n"  # a quarter is used
V2 = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = (
    "31 23 0:27 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 23 0:28 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
)


class Machine:
    """Files of /proc and /sys, and a clock."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.now = 100.0
        monkeypatch.setattr(machine_load, "monotonic", lambda: self.now)
        self.write({"proc/meminfo": MEMINFO, "proc/stat": "cpu 100 0 0 300 0 0 0 0 0 0\n"})

    def write(self, files: dict[str, Any]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(text))

    def load(self) -> MachineLoad:
        return MachineLoad(self.folder, linux=True)

    def memory(self) -> float:
        return self.load().measure()[0]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def v2(path: str, limit: Any, anon: int, root: str = "/") -> dict[str, Any]:
    return {
        "proc/self/mountinfo": V2.format(root=root),
        "proc/self/cgroup": f"0::{path}\n",
        "sys/fs/cgroup/memory.max": limit,
        "sys/fs/cgroup/memory.stat": f"anon {anon}\nfile {10 * GIB}\n",
    }


def test_without_limits_it_is_the_machine(machine: Machine) -> None:
    assert machine.memory() == 0.25
    load = machine.load()
    load.measure()
    machine.write({"proc/stat": "cpu 160 0 0 320 20 0 0 0 5 5\n"})  # guests' time is in user's
    assert load.measure() == (0.25, 0.6)


@pytest.mark.parametrize(("path", "root"), [("/", "/"), ("/docker/abc", "/docker/abc"), ("/../..", "/"), ("/x", "/y")])
def test_version_2_with_its_group_at_the_top(machine: Machine, path: str, root: str) -> None:
    machine.write(v2(path, 2 * GIB, GIB, root))
    assert machine.memory() == 0.5


def test_the_page_cache_is_not_used_memory(machine: Machine) -> None:
    machine.write(v2("/", 2 * GIB, GIB) | {"sys/fs/cgroup/memory.current": 2 * GIB})
    assert machine.memory() == 0.5


def test_the_tightest_of_nested_groups_counts(machine: Machine) -> None:
    machine.write(v2("/pod/container", "max", 0))
    machine.write(
        {
            "sys/fs/cgroup/pod/memory.max": 4 * GIB,
            "sys/fs/cgroup/pod/memory.stat": f"anon {3 * GIB}\n",
            "sys/fs/cgroup/pod/container/memory.max": 2 * GIB,
            "sys/fs/cgroup/pod/container/memory.stat": f"anon {GIB}\n",
        }
    )
    assert machine.memory() == 0.75


@pytest.mark.parametrize("limit", ["max", 32 * GIB, "nonsense", "-5", "", "٣"])
def test_what_is_no_limit_leaves_the_machine(machine: Machine, limit: Any) -> None:
    machine.write(v2("/", limit, GIB))
    assert machine.memory() == 0.25


def test_version_1_with_swap(machine: Machine) -> None:
    machine.write(
        {
            "proc/self/mountinfo": V1.format(root="/"),
            "proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": 9223372036854771712,
            "sys/fs/cgroup/memory/memory.stat": f"rss 1\ntotal_rss {4 * GIB}\n",
            "sys/fs/cgroup/memory/a/memory.limit_in_bytes": 4 * GIB,
            "sys/fs/cgroup/memory/a/memory.stat": f"rss 1\ntotal_rss {GIB}\ntotal_swap {3 * GIB}\n",
        }
    )
    assert machine.memory() == 0.25
    machine.write({"sys/fs/cgroup/memory/a/memory.memsw.limit_in_bytes": 5 * GIB})
    assert machine.memory() == 0.8


def test_processors_of_version_2(machine: Machine) -> None:
    machine.write(v2("/", "max", 0))
    machine.write({"sys/fs/cgroup/cpu.max": "150000 100000", "sys/fs/cgroup/cpu.stat": "usage_usec 1000000\nx y\n"})
    load = machine.load()
    load.measure()
    machine.now += 2
    machine.write({"sys/fs/cgroup/cpu.stat": "usage_usec 2500000\n"})
    assert load.measure()[1] == 0.5


def test_processors_of_version_1(machine: Machine) -> None:
    machine.write(
        {
            "proc/self/mountinfo": V1.format(root="/"),
            "proc/self/cgroup": "3:cpu,cpuacct:/a\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": 50_000,
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": 100_000,
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": -1,
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": 100_000,
            "sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage": 10**9,
            "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": 10**12,
        }
    )
    load = machine.load()
    load.measure()
    machine.now += 1
    machine.write({"sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage": 10**9 + 400_000_000})
    assert load.measure()[1] == 0.8


def test_a_limit_that_changes_is_noticed(machine: Machine) -> None:
    machine.write(v2("/", 4 * GIB, GIB))
    load = machine.load()
    assert load.measure()[0] == 0.25
    machine.write({"sys/fs/cgroup/memory.max": 2 * GIB})
    assert load.measure()[0] == 0.5


def test_a_process_that_is_moved_is_found(machine: Machine) -> None:
    machine.write(v2("/a", "max", 0))
    machine.write({"sys/fs/cgroup/b/memory.max": 2 * GIB, "sys/fs/cgroup/b/memory.stat": f"anon {GIB}\n"})
    load = machine.load()
    assert load.measure()[0] == 0.25
    machine.write({"proc/self/cgroup": "0::/b\n"})
    machine.now += 10
    assert load.measure()[0] == 0.5


def test_a_mount_that_lies_on_another_counts(machine: Machine) -> None:
    machine.write(v2("/own", 2 * GIB, GIB))
    machine.write({"proc/self/mountinfo": V2.format(root="/") + V2.format(root="/own")})
    assert machine.memory() == 0.5


def test_no_files_at_all(tmp_path: Path) -> None:
    assert MachineLoad(tmp_path, linux=True).measure() == (0.0, 0.0)


@given(st.text(), st.text(), st.text())
def test_any_contents_are_taken(mounts: str, own: str, text: str) -> None:
    found = cgroups.parse_mounts(mounts)
    assert all(mount.version in (1, 2) for mount in found)
    list(cgroups.folders("memory", found, cgroups.parse_own_groups(own), Path("/nowhere")))
    assert all(number >= 0 for number in cgroups.parse_numbers(text).values())
    assert (cgroups.parse_limit(text) or 0) >= 0
    assert (cgroups.parse_quota(text) or 0.0) >= 0


@given(st.lists(st.sampled_from(["a", "b", "..", "c d"]), max_size=4), st.sampled_from(["/", "/a", "/a/b", "/.."]))
def test_no_group_is_looked_for_outside_of_the_mount(names: list[str], root: str) -> None:
    mounts = cgroups.parse_mounts(V2.format(root=root))
    paths = [path for _, path in cgroups.folders("memory", mounts, {"": "/" + "/".join(names)}, Path("/top"))]
    assert paths[-1] == Path("/top/sys/fs/cgroup")
    assert all(".." not in path.parts for path in paths)


HELD = """
import sys
sys.path[:0] = {path!r}
held = bytearray(60 << 20)
for page in range(0, len(held), 4096):
    held[page] = 1
from corewasm.bridge.machine_load import MachineLoad
print(MachineLoad().measure()[0])
"""


def test_a_real_group() -> None:
    """Where this machine lets nobody make groups, what is measured is the machine."""
    own = list(cgroups.folders("memory", *real_groups(), Path("/")))
    group = next((path for version, path in own if version == 1), Path("/nowhere")) / f"corewasm-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(200 << 20))
        least, enter = 0.3, f"echo $$ > {group}/cgroup.procs && "
    except OSError:
        least, enter = 0.0, ""
    try:
        command = ["sh", "-c", f'{enter}exec "$@"', "sh", sys.executable, "-c", HELD.format(path=sys.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert least <= float(done.stdout) <= 0.95, done.stderr
    finally:
        if group.exists():
            group.rmdir()


def real_groups() -> tuple[list[cgroups.Mount], dict[str, str]]:
    mounts = cgroups.parse_mounts(Path("/proc/self/mountinfo").read_text())
    return mounts, cgroups.parse_own_groups(Path("/proc/self/cgroup").read_text())
