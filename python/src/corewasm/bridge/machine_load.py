"""How much of its memory and processors this process's machine uses, where a container is a machine.

Inside a limit of control groups the share of that limit counts, and of several the largest. Without one, and for limits
above what the machine has, it is the machine's own, from /proc; on other systems than Linux psutil's.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from time import process_time
from typing import Any, NamedTuple

from corewasm.bridge.cgroup_files import Mount, parse_mounts, parse_own_groups
from corewasm.bridge.cgroups import Group, cpu_of, groups_of, memory_of, processors_of
from corewasm.bridge.proc_files import MachineMemory, ProcessorTimes, parse_meminfo, parse_stat
from corewasm.bridge.system_files import SystemFiles
from corewasm.host.reports import report_once
from corewasm.host.unpatched import monotonic

try:
    import psutil
except ImportError:
    psutil = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_FIND_MOUNTS_SECONDS = 10.0
_US_PER_SECOND = 1_000_000


class LoadUnknown(RuntimeError):
    """Neither the machine nor a control group says how much memory there is. The text says where it was looked for."""


class Load(NamedTuple):
    """Shares of what may be used, 0 to 1."""

    memory: float
    cpu: float


class MachineLoad:
    """Measures. The share of processors is that since the last call, so an object is for one caller."""

    def __init__(self, top: str = "/", *, linux: bool = sys.platform == "linux") -> None:
        """`top` is where /proc and /sys lie.

        Raises:
            RuntimeError: on another system than Linux, without psutil.
        """
        if not linux and psutil is None:
            raise RuntimeError("resource-based slots need psutil on this system: pip install 'corewasm[psutil]'")
        self._files = SystemFiles(top)
        self._linux = linux
        self._mounts: list[Mount] = []
        self._mounts_at: float | None = None
        self._own: str | None = None
        self._groups: dict[str, list[Group]] = {}
        self._times: ProcessorTimes | None = None
        self._used: dict[str, tuple[float, int]] = {}

    def measure(self) -> Load:
        """The load now. Blocks while the system is asked, for a millisecond or so.

        Raises:
            LoadUnknown: the size of the memory is not to be found.
            OSError: for now files cannot be opened.
        """
        now = monotonic()
        if self._linux:
            self._find_groups(now)
        return Load(_share(self._memory()), _share(self._cpu(now)))

    def _find_groups(self, now: float) -> None:
        """A process may be moved to another group at any time; mounts seldom change."""
        own = self._files.text("/proc/self/cgroup")
        if own == self._own and self._mounts_at is not None and now - self._mounts_at < _FIND_MOUNTS_SECONDS:
            return
        mounts = self._files.value("/proc/self/mountinfo", parse_mounts) or []
        paths = parse_own_groups(own or "")
        self._groups = {name: groups_of(name, mounts, paths) for name in ("memory", "cpu", "cpuacct", "cpuset")}
        self._own, self._mounts_at = own, now

    def _memory(self) -> float:
        machine = self._machine_memory()
        shares = [
            use.share
            for group in self._groups.get("memory", [])
            for use in memory_of(group, self._files)
            if machine is None or use.limit < machine.total
        ]
        if shares:
            return max(shares)
        if machine is None:
            raise LoadUnknown("neither /proc/meminfo nor a control group says how much memory there is")
        return machine.used / machine.total

    def _machine_memory(self) -> MachineMemory | None:
        if self._linux:
            return self._files.value("/proc/meminfo", parse_meminfo)
        library: Any = psutil
        memory = library.virtual_memory()
        return MachineMemory(memory.total, memory.total - memory.available)

    def _cpu(self, now: float) -> float:
        times = self._machine_times()
        before, self._times = self._times, times  # in any case: it counts since the last call
        if times is None:
            report_once(logger, logging.WARNING, "The load of processors is not heeded: /proc/stat does not say it")
        quotas = list(self._quotas(now, times.processors if times is not None else None))
        if quotas:
            return max(quotas)
        return 0.0 if times is None or before is None else times.share_since(before)

    def _machine_times(self) -> ProcessorTimes | None:
        if self._linux:
            allowed = processors_of(self._groups["cpuset"], self._files)
            return self._files.value("/proc/stat", lambda text: parse_stat(text, allowed))
        library: Any = psutil
        times = library.cpu_times()
        return ProcessorTimes(library.cpu_count() or 1, sum(times) - times.idle, times.idle)

    def _quotas(self, now: float, processors: int | None) -> Iterator[float]:
        """What the groups have used of their quotas since the last call, without quotas of more than there is."""
        used = {}
        for group in self._groups.get("cpu", []):
            use = cpu_of(group, self._groups["cpuacct"], self._files)
            if use is None or (processors is not None and use.processors > processors):
                continue
            counted = use.used_us is not None
            key = group.folder if counted else ""
            used[key] = (now, use.used_us if use.used_us is not None else int(process_time() * _US_PER_SECOND))
            then, before = self._used.get(key, used[key])
            if now > then:
                yield (used[key][1] - before) / _US_PER_SECOND / (now - then) / use.processors
        self._used = used


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
