"""A container is the machine: limits and use of control groups, versions 1 and 2, in all their layouts."""

from __future__ import annotations

import builtins
import errno
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from corewasm.bridge import machine_load, system_files
from corewasm.bridge.cgroup_files import parse_mounts, parse_own_groups
from corewasm.bridge.cgroups import groups_of
from corewasm.bridge.machine_load import LoadUnknown, MachineLoad
from corewasm.host import reports

GIB = 1 << 30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\n"  # a quarter is used
V2 = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = (
    "31 23 0:27 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 23 0:28 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
)
CPUSET_V1 = "33 23 0:29 {root} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
UNLIMITED = 9223372036854771712


def stat(*processors: tuple[int, int]) -> str:
    """/proc/stat for processors that were so long busy and idle."""
    lines = [(sum(column) for column in zip(*processors, strict=True)), *processors]
    names = ["cpu ", *(f"cpu{number}" for number in range(len(processors)))]
    return "".join(f"{name} {busy} 0 0 {idle} 0 0 0 0 7 7\n" for name, (busy, idle) in zip(names, lines, strict=True))


class Machine:
    """Files of /proc and /sys, and a clock."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.now = 100.0
        monkeypatch.setattr(machine_load, "monotonic", lambda: self.now)
        monkeypatch.setattr(reports, "_told", set())
        self.write({"proc/meminfo": MEMINFO, "proc/stat": stat((50, 150), (50, 150))})

    def write(self, files: dict[str, Any]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(text))

    def load(self) -> MachineLoad:
        return MachineLoad(str(self.folder), linux=True)

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


def v1_memory(group: str, limit: int, rss: int, more: str = "") -> dict[str, Any]:
    folder = f"sys/fs/cgroup/memory{group}"
    return {
        f"{folder}/memory.limit_in_bytes": limit,
        f"{folder}/memory.stat": f"rss 1\ntotal_rss {rss}\n{more}",
    }


def test_without_limits_it_is_the_machine(machine: Machine) -> None:
    assert machine.memory() == 0.25
    load = machine.load()
    load.measure()
    machine.write({"proc/stat": "cpu  160 0 0 320 20 0 0 0 5 5\ncpu0 80 0 0 160 10 0 0 0 5 5\ncpu1"})
    assert load.measure() == (0.25, 0.6)  # guests' time is in user's, and a wait for disks is no work


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


@pytest.mark.parametrize("limit", ["max", 32 * GIB, "nonsense", "-5", "", "٣", "0", "9" * 5000])
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
    assert load.measure()[0] == 0.5


def test_a_mount_that_lies_on_another_counts(machine: Machine) -> None:
    machine.write(v2("/own", 2 * GIB, GIB))
    machine.write({"proc/self/mountinfo": V2.format(root="/") + V2.format(root="/own")})
    assert machine.memory() == 0.5


def test_the_same_group_in_two_places_of_the_tree(machine: Machine) -> None:
    """The host's whole tree is shown as well, beside a group that is not ours."""
    machine.write(v2("/pod/own", "max", 0))
    others = "40 23 0:26 /other /other rw - cgroup2 cgroup2 rw\n"
    machine.write({"proc/self/mountinfo": V2.format(root="/") + others})
    machine.write({"other/memory.max": GIB, "other/memory.stat": f"anon {GIB}\n"})
    machine.write({"sys/fs/cgroup/pod/memory.max": 4 * GIB, "sys/fs/cgroup/pod/memory.stat": f"anon {2 * GIB}\n"})
    assert machine.memory() == 0.5


def test_a_usual_place_that_shows_another_group_does_not_count(machine: Machine) -> None:
    own = "40 23 0:26 / /own rw - cgroup2 cgroup2 rw\n"
    machine.write(v2("/a", GIB, GIB) | {"proc/self/mountinfo": V2.format(root="/b") + own})
    machine.write({"own/a/memory.max": 2 * GIB, "own/a/memory.stat": f"anon {GIB}\n"})
    assert machine.memory() == 0.5


def test_a_path_that_no_system_takes(machine: Machine) -> None:
    machine.write(v2("/a\0b", 2 * GIB, GIB))
    assert machine.memory() == 0.5


def test_version_1_beside_version_2(machine: Machine) -> None:
    hybrid = V1.format(root="/") + "33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    machine.write({"proc/self/mountinfo": hybrid, "proc/self/cgroup": "4:memory:/a\n0::/u\n"})
    machine.write(v1_memory("/a", 4 * GIB, GIB) | v1_memory("", UNLIMITED, 8 * GIB))
    assert machine.memory() == 0.25
    unified = "sys/fs/cgroup/unified/u"
    machine.write({f"{unified}/memory.max": 2 * GIB, f"{unified}/memory.stat": f"anon {GIB}\n"})
    assert machine.memory() == 0.5


