"""The walls between the crates: who may depend on whom, and what only one of them may do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.tidy import rust
from tools.tidy.tree import SourceFile, with_suffix

# What each crate may use of ours. Arrows point one way; testkit may serve any crate's tests.
ALLOWED_DEPENDENCIES = {
    "corewasm-engine": set[str](),
    "corewasm-host": {"corewasm-engine"},
    "corewasm-client": {"corewasm-engine", "corewasm-host"},
    "corewasm-worker": {"corewasm-client", "corewasm-engine", "corewasm-host"},
    "corewasm-abi": {"corewasm-host"},
    "core-wasm": {"corewasm-abi", "corewasm-client", "corewasm-host", "corewasm-worker"},
    "corewasm-testkit": {"corewasm-host"},
    "inventory": set[str](),
}
TEST_ONLY = {"corewasm-testkit"}

# These share the engine's types of time and nothing else of it.
TIME_ONLY = ("client", "host", "devserver")

# Doors to the machine that clippy.toml has to close; it closes their neighbours too.
BANNED = (
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::env::var",
    "std::env::var_os",
    "std::env::args",
    "std::env::current_dir",
    "std::fs::File",
    "std::fs::OpenOptions",
    "std::fs::read_dir",
    "std::net::TcpStream",
    "std::process::Command",
    "std::thread::Builder",
    "std::thread::scope",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::hash::RandomState",
    "std::collections::HashMap",
    "std::collections::HashSet",
)

ALL_PAIRS = "every_pair_of_state_and_input"

_BAN = re.compile(r'\{ path = "([\w:]+)", reason = "[^"]+"')
_ENGINE_PATH = re.compile(r"\bcorewasm_engine::(\w+|\{|\*)")
_EFFECT = re.compile(r"\beffect::Kind::\w+|(?<![\w:])(?:envelope::)?Effect\s*\{")
_UNSAFE = re.compile(r"\bunsafe\b")
_MACHINE = re.compile(r"\bimpl\b[^{;]*\bMachine for\b(?! AnyMachine\b)")
_TABLE = re.compile(r"\b(?:static|const)\s+\w*TABLE\w*\s*:")


def workspace_dependencies(root: Path) -> dict[str, dict[str, set[str]]]:
    """Return for each crate of the workspace its own crates, by kind: ``normal``, ``dev``, ``build``."""
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    ours = {package["name"] for package in packages}
    graph: dict[str, dict[str, set[str]]] = {name: {} for name in ours}
    for package in packages:
        for dependency in package["dependencies"]:
            if dependency["name"] in ours:
                graph[package["name"]].setdefault(dependency["kind"] or "normal", set()).add(dependency["name"])
    return graph


def graph_problems(graph: dict[str, dict[str, set[str]]]) -> list[str]:
    """Return the dependencies that point the wrong way, and crates that the rule does not know yet."""
    problems = []
    for crate, kinds in sorted(graph.items()):
        if crate not in ALLOWED_DEPENDENCIES:
            problems.append(f"{crate}: say in tools/tidy/crates.py what this crate may depend on")
            continue
        for kind, dependencies in kinds.items():
            # A crate may name itself for its tests: that is how it turns a feature on for them.
            allowed = ALLOWED_DEPENDENCIES[crate] | (TEST_ONLY | {crate} if kind == "dev" else set())
            problems += [f"{crate} may not depend on {name}" for name in sorted(dependencies - allowed)]
    return problems


def engine_insides_problems(files: list[SourceFile]) -> list[str]:
    """Return where a crate that may know the engine's time alone looks further into it."""
    found = _matches(_shipped(files, [f"crates/{crate}/" for crate in TIME_ONLY]), _ENGINE_PATH)
    return [f"{place}: only corewasm_engine::time may be used here" for place, text in found if text[17:] != "time"]


def effect_problems(files: list[SourceFile]) -> list[str]:
    """Return where an effect is constructed outside crates/host."""
    crates = [f"crates/{crate}/" for crate in ("engine", "client", "worker", "abi", "core-wasm")]
    found = _matches(_shipped(files, crates), _EFFECT)
    return [f"{place}: effects are constructed in crates/host alone ({text.strip()})" for place, text in found]


def unsafe_problems(files: list[SourceFile]) -> list[str]:
    """Return where unsafe code stands outside crates/abi."""
    rest = [file for file in with_suffix(files, ".rs") if not file.name.startswith("crates/abi/")]
    return [f"{place}: unsafe code belongs into crates/abi" for place, _ in _matches(rest, _UNSAFE)]


def ban_problems(clippy: str, manifest: str) -> list[str]:
    """Return what clippy.toml lets through, or bans without a word of what to use instead; and lints that are off."""
    banned = set(_BAN.findall(clippy))
    problems = [f"clippy.toml does not ban {path}, or gives no reason" for path in BANNED if path not in banned]
    lints = ("disallowed_methods", "disallowed_types")
    return problems + [f"Cargo.toml does not deny {lint}" for lint in lints if f'{lint} = "deny"' not in manifest]


def machine_problems(files: list[SourceFile]) -> list[str]:
    """Return the state machines whose transition table is not above the machine, in the same file.

    (``AnyMachine`` is no machine: it hands every call on to one.)
    """
    problems = []
    for file in _shipped(files, ["crates/engine/src/machines/"]):
        code = rust.code_only(rust.without_tests(file.text))
        machine, table = _MACHINE.search(code), _TABLE.search(code)
        if machine and not (table and table.start() < machine.start()):
            problems.append(f"{file.name}: a state machine's file has its transition table (TABLE) on top")
    return problems


def machine_test_problems(files: list[SourceFile]) -> list[str]:
    """Return the state machines whose tests do not go through all pairs of state and input."""
    there = {file.name: file for file in files}
    problems = []
    for file in _shipped(files, ["crates/engine/src/machines/"]):
        tests = there.get(file.name.removesuffix(".rs") + "/tests.rs")
        is_machine = _MACHINE.search(rust.code_only(rust.without_tests(file.text)))
        if is_machine and not (tests and ALL_PAIRS in tests.text):
            problems.append(f"{file.name}: its tests.rs has no test {ALL_PAIRS}")
    return problems


def _shipped(files: list[SourceFile], folders: Iterable[str]) -> list[SourceFile]:
    places = tuple(folders)
    return [file for file in with_suffix(files, ".rs") if file.name.startswith(places) and not file.is_test]


def _matches(files: Iterable[SourceFile], pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for file in files:
        code = rust.code_only(rust.without_tests(file.text))
        for match in pattern.finditer(code):
            yield f"{file.name}:{code.count(chr(10), 0, match.start()) + 1}", match[0]
