"""Looks into the built wheel: all that a user needs is in it, and core.wasm is the one its .json describes."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path

REQUIRED = (
    "corewasm.pth",
    "corewasm/__init__.py",
    "corewasm/py.typed",
    "corewasm/core.wasm",
    "corewasm/core.wasm.json",
    "corewasm/compare/masks.json",
)


def wheel_problems(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel, one sentence each."""
    with zipfile.ZipFile(wheel) as archive:
        missing = sorted(set(REQUIRED) - set(archive.namelist()))
        if missing:
            return [f"{wheel.name} lacks {name}" for name in missing]
        digest = hashlib.sha256(archive.read("corewasm/core.wasm")).hexdigest()
        recorded = json.loads(archive.read("corewasm/core.wasm.json"))["sha256"]
    return [] if digest == recorded else [f"{wheel.name}: core.wasm has sha256 {digest}, its .json says {recorded}"]


def main() -> int:
    """Check every wheel of the folder named on the command line; return the exit status."""
    wheels = sorted(Path(sys.argv[1]).glob("*.whl"))
    problems = [problem for wheel in wheels for problem in wheel_problems(wheel)] if wheels else ["no wheel was built"]
    print("\n".join(problems) if problems else f"complete: {', '.join(wheel.name for wheel in wheels)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
