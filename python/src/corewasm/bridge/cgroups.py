"""Control groups: which of them this process is in, what they allow, and what their processes use.

Versions 1 and 2, also side by side, in namespaces and with groups inside groups: the limit of each group above counts
as well. A file that is not there or makes no sense sets no limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corewasm.bridge.cgroup_files import (
    UNLIMITED_BYTES,
    Mount,
    parse_limit,
    parse_number,
    parse_numbers,
    parse_processors,
    parse_quota,
)
from corewasm.bridge.system_files import SystemFiles

_NS_PER_US = 1000
_USUAL = (
    Mount(2, frozenset(), "/", "/sys/fs/cgroup"),
    Mount(1, frozenset({"memory"}), "/", "/sys/fs/cgroup/memory"),
    Mount(1, frozenset({"cpu"}), "/", "/sys/fs/cgroup/cpu"),
    Mount(1, frozenset({"cpuacct"}), "/", "/sys/fs/cgroup/cpuacct"),
    Mount(1, frozenset({"cpuset"}), "/", "/sys/fs/cgroup/cpuset"),
)
"""Native Core looks at the first two. What lies there need not be listed as a mount of groups: sandboxes show files of
their own in these places."""
_KEPT_V2 = (
    *("anon", "shmem", "zswap"),
    *("kernel_stack", "pagetables", "sec_pagetables", "percpu", "sock", "vmalloc", "slab_unreclaimable"),
)
"""Memory that the kernel cannot take back without swap. Native Core counts the first alone."""


@dataclass(frozen=True)
class Group:
    """A group that this process is in: the version, the path in its hierarchy, and the folder of its files."""

    version: int
    path: str
    folder: str


def groups_of(controller: str, mounts: Sequence[Mount], own: dict[str, str]) -> list[Group]:
    """This process's group and all above it that can be seen, innermost first, of both versions."""
    points = {mount.point for mount in mounts}
    found: dict[str, Group] = {}
    for version in (2, 1):
        serving = [mount for mount in mounts if _serves(mount, version, controller)]
        path = own.get("" if version == 2 else controller, "/")
        ways = [(mount, _way(path, mount.root)) for mount in serving]
        if all(way is None for _, way in ways):  # another namespace's view: the top is all that can be told
            ways = [(mount, []) for mount in serving]
        usual = [mount for mount in _USUAL if mount.point not in points and _serves(mount, version, controller)]
        for mount, way in (*ways, *((mount, []) for mount in usual)):
            for group in _upwards(mount, way):
                found.setdefault(group.folder, group)
    return list(found.values())


def _serves(mount: Mount, version: int, controller: str) -> bool:
    return mount.version == version and (version == 2 or controller in mount.controllers)


def _way(path: str, root: str) -> list[str] | None:
    """The names from the group at a mount's top to a group; None if it is not below."""
    below = path if root == "/" else path[len(root) :]
    if root != "/" and path != root and not path.startswith(root + "/"):
        return None
    names = [name for name in below.split("/") if name]
    return None if ".." in names else names


def _upwards(mount: Mount, way: list[str] | None) -> Iterator[Group]:
    for length in range(-1 if way is None else len(way), -1, -1):
        tail = "".join(f"/{name}" for name in (way or [])[:length])
        yield Group(mount.version, mount.root.rstrip("/") + tail, mount.point.rstrip("/") + tail)


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that a group may use and does use, without what the kernel can take back at any time (page cache)."""

    limit: int
    used: int

    @property
    def share(self) -> float:
        """Used of allowed, 0 to 1 and a little above."""
        return self.used / self.limit


def memory_of(group: Group, files: SystemFiles) -> list[MemoryUse]:
    """What is limited in a group: memory, and memory with swap where that is one number (version 1).

    Version 2 limits swap apart from memory. Nothing is killed before the limit of memory is reached, so that one says
    it all. In version 1 the sum may be full while memory is not.

    Raises:
        OSError: for now files cannot be opened.
    """
    return _memory_v2(group, files) if group.version == 2 else _memory_v1(group, files)


def _memory_v2(group: Group, files: SystemFiles) -> list[MemoryUse]:
    limit = files.value(f"{group.folder}/memory.max", parse_limit)
    if limit is None:
        return []
    numbers = _numbers(group, files)
    return [MemoryUse(limit, sum(numbers.get(name, 0) for name in _KEPT_V2))] if "anon" in numbers else []


def _memory_v1(group: Group, files: SystemFiles) -> list[MemoryUse]:
    numbers = _numbers(group, files)
    if "total_rss" not in numbers:
        return []
    used = numbers["total_rss"] + numbers.get("total_shmem", 0)
    swapped = numbers.get("total_swap", 0)
    limits = (
        (used, "memory.limit_in_bytes", "hierarchical_memory_limit"),
        (used + swapped, "memory.memsw.limit_in_bytes", "hierarchical_memsw_limit"),
    )
    found = []
    for amount, name, with_those_above in limits:  # the latter tells of groups that cannot be seen, too
        own = files.value(f"{group.folder}/{name}", parse_limit) or UNLIMITED_BYTES
        limit = min(own, numbers.get(with_those_above) or UNLIMITED_BYTES)
        found += [MemoryUse(limit, amount)] if limit < UNLIMITED_BYTES else []
    return found


def _numbers(group: Group, files: SystemFiles) -> dict[str, int]:
    return files.value(f"{group.folder}/memory.stat", parse_numbers) or {}


@dataclass(frozen=True)
class CpuUse:
    """Processors that a group may use (2.5: two and a half), and the microseconds that it has used so far.

    None: they are not counted for this group.
    """

    processors: float
    used_us: int | None


def cpu_of(group: Group, accounts: Sequence[Group], files: SystemFiles) -> CpuUse | None:
    """A group's quota and use; None without a quota. `accounts`: the groups in which version 1 counts the use.

    Raises:
        OSError: for now files cannot be opened.
    """
    if group.version == 2:
        quota = files.value(f"{group.folder}/cpu.max", parse_quota)
        return None if quota is None else CpuUse(quota, _used_v2(group, files))
    quota = _quota_v1(group, files)
    return None if quota is None else CpuUse(quota, _used_v1(group, accounts, files))


def _used_v2(group: Group, files: SystemFiles) -> int | None:
    return (files.value(f"{group.folder}/cpu.stat", parse_numbers) or {}).get("usage_usec")


def _quota_v1(group: Group, files: SystemFiles) -> float | None:
    quota, period = (files.text(f"{group.folder}/cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota is None or period is None:
        return None
    return files.checked(f"{group.folder}/cpu.cfs_quota_us", f"{quota} {period}", parse_quota)


def _used_v1(group: Group, accounts: Sequence[Group], files: SystemFiles) -> int | None:
    """Counted in another hierarchy, where the process may be in another group."""
    for account in accounts:
        if account.version == 1 and account.path == group.path:
            nanoseconds = files.value(f"{account.folder}/cpuacct.usage", parse_number)
            return None if nanoseconds is None else nanoseconds // _NS_PER_US
    return None


def processors_of(groups: Sequence[Group], files: SystemFiles) -> frozenset[int]:
    """The processors that a group is bound to; empty if to none. `groups` are those of "cpuset".

    Raises:
        OSError: for now files cannot be opened.
    """
    for group in groups:
        name = "cpuset.cpus.effective" if group.version == 2 else "cpuset.effective_cpus"
        found = files.value(f"{group.folder}/{name}", parse_processors)
        if found:
            return found
    return frozenset()
