"""How much of its memory and processors this process's machine uses, where a container is a machine.

Inside a limit of control groups the share of that limit counts, and of several the largest. Without one it is the
machine's own, from /proc; on other systems than Linux psutil's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corewasm.bridge import cgroups
from corewasm.bridge.cgroups import Mount
from corewasm.host.unpatched import monotonic

try:
    import psutil
except ImportError:
    psutil = None  # type: ignore[assignment]

_FIND_GROUPS_SECONDS = 10.0
"""A process may be moved to another group."""
_IDLE, _IOWAIT = 3, 4


class MachineLoad:
    """Measures. The share of processors is that since the last call, so an object is for one caller."""

    def __init__(self, top: Path = Path("/"), *, linux: bool = sys.platform == "linux") -> None:
        """`top` is where /proc and /sys lie.

        Raises:
            RuntimeError: on another system than Linux, without psutil.
        """
        if not linux and psutil is None:
            raise RuntimeError("resource-based slots need psutil on this system: pip install 'corewasm[psutil]'")
        self._top = top
        self._linux = linux
        self._mounts: list[Mount] = []
        self._own: dict[str, str] = {}
        self._found_at: float | None = None
        self._busy: tuple[float, float] | None = None
        self._groups_cpu: dict[Path, tuple[float, int]] = {}

    def measure(self) -> tuple[float, float]:
        """Memory and processors, used of what may be used: 0 to 1."""
        now = monotonic()
        if self._linux and (self._found_at is None or now - self._found_at >= _FIND_GROUPS_SECONDS):
            self._find_groups(now)
        total, used = self._memory()
        shares = [use.share() for use in self._groups_memory() if use.limit < total]
        memory = max(shares) if shares else used / total if total else 0.0
        machine_cpu = self._cpu()  # in any case: it counts since the last call
        processors = list(self._groups_processors(now))
        return _share(memory), _share(max(processors) if processors else machine_cpu)

    def _find_groups(self, now: float) -> None:
        self._mounts = cgroups.parse_mounts(self._text("proc/self/mountinfo"))
        self._own = cgroups.parse_own_groups(self._text("proc/self/cgroup"))
        self._found_at = now

    def _groups_memory(self) -> Iterator[cgroups.MemoryUse]:
        for version, folder in cgroups.folders("memory", self._mounts, self._own, self._top):
            yield from cgroups.memory_of(version, folder)

    def _groups_processors(self, now: float) -> Iterator[float]:
        accounts = [path for _, path in cgroups.folders("cpuacct", self._mounts, self._own, self._top)]
        seen = {}
        groups = list(cgroups.folders("cpu", self._mounts, self._own, self._top))
        for place, (version, folder) in enumerate(groups):
            use = cgroups.cpu_of(version, folder, accounts[place] if place < len(accounts) else None)
            if use is None:
                continue
            seen[folder] = (now, use.used_us)
            then, before = self._groups_cpu.get(folder, (now, use.used_us))
            if now > then:
                yield max(0, use.used_us - before) / 1e6 / (now - then) / use.processors
        self._groups_cpu = seen

    def _memory(self) -> tuple[int, int]:
        """The machine's bytes, and how many of them are used."""
        if not self._linux:
            library: Any = psutil
            memory = library.virtual_memory()
            return memory.total, memory.total - memory.available
        lines = (line.replace(" kB", "").replace(":", " ") for line in self._text("proc/meminfo").splitlines())
        found = cgroups.parse_numbers("\n".join(lines))
        total = found.get("MemTotal", 0)
        return total << 10, (total - found.get("MemAvailable", total)) << 10

    def _cpu(self) -> float:
        busy, idle = self._cpu_times()
        before, self._busy = self._busy, (busy, idle)
        if before is None:
            return 0.0
        spent = busy - before[0] + idle - before[1]
        return (busy - before[0]) / spent if spent > 0 else 0.0

    def _cpu_times(self) -> tuple[float, float]:
        """Busy and idle so far, in any unit."""
        if not self._linux:
            library: Any = psutil
            times = library.cpu_times()
            return sum(times) - times.idle, times.idle
        first = self._text("proc/stat").partition("\n")[0].split()[1:]
        ticks = [int(word) if word.isdecimal() else 0 for word in first[:8]]  # guests' time is in the others already
        idle = sum(ticks[_IDLE : _IOWAIT + 1])
        return sum(ticks) - idle, idle

    def _text(self, path: str) -> str:
        try:
            return (self._top / path).read_text(errors="replace")
        except OSError:
            return ""


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
