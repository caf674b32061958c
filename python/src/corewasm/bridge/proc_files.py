"""What /proc/meminfo and /proc/stat say. Functions of their contents; nothing is read here."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

_KIBIBYTE_BITS = 10
_COUNTED = 8
"""The first columns. The two after them, guests' time, are in the first two already."""
_IDLE, _IOWAIT = 3, 4


@dataclass(frozen=True)
class MachineMemory:
    """Bytes."""

    total: int
    used: int


def parse_meminfo(text: str) -> MachineMemory | None:
    """The machine's memory; used is what programs that start now could not have. None if it does not say."""
    found = {}
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        word = value.split(" kB")[0].strip()
        if word.isascii() and word.isdigit() and len(word) < 20:
            found[name] = int(word) << _KIBIBYTE_BITS
    total = found.get("MemTotal", 0)
    if total == 0 or not found.keys() & {"MemAvailable", "MemFree"}:
        return None
    available = found.get("MemAvailable", _estimated_available(found))
    return MachineMemory(total, max(0, total - available))


def _estimated_available(found: dict[str, int]) -> int:
    """Before Linux 3.14."""
    given = sum(found.get(name, 0) for name in ("MemFree", "Buffers", "Cached", "SReclaimable"))
    return max(0, given - found.get("Shmem", 0))


@dataclass(frozen=True)
class ProcessorTimes:
    """Of some processors together since the machine started: their number, and times in any unit."""

    processors: int
    busy: float
    idle: float

    def share_since(self, before: ProcessorTimes) -> float:
        """How much of the time since `before` they were busy, 0 to 1; 0 if those were not as many."""
        busy, idle = self.busy - before.busy, self.idle - before.idle
        return busy / (busy + idle) if busy > 0 and idle >= 0 and self.processors == before.processors else 0.0


def parse_stat(text: str, allowed: Set[int] = frozenset()) -> ProcessorTimes | None:
    """The times of the processors in `allowed`, of all without such. None if it does not say."""
    whole, single = None, {}
    for line in text.split("\n"):
        if not line.startswith("cpu"):
            break
        name, *words = line.split()
        times = _times(words)
        if name == "cpu":
            whole = times
        elif name[3:].isascii() and name[3:].isdigit() and len(name) < 10:
            single[int(name[3:])] = times
    chosen = [times for number, times in single.items() if number in allowed]
    if 0 < len(chosen) < len(single):
        return ProcessorTimes(len(chosen), sum(busy for busy, _ in chosen), sum(idle for _, idle in chosen))
    return None if whole is None else ProcessorTimes(max(1, len(single)), *whole)


def _times(words: list[str]) -> tuple[int, int]:
    ticks = [int(word) if word.isascii() and word.isdigit() and len(word) <= 20 else 0 for word in words[:_COUNTED]]
    idle = sum(ticks[_IDLE : _IOWAIT + 1])
    return sum(ticks) - idle, idle
