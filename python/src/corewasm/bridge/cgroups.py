"""Control groups: which of them this process is in, what they allow, and what their processes use.

Versions 1 and 2, also side by side, in namespaces and with groups inside groups: the limit of each group above counts
as well. Everything here is a function of files' contents; a file that is not there or makes no sense sets no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60
"""Bytes. Version 1 says "no limit" by the largest number of pages."""
_NS_PER_US = 1000


@dataclass(frozen=True)
class Mount:
    """A mounted hierarchy: its version, its controllers (version 1), the group at its top, and where that lies."""

    version: int
    controllers: frozenset[str]
    root: str
    point: str


def parse_mounts(text: str) -> list[Mount]:
    """The hierarchies in `/proc/self/mountinfo`. Of two at one place the later one, which lies on top."""
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or not kind:
            continue
        point = _unescaped(fields[4])
        found.pop(point, None)
        if kind[0] in ("cgroup", "cgroup2"):
            options = frozenset(kind[2].split(",") if len(kind) > 2 else ())
            found[point] = Mount(2 if kind[0] == "cgroup2" else 1, options, _unescaped(fields[3]), point)
    return list(found.values())


def parse_own_groups(text: str) -> dict[str, str]:
    """`/proc/self/cgroup`: the path of this process's group by controller; version 2's under the empty name."""
    found = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                found[controller] = parts[2]
    return found


def folders(controller: str, mounts: list[Mount], own: dict[str, str], top: Path) -> Iterator[tuple[int, Path]]:
    """The folders of this process's group and all above it, with the version, innermost first."""
    for mount in mounts:
        if mount.version == 1 and controller not in mount.controllers:
            continue
        path = own.get("" if mount.version == 2 else controller)
        if path is None:
            continue
        point = top / mount.point.lstrip("/")
        inside = _relative(path, mount.root)
        for length in range(len(inside), -1, -1):
            yield mount.version, point.joinpath(*inside[:length])


def _relative(path: str, root: str) -> list[str]:
    """The way from a mount's top to a group. In another namespace than the mount's there is none: the top itself."""
    if root != "/":
        if path != root and not path.startswith(root + "/"):
            return []
        path = path[len(root) :]
    names = [name for name in path.split("/") if name]
    return [] if ".." in names else names


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that a group may use and does use, without what the kernel can take back at any time (page cache)."""

    limit: int
    used: int

    def share(self) -> float:
        """Used of allowed, 0 to 1 and a little above."""
        return self.used / self.limit if self.limit else 1.0


def memory_of(version: int, folder: Path) -> Iterator[MemoryUse]:
    """What is limited in a group: memory, and memory with swap where that is one number."""
    names = parse_numbers(_text(folder / "memory.stat"))
    if version == 2:
        yield from _limited(parse_limit(_text(folder / "memory.max")), names.get("anon"))
        return
    resident, swapped = names.get("total_rss", names.get("rss")), names.get("total_swap", names.get("swap", 0))
    yield from _limited(parse_limit(_text(folder / "memory.limit_in_bytes")), resident)
    if resident is not None:
        yield from _limited(parse_limit(_text(folder / "memory.memsw.limit_in_bytes")), resident + swapped)


def _limited(limit: int | None, used: int | None) -> Iterator[MemoryUse]:
    if limit is not None and used is not None:
        yield MemoryUse(limit, used)


@dataclass(frozen=True)
class CpuUse:
    """Processors that a group may use (2.5: two and a half), and the microseconds that it has used so far."""

    processors: float
    used_us: int


def cpu_of(version: int, folder: Path, accounts: Path | None) -> CpuUse | None:
    """A group's quota and use; None without a quota. `accounts`: where version 1 counts, another hierarchy."""
    if version == 2:
        quota = parse_quota(_text(folder / "cpu.max"))
        used = parse_numbers(_text(folder / "cpu.stat")).get("usage_usec")
    else:
        quota = parse_quota(f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}")
        nanoseconds = parse_limit(_text(accounts / "cpuacct.usage")) if accounts is not None else None
        used = None if nanoseconds is None else nanoseconds // _NS_PER_US
    return None if quota is None or used is None else CpuUse(quota, used)


def parse_limit(text: str) -> int | None:
    """A number; None for "max", for version 1's way to say that, and for anything else."""
    word = text.strip()
    value = int(word) if word.isdecimal() and word.isascii() else _UNLIMITED
    return value if value < _UNLIMITED else None


def parse_quota(text: str) -> float | None:
    """`quota period`, in microseconds, as processors; None if there is no quota."""
    words = text.split()
    if len(words) != 2 or not all(word.isdecimal() and word.isascii() for word in words):
        return None
    quota, period = map(int, words)
    return quota / period if quota and period else None


def parse_numbers(text: str) -> dict[str, int]:
    """Lines `name number`."""
    pairs = (line.split() for line in text.splitlines())
    return {
        words[0]: int(words[1]) for words in pairs if len(words) == 2 and words[1].isdecimal() and words[1].isascii()
    }


def _unescaped(text: str) -> str:
    for code, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, sign)
    return text


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
