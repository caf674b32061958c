"""The turn kit: plays its sessions, or records those anew that a changed core.wasm answers in another way.

python -m conformance.turns play      every response equal to the byte? Exit status 1 if one is not
python -m conformance.turns record    write the sessions that are new or do not play, remove those that are no more

Both use the core.wasm at COREWASM_MODULE, or the one in the package.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance.histories import long
from conformance.turns.play import difference
from conformance.turns.session import FOLDER, MODULE, BadSession, sessions
from corewasm.vm import ModuleSource, module_path, read_module

_ROOT = Path(__file__).parents[2]
_EVENTS = 1000
_RECORDER = ["cargo", "run", "--quiet", "--locked", "--package", "core-wasm", "--example", "record_turns", "--"]


def main() -> int:
    """Play, or record."""
    described = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m conformance.turns", description=__doc__, formatter_class=described)
    parser.add_argument("command", choices=["play", "record"])
    module = read_module(module_path())
    return play(module) if parser.parse_args().command == "play" else record(module)


def play(module: ModuleSource) -> int:
    """Exit status 1 if the kit is of another module, or a response differs."""
    problems = []
    if MODULE.read_text().strip() != module.sha256:
        problems.append(
            f"the kit is of core.wasm {MODULE.read_text()[:12]}, this one is {module.sha256[:12]}: record it"
        )
    played = list(sessions())
    problems += [text for path in played if (text := _problem(path, module))]
    print("\n".join(problems) or f"{len(played)} sessions: every response is the same to the byte")
    return 1 if problems else 0


def record(module: ModuleSource) -> int:
    """A session that still plays stays as it is: its requests hold maps, whose order changes with each recording."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = _record_all(Path(folder), module)
        written = [path for path in recorded if not _stays(FOLDER / path.name, module)]
        for path in written:
            (FOLDER / path.name).write_bytes(path.read_bytes())
        names = {path.name for path in recorded}
        removed = [path for path in sessions() if path.name not in names]
        for path in removed:
            path.unlink()
    MODULE.write_text(module.sha256 + "\n")
    print(f"wrote {len(written)} of {len(recorded)} sessions, removed {len(removed)}; the others play as they are")
    return 0


def _record_all(folder: Path, module: ModuleSource) -> list[Path]:
    history = folder / f"activities-{_EVENTS}-events.bin"
    history.write_bytes(long.activities(_EVENTS).history.SerializeToString(deterministic=True))
    environment = {**os.environ, "COREWASM_MODULE": str(module.path.resolve())}
    subprocess.run([*_RECORDER, folder / "new", history], cwd=_ROOT, env=environment, check=True)
    return sorted((folder / "new").iterdir())


def _stays(path: Path, module: ModuleSource) -> bool:
    return path.exists() and not _problem(path, module)


def _problem(path: Path, module: ModuleSource) -> str:
    try:
        return difference(path, module)
    except BadSession as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main())