def test_limits_of_groups_that_cannot_be_seen(machine: Machine) -> None:
    """In version 1 a group's own file tells of them."""
    machine.write({"proc/self/mountinfo": V1.format(root="/pod/own"), "proc/self/cgroup": "4:memory:/pod/own\n"})
    machine.write(v1_memory("", UNLIMITED, GIB, f"hierarchical_memory_limit {2 * GIB}\n"))
    assert machine.memory() == 0.5


LXCFS = "30 23 0:26 / /sys/fs/cgroup rw - fuse.lxcfs lxcfs rw\n"
HIDDEN = "29 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize("mounts", ["", LXCFS, HIDDEN + V1.format(root="/") + LXCFS])
def test_files_that_are_no_mount_of_groups_are_read_where_they_usually_lie(machine: Machine, mounts: str) -> None:
    machine.write(v2("/", 2 * GIB, GIB) | {"proc/self/mountinfo": mounts})
    assert machine.memory() == 0.5


def test_without_the_files_of_the_own_process_the_usual_places_count(machine: Machine) -> None:
    machine.write(v1_memory("", 2 * GIB, GIB))
    assert machine.memory() == 0.5


def test_shared_memory_and_the_kernels_are_used_memory(machine: Machine) -> None:
    """None of them can be taken back: with native Core, which counts anonymous memory alone, the group is killed."""
    machine.write(v2("/", 8 * GIB, GIB))
    kept = f"anon {GIB}\nshmem {4 * GIB}\nsock {GIB}\nslab_unreclaimable {GIB}\nslab_reclaimable {GIB}\nfile {GIB}\n"
    machine.write({"sys/fs/cgroup/memory.stat": kept})
    assert machine.memory() == 7 / 8
    machine.write({"proc/self/mountinfo": V1.format(root="/"), "sys/fs/cgroup/memory.max": "max"})
    machine.write(v1_memory("", 8 * GIB, GIB, f"total_shmem {4 * GIB}\ntotal_cache {6 * GIB}\n"))
    assert machine.memory() == 5 / 8


def test_a_limit_of_swap_apart_does_not_hide_that_memory_is_full(machine: Machine) -> None:
    machine.write(v2("/", 2 * GIB, 2 * GIB))
    machine.write({"sys/fs/cgroup/memory.swap.max": 8 * GIB, "sys/fs/cgroup/memory.swap.current": GIB})
    assert machine.memory() == 1.0


def test_more_than_is_allowed_is_all(machine: Machine) -> None:
    machine.write(v2("/", GIB, 2 * GIB))
    assert machine.memory() == 1.0


def test_a_group_says_enough_where_the_machine_says_nothing(machine: Machine) -> None:
    machine.write(v2("/", 2 * GIB, GIB))
    machine.write({"proc/meminfo": "", "proc/stat": ""})
    assert machine.load().measure() == (0.5, 0.0)


def test_nobody_says_how_much_memory_there_is(tmp_path: Path) -> None:
    with pytest.raises(LoadUnknown, match="/proc/meminfo"):
        MachineLoad(str(tmp_path), linux=True).measure()


