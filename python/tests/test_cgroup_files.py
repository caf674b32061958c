"""What files of control groups, /proc/meminfo and /proc/stat say, whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corewasm.bridge import cgroup_files as files
from corewasm.bridge.cgroups import groups_of
from corewasm.bridge.proc_files import ProcessorTimes, parse_meminfo, parse_stat

NUMBERS = st.integers(0, 10**19)
NAMES = st.text(st.characters(exclude_characters="/\n\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, max_size=4).map(lambda names: "/" + "/".join(names))


def escaped(path: str) -> str:
    return "".join(f"\\{ord(sign):03o}" if sign in " \t\n\\" else sign for sign in path)


def mount_line(point: str, root: str = "/", kind: str = "cgroup2", options: str = "rw") -> str:
    return f"30 23 0:26 {escaped(root)} {escaped(point)} rw,nosuid shared:4 - {kind} none {options}\n"


@given(st.text(), st.text(), st.sampled_from(["memory", "cpu", "cpuacct", "cpuset"]))
def test_any_mounts_and_groups_are_taken(mounts: str, own: str, controller: str) -> None:
    found = files.parse_mounts(mounts)
    assert all(mount.version in (1, 2) for mount in found)
    groups_of(controller, found, files.parse_own_groups(own))


PARSERS = (files.parse_limit, files.parse_number, files.parse_quota, files.parse_processors)


@given(st.sampled_from(PARSERS), st.text() | st.from_regex(r"[0-9max\- ,]{1,30}") | st.integers().map(str))
def test_a_value_makes_sense_or_is_refused(parse: Any, text: str) -> None:
    try:
        value = parse(text)
    except files.Nonsense:
        return
    assert value is None or isinstance(value, frozenset) or value >= 0


def test_what_makes_no_sense_is_shown_in_a_line() -> None:
    with pytest.raises(files.Nonsense, match=r"^it holds 'a\\nb{58}'$"):
        files.parse_limit("a\n" + "b" * 10_000)


@given(st.text() | st.from_regex(r"(cpu[0-9]* [0-9 ]{1,60}\n|Mem[A-Z][a-z]+: *[0-9]{1,30} kB\n){0,5}"))
def test_anything_is_taken_for_the_machines_files(text: str) -> None:
    memory, times = parse_meminfo(text), parse_stat(text, {0, 1})
    assert memory is None or 0 <= memory.used <= memory.total
    assert times is None or (times.busy >= 0 and times.idle >= 0 and times.processors > 0)
    assert all(number >= 0 for number in files.parse_numbers(text).values())


@given(PATHS, PATHS)
def test_mounts_are_read_back(root: str, point: str) -> None:
    other = mount_line("/else", kind="ext4")
    assert files.parse_mounts(other + mount_line(point, root) + other) == [
        files.Mount(2, frozenset({"rw"}), root, point)
    ]


def test_what_lies_on_a_mount_hides_it() -> None:
    assert files.parse_mounts(mount_line("/groups") + mount_line("/groups", kind="ext4")) == []


@given(st.dictionaries(NAMES.filter(lambda name: not set(name) & set(":,")), PATHS))
def test_own_groups_are_read_back(own: dict[str, str]) -> None:
    lines = "".join(f"{number}:{name}:{path}\n" for number, (name, path) in enumerate(own.items()))
    assert files.parse_own_groups(lines) == own


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3))
def test_every_group_up_to_the_top_of_the_mount_counts(above: list[str], below: list[str]) -> None:
    root, way = "/" + "/".join(above), "".join(f"/{name}" for name in below)
    mounts = files.parse_mounts(mount_line("/sys/fs/cgroup", root))
    found = groups_of("memory", mounts, {"": root.rstrip("/") + way or "/"})
    folders = [group.folder for group in found if group.version == 2]
    assert folders[0] == f"/sys/fs/cgroup{way}"
    assert folders[-1] == "/sys/fs/cgroup"
    assert len(folders) == len(below) + 1


@given(st.lists(st.sampled_from(["a", "b", "..", "c d"]), max_size=4), st.sampled_from(["/", "/a", "/a/b", "/.."]))
def test_no_group_is_looked_for_outside_of_the_mount(names: list[str], root: str) -> None:
    mounts = files.parse_mounts(mount_line("/top", root))
    found = [group.folder for group in groups_of("memory", mounts, {"": "/" + "/".join(names)}) if group.version == 2]
    assert "/top" in found
    assert all(".." not in folder.split("/") for folder in found)


@given(NUMBERS.filter(bool), NUMBERS.filter(bool))
def test_numbers_are_read_back(first: int, second: int) -> None:
    assert files.parse_limit(f"{first}\n") == (first if first < files.UNLIMITED_BYTES else None)
    assert files.parse_quota(f"{first} {second}\n") == first / second
    assert files.parse_numbers(f"a {first}\nb\nc d\ne {second}\n") == {"a": first, "e": second}


@pytest.mark.parametrize("text", ["max 100000", "-1 100000", "max 0"])
def test_no_quota(text: str) -> None:
    assert files.parse_quota(text) is None


@pytest.mark.parametrize("text", ["", "5", "0 100000", "5 0", "5 5 5", "5 max", "-2 5", "٣ ٣"])
def test_no_sense_as_a_quota(text: str) -> None:
    with pytest.raises(files.Nonsense):
        files.parse_quota(text)


def test_lists_of_processors() -> None:
    assert files.parse_processors("0-2,5,7-7\n") == {0, 1, 2, 5, 7}
    assert files.parse_processors("\n") == frozenset()
    for text in ("a", "1-", "-1", "0-99999999999", "1;2"):
        with pytest.raises(files.Nonsense):
            files.parse_processors(text)


STAT = "cpu  30 0 0 70 0 0 0 0 0 0\ncpu0 10 0 0 40 0 0 0 0 0 0\ncpu1 20 0 0 30 0 0 0 0 0 0\nintr 5 5\ncpu9 1 1 1 1\n"


@pytest.mark.parametrize("allowed", [frozenset(), frozenset({0, 1}), frozenset({7})])
def test_all_processors(allowed: frozenset[int]) -> None:
    assert parse_stat(STAT, allowed) == ProcessorTimes(2, 30, 70)


def test_some_processors() -> None:
    assert parse_stat(STAT, {1, 4}) == ProcessorTimes(1, 20, 30)
