"""What the machine lets this process have: address space, memory, mappings, code of its own.

wasmtime ends the process where it gets no memory in the middle of compiling. So there is a look before, and where a
limit is in the way it is named.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corewasm.vm.errors import NoRoomForModule

MIB = 1 << 20

_PROC = Path("/proc")
_MAPPINGS_PER_INSTANCE = 16
"""More than wasmtime makes for one: 5."""


@dataclass(frozen=True)
class Room:
    """Something that is limited: `limit` and what is `left` of it in bytes, and what widens it."""

    name: str
    limit: int
    left: int
    remedy: str

    def __str__(self) -> str:
        return f"{self.left // MIB:,} MiB are left of {self.limit // MIB:,} MiB of {self.name}: {self.remedy}"


def address_space_is_limited() -> bool:
    """Whether there is a limit (`ulimit -v`)."""
    return _limit("RLIMIT_AS") is not None


def tightest_room() -> Room | None:
    """What there is least of, or None if nothing is limited, as far as can be seen."""
    return min(_rooms(), key=lambda room: room.left, default=None)


def need_room(what: str, needed: int) -> None:
    """Looks whether `needed` bytes are there for `what`.

    Raises:
        NoRoomForModule: they are not.
    """
    room = tightest_room()
    if room is not None and room.left < needed:
        raise NoRoomForModule(f"{what} takes {needed // MIB:,} MiB, and {room}")


def no_room(what: str, needed: int, error: BaseException) -> NoRoomForModule:
    """The error for an `error` of wasmtime's that means that it got no memory; it names what seems to be in the way."""
    reasons = [str(room) for room in _rooms() if room.left < 2 * needed] + list(_mappings())
    found = "; ".join(reasons) or "no limit of this process's is near: the machine, or its container, has no more"
    return NoRoomForModule(f"{what} takes {needed // MIB:,} MiB, which were refused ({_first_line(error)}): {found}")


def is_about_memory(error: BaseException) -> bool:
    """Whether wasmtime failed for want of memory."""
    return isinstance(error, MemoryError) or "mmap failed" in str(error) or "os error 12" in str(error)


def code_is_refused() -> str:
    """Why memory may not be made executable here, in the system's words; empty if it may, or nobody knows.

    It is tried in wasmtime's way, so it holds whoever refuses (seccomp, SELinux, a hardened kernel or runtime).
    """
    if sys.platform == "win32":
        return ""
    try:
        with mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as page:
            return _refusal_of_code(page)
    except OSError:  # not even a page of memory: there will be another error that says so
        return ""


def _refusal_of_code(page: mmap.mmap) -> str:
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    refused = protect(start, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC)
    reason = os.strerror(ctypes.get_errno()) if refused else ""
    protect(start, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)
    return reason


def _rooms() -> Iterator[Room]:
    used = _numbers(_PROC / "self" / "status")
    for limit_name, use, name, remedy in (
        ("RLIMIT_AS", "VmSize", "address space (RLIMIT_AS)", "raise it (ulimit -v)"),
        ("RLIMIT_DATA", "VmData", "writable memory (RLIMIT_DATA)", "raise it (ulimit -d)"),
    ):
        limit = _limit(limit_name)
        if limit is not None and use in used:
            yield Room(name, limit, limit - used[use], remedy)
    yield from _commitments()


def _commitments() -> Iterator[Room]:
    """Of the whole machine, where it promises no more than it has."""
    if _text(_PROC / "sys" / "vm" / "overcommit_memory").strip() == "2":
        machine = _numbers(_PROC / "meminfo")
        if "CommitLimit" in machine and "Committed_AS" in machine:
            limit, promised = machine["CommitLimit"], machine["Committed_AS"]
            yield Room("the machine's memory (vm.overcommit_memory=2)", limit, limit - promised, "free or add memory")


def _mappings() -> Iterator[str]:
    limit = _text(_PROC / "sys" / "vm" / "max_map_count").strip()
    used = _text(_PROC / "self" / "maps").count("\n")
    if limit.isdigit() and used + _MAPPINGS_PER_INSTANCE >= int(limit):
        yield f"this process has {used:,} of {int(limit):,} mappings: raise vm.max_map_count (sysctl)"


def _limit(name: str) -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    kind = getattr(resource, name, None)
    soft = resource.RLIM_INFINITY if kind is None else resource.getrlimit(kind)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _numbers(path: Path) -> dict[str, int]:
    """The lines `Name: number kB` of a file of the kernel's, in bytes."""
    fields = (line.split() for line in _text(path).splitlines())
    return {words[0].rstrip(":"): int(words[1]) << 10 for words in fields if len(words) == 3 and words[2] == "kB"}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # another system, or /proc is not there
        return ""


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