def test_what_makes_no_sense_is_told_once(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.write(v2("/", "a lot", GIB) | {"sys/fs/cgroup/cpu.max": "1 0"})
    load = machine.load()
    load.measure()
    load.measure()
    assert [record.getMessage() for record in caplog.records] == [
        "/sys/fs/cgroup/memory.max is left out when the machine's load is measured: it holds 'a lot'"
    ]


def test_what_cannot_be_read_is_told_once(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.write(v2("/", "max", GIB))
    (machine.folder / "sys/fs/cgroup/memory.max").unlink()
    (machine.folder / "sys/fs/cgroup/memory.max").mkdir()
    assert machine.memory() == machine.memory() == 0.25
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "/sys/fs/cgroup/memory.max is left out when the machine's load is measured"
    ]


def test_without_descriptors_no_limit_is_overlooked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write(v2("/", 2 * GIB, GIB))
    load = machine.load()
    assert load.measure()[0] == 0.5

    def none_left(path: str) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(system_files, "_FileIO", none_left)
        with pytest.raises(OSError, match="Too many open files"):
            load.measure()
    assert load.measure()[0] == 0.5


def test_a_program_that_replaces_open_has_no_say(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.write(v2("/", 2 * GIB, GIB))
    load = machine.load()

    def replaced(*_: object, **__: object) -> Any:
        raise AssertionError("somebody else's")

    with monkeypatch.context() as patch:
        for place in (builtins, io, os):
            patch.setattr(place, "open", replaced)
        patch.setattr(Path, "read_text", replaced)
        patch.setattr(time, "monotonic", replaced)
        memory, _ = load.measure()
    assert memory == 0.5


def test_quotas_of_nested_groups(machine: Machine) -> None:
    machine.write(v2("/pod/own", "max", 0))
    quotas = {"pod": 100_000, "pod/own": 50_000}
    machine.write({f"sys/fs/cgroup/{name}/cpu.max": f"{quota} 100000" for name, quota in quotas.items()})
    machine.write({f"sys/fs/cgroup/{name}/cpu.stat": "usage_usec 5\n" for name in quotas})
    load = machine.load()
    load.measure()
    machine.now += 1
    used = {"pod": 900_005, "pod/own": 100_005}  # others in the pod are busy
    machine.write({f"sys/fs/cgroup/{name}/cpu.stat": f"usage_usec {used[name]}\n" for name in quotas})
    assert load.measure()[1] == 0.9


def test_a_quota_of_more_than_there_is_leaves_the_machine(machine: Machine) -> None:
    machine.write(v2("/", "max", 0))
    machine.write({"sys/fs/cgroup/cpu.max": "800000 100000", "sys/fs/cgroup/cpu.stat": "usage_usec 0\n"})
    load = machine.load()
    load.measure()
    machine.now += 1
    machine.write({"proc/stat": stat((130, 170), (130, 170)), "sys/fs/cgroup/cpu.stat": "usage_usec 1600000\n"})
    assert load.measure()[1] == 0.8


@pytest.mark.parametrize(("name", "mount"), [("cpuset.cpus.effective", V2), ("cpuset.effective_cpus", CPUSET_V1)])
def test_processors_that_a_group_is_bound_to_are_all(machine: Machine, name: str, mount: str) -> None:
    machine.write(v2("/", "max", 0) | {"proc/self/mountinfo": mount.format(root="/"), f"sys/fs/cgroup/{name}": "1\n"})
    machine.write({f"sys/fs/cgroup/cpuset/{name}": "1\n"})
    load = machine.load()
    load.measure()
    machine.write({"proc/stat": stat((50, 250), (140, 160))})
    assert load.measure()[1] == 0.9


def test_a_quota_whose_use_is_counted_for_another_group(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1 counts in a hierarchy of its own. What this process uses is known in any case."""
    apart = (
        "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "32 23 0:28 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
    )
    own = "3:cpu:/a\n2:cpuacct:/\n"
    files: dict[str, Any] = {"proc/self/mountinfo": apart, "proc/self/cgroup": own}
    files |= {"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": 100_000, "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": 100_000}
    machine.write(files | {"sys/fs/cgroup/cpuacct/cpuacct.usage": 0})
    used = iter([1.0, 1.25])
    monkeypatch.setattr(machine_load, "process_time", lambda: next(used))
    load = machine.load()
    load.measure()
    machine.now += 1
    machine.write({"sys/fs/cgroup/cpuacct/cpuacct.usage": 2 * 10**9})
    assert load.measure()[1] == 0.25


def test_the_machine_before_the_kernel_said_what_is_available(machine: Machine) -> None:
    old = "MemTotal: 16384 kB\nMemFree: 4096 kB\nBuffers: 2048 kB\nCached: 4096 kB\nShmem: 2048 kB\n"
    machine.write({"proc/meminfo": old})
    assert machine.memory() == 0.5


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
    group = real_group(f"corewasm-test-{os.getpid()}")
    inner = group / "inner"
    try:
        inner.mkdir(parents=True)
        (group / "memory.limit_in_bytes").write_text(str(200 << 20))
        least, enter = 0.3, f"echo $$ > {inner}/cgroup.procs && "
    except OSError:
        least, enter = 0.0, ""
    try:
        command = ["sh", "-c", f'{enter}exec "$@"', "sh", sys.executable, "-c", HELD.format(path=sys.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert least <= float(done.stdout) <= 0.95, done.stderr
    finally:
        for each in (inner, group):
            if each.exists():
                each.rmdir()


def real_group(name: str) -> Path:
    """The folder of a new group below this process's, where memory is version 1's."""
    try:
        mounts = parse_mounts(Path("/proc/self/mountinfo").read_text())
        own = parse_own_groups(Path("/proc/self/cgroup").read_text())
    except OSError:
        mounts, own = [], {}
    folders = [group.folder for group in groups_of("memory", mounts, own) if group.version == 1]
    return Path(folders[0] if folders else "/nowhere", name)
