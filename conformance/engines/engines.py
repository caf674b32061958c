"""The engines: what each needs on this machine, how its player is built, and how it is called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tools.cache import cache_dir, locked, tree_hash

_HERE = Path(__file__).parent
_BUN = "1.4.5"
_ENDIVE = ElementTree.parse(_HERE / "endive" / "pom.xml").findtext(".//{*}endive")


class PlayerNotBuilt(Exception):
    """A tool is there, but the player could not be built with it; the text is what the tool said."""


@dataclass(frozen=True)
class Engine:
    """One engine in one of its modes."""

    name: str
    tools: tuple[str, ...]
    """Programs that must be on the machine."""
    player: Callable[[], list[str]]
    """Builds what has to be built, and returns the command, to which module and folder are added."""

    def missing(self) -> str:
        """The first tool that this machine has not; empty if it has all."""
        return next((tool for tool in self.tools if shutil.which(tool) is None), "")


def _wasmtime(kind: str) -> Callable[[], list[str]]:
    return lambda: [sys.executable, "-m", "conformance.engines.play_wasmtime", kind]


def _wazero(kind: str) -> Callable[[], list[str]]:
    def built() -> list[str]:
        folder = cache_dir("engines", f"wazero-{tree_hash([_HERE / 'wazero'], _HERE)[:16]}")
        program = folder / "player"
        with locked(folder):
            if not program.exists():
                _run(["go", "build", "-o", str(program), "."], _HERE / "wazero")
        return [str(program), kind]

    return built


def _endive(kind: str) -> Callable[[], list[str]]:
    def built() -> list[str]:
        source = _HERE / "endive"
        folder = cache_dir("engines", f"endive-{tree_hash([source], _HERE)[:16]}")
        classes, libraries = folder / "classes", folder / "libraries"
        with locked(folder):
            if not (classes / "corewasm" / "Player.class").exists():
                copy = ["dependency:copy-dependencies", f"-DoutputDirectory={libraries}"]
                _run(["mvn", "--quiet", "--batch-mode", *copy], source)
                compiler = ["javac", "--release", "17", "-cp", f"{libraries}/*", "-d", str(classes), "Player.java"]
                _run(compiler, source)
        return ["java", f"-Dendive={_ENDIVE}", "-cp", f"{classes}:{libraries}/*", "corewasm.Player", kind]

    return built


def _wasmer() -> list[str]:
    target = cache_dir("engines", "wasmer")
    with locked(target):  # cargo itself knows what is built already
        _run(["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", str(target)], _HERE / "wasmer")
    return [str(target / "release" / "wasmer-player")]


def _bun() -> list[str]:
    folder = cache_dir("engines", f"bun-{_BUN}")
    program = folder / "node_modules" / ".bin" / "bun"
    with locked(folder):
        if not program.exists():
            _run(
                ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), f"bun@{_BUN}"],
                folder,
            )
    return [str(program), str(_HERE / "play.mjs")]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise PlayerNotBuilt(f"{' '.join(command[:3])} ended with status {done.returncode}:\n{done.stdout[-2000:]}")


_JDK = ("mvn", "javac", "java")

ENGINES = (
    Engine("wasmtime, Cranelift", (), _wasmtime("cranelift")),
    Engine("wasmtime, Pulley", (), _wasmtime("pulley")),
    Engine("Wasmer, Cranelift", ("cargo",), _wasmer),
    Engine("V8 (Node)", ("node",), lambda: ["node", str(_HERE / "play.mjs")]),
    Engine("JavaScriptCore (Bun)", ("npm",), _bun),
    Engine("wazero, compiler", ("go",), _wazero("compiler")),
    Engine("wazero, interpreter", ("go",), _wazero("interpreter")),
    Engine("Endive, compiler", _JDK, _endive("compiler")),
    Engine("Endive, interpreter", _JDK, _endive("interpreter")),
)
