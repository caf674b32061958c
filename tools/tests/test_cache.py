"""Hashes say whether sources changed; old builds leave the cache."""

from __future__ import annotations

import os
from pathlib import Path

from tools.cache import prune, tree_hash


def test_names_and_contents_count_and_leftovers_do_not(tmp_path: Path) -> None:
    (tmp_path / "a.rs").write_text("a")
    before = tree_hash([tmp_path], tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "b.rs").write_text("b")
    (tmp_path / ".hidden").write_text("b")
    assert tree_hash([tmp_path], tmp_path) == before
    (tmp_path / "a.rs").write_text("b")
    changed = tree_hash([tmp_path], tmp_path)
    (tmp_path / "a.rs").rename(tmp_path / "b.rs")
    assert len({before, changed, tree_hash([tmp_path], tmp_path)}) == 3


def test_only_the_builds_used_last_are_kept(tmp_path: Path) -> None:
    for age, name in enumerate(["newest", "older", "oldest"]):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / ".lock").touch()
    prune(tmp_path, keep=2)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".lock", "newest", "older"]
