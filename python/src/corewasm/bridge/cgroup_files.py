"""What the files of control groups say, versions 1 and 2. Functions of their contents; nothing is read here.

Everything is bytes, microseconds of processor time, or processors (2.5: two and a half).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UNLIMITED_BYTES = 1 << 60
"""Version 1 says "no limit" by the largest number of pages, and by any number from here on."""
_MOST_DIGITS = 20
_MOST_PROCESSORS = 1 << 16
_ESCAPED = re.compile(r"\\([0-7]{3})")
_CGROUP_TYPES = {"cgroup": 1, "cgroup2": 2}


class Nonsense(ValueError):
    """A file holds what no kernel writes there. The text says what."""

    def __init__(self, text: str) -> None:
        """`text` is what the file holds; as much as fits into a line is shown."""
        super().__init__(f"it holds {text[:60]!r}")


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
    for line in text.split("\n"):
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if len(fields) < 5:
            continue
        point = _unescaped(fields[4])
        found.pop(point, None)
        version = _CGROUP_TYPES.get(kind[0])
        if version is not None:
            options = frozenset(kind[2].split(",") if len(kind) > 2 else ())
            found[point] = Mount(version, options, _unescaped(fields[3]), point)
    return list(found.values())


def _unescaped(text: str) -> str:
    """The kernel writes blanks, tabulators, line ends and backslashes as a backslash and three octal digits."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def parse_own_groups(text: str) -> dict[str, str]:
    """`/proc/self/cgroup`: the path of this process's group by controller; version 2's under the empty name."""
    found = {}
    for line in text.split("\n"):
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                found[controller] = parts[2]
    return found


def parse_number(text: str) -> int:
    """A number that is not negative.

    Raises:
        Nonsense: it is something else.
    """
    word = text.strip()
    if not (_is_number(word) and word):
        raise Nonsense(text)
    return int(word)


def _is_number(word: str) -> bool:
    """Python would take other scripts' digits too, and refuse numbers of more than 4300 digits."""
    return word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS


def parse_limit(text: str) -> int | None:
    """A limit of memory; None for "max" and for version 1's way to say that.

    Raises:
        Nonsense: it is neither, or 0, under which no process could run.
    """
    if text.strip() == "max":
        return None
    value = parse_number(text)
    if value == 0:
        raise Nonsense(text)
    return value if value < UNLIMITED_BYTES else None


def parse_quota(text: str) -> float | None:
    """`quota period`, both in microseconds, as processors; None for "max" (version 2) and -1 (version 1).

    Raises:
        Nonsense: it is something else, or one of the two is 0.
    """
    words = text.split()
    if len(words) == 2 and words[0] in ("max", "-1"):
        return None
    if len(words) != 2 or not all(_is_number(word) and int(word) for word in words):
        raise Nonsense(text)
    return int(words[0]) / int(words[1])


def parse_processors(text: str) -> frozenset[int]:
    """A list like `0-3,8`: the numbers of processors. Empty for an empty one.

    Raises:
        Nonsense: it is something else, or names one above 65,535.
    """
    found: set[int] = set()
    for part in text.strip().split(","):
        ends = part.split("-")
        if part and not (len(ends) <= 2 and all(_is_number(end) and int(end) < _MOST_PROCESSORS for end in ends)):
            raise Nonsense(text)
        found.update(range(int(ends[0]), int(ends[-1]) + 1) if part else ())
    return frozenset(found)


def parse_numbers(text: str) -> dict[str, int]:
    """Lines `name number`. Others are left out."""
    found = {}
    for line in text.split("\n"):
        name, _, word = line.partition(" ")
        if word and _is_number(word):
            found[name] = int(word)
    return found
