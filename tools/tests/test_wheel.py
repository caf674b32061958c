"""A wheel without what a user needs, or with a damaged module, is not let out."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from tools.wheel import REQUIRED, wheel_problems

MODULE = b"\0asm"


def wheel(folder: Path, names: tuple[str, ...], sha256: str) -> Path:
    path = folder / "corewasm-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            is_description = name.endswith(".json")
            archive.writestr(name, json.dumps({"sha256": sha256}) if is_description else MODULE)
    return path


def test_a_complete_wheel_passes(tmp_path: Path) -> None:
    assert wheel_problems(wheel(tmp_path, REQUIRED, hashlib.sha256(MODULE).hexdigest())) == []


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    assert wheel_problems(wheel(tmp_path, REQUIRED[1:], "")) == ["corewasm-0.1.0-py3-none-any.whl lacks corewasm.pth"]


def test_a_module_other_than_the_described_one_is_refused(tmp_path: Path) -> None:
    problems = wheel_problems(wheel(tmp_path, REQUIRED, "0" * 64))
    assert len(problems) == 1
    assert "its .json says 000" in problems[0]
