"""Builds core.wasm from the Rust sources, checks it, and keeps the committed copy honest.

``python -m tools.wasm build``    build into build/, from the cache when these very sources were built before
``python -m tools.wasm commit``   build, then copy into the Python package (done once per finished piece of work)
``python -m tools.wasm status``   say whether the committed copy matches the sources; ``--strict``: fail if not
``python -m tools.wasm path``     print the path of a module of these sources: the committed one, else a built one
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.cache import ROOT, cache_dir, locked, prune, tree_hash
from tools.wasm_check import abi_exports, abi_version, describe, export_names, gzip_size, module_problems
from tools.wasm_order import reordered
from tools.wasm_toolchain import TARGET, Toolchain, ToolchainMissing, find_binaryen, find_toolchain

CRATES = ("engine", "host", "client", "worker", "abi", "core-wasm", "inventory")
BUILT = ROOT / "build" / "core.wasm"
COMMITTED = ROOT / "python" / "src" / "corewasm" / "core.wasm"
RECIPE = [ROOT / "tools" / name for name in ("wasm.py", "wasm_check.py", "wasm_order.py", "wasm_toolchain.py")]
KEPT_MODULES, KEPT_TARGETS = 8, 2

# binaryen takes only the features it is told of: exactly the floor that hosts are promised.
FLOOR_FLAGS = [
    f"--enable-{feature}"
    for feature in (
        "mutable-globals",
        "sign-ext",
        "nontrapping-float-to-int",
        "bulk-memory",
        "multivalue",
        "reference-types",
    )
]
# First -Os, then -Oz: the second finds more after the first than by itself. A large function that is called once stays
# a function: inlined, its locals get numbers of their own, and gzip finds fewer repetitions. Of the smallest ones,
# which the compiler leaves as they are at this level, the call takes longer than the work: 10% of a replay's turns.
SHRINK = ["-Os", "-Oz", "--converge", "--one-caller-inline-max-function-size=30", "--always-inline-max-function-size=6"]
# The linker adds these to every module; no host needs them.
LINKER_EXPORTS = ("__data_end", "__heap_base", "__wasm_call_ctors")


class BuildFailed(Exception):
    """The module could not be built, or is not what it has to be."""


def source_hash() -> str:
    """Return the hash of everything the module is made from: 64 hex digits."""
    crates = [ROOT / "crates" / crate / part for crate in CRATES for part in ("src", "build.rs", "Cargo.toml")]
    return tree_hash([ROOT / "Cargo.lock", ROOT / "Cargo.toml", ROOT / "proto", *crates])


def build() -> Path:
    """Build and check the module into build/core.wasm (with core.wasm.json beside it) and return its path.

    Raises:
        BuildFailed: the compiler refuses the sources, or a check refuses the module.
        ToolchainMissing: with what to install.
    """
    toolchain = find_toolchain()
    print(f"toolchain: {toolchain.name}", flush=True)
    sources = source_hash()
    kept = cache_dir("wasm", "modules") / f"{sources[:32]}-{toolchain.key()}-{tree_hash(RECIPE)[:8]}"
    with locked(cache_dir("wasm")):
        if not (kept / "core.wasm.json").exists():
            _build_into(kept, toolchain, sources)
            prune(cache_dir("wasm", "modules"), KEPT_MODULES)
        os.utime(kept)
        _copy(kept / "core.wasm", BUILT)
    wasm = BUILT.read_bytes()
    print(describe(wasm), flush=True)
    problems = module_problems(wasm, abi_exports())
    if problems:
        raise BuildFailed("core.wasm may not ship:\n" + "\n".join(f"  - {problem}" for problem in problems))
    return BUILT


def commit() -> None:
    """Build, then copy the module and its description into the Python package."""
    _copy(build(), COMMITTED)
    print(f"wrote {COMMITTED.relative_to(ROOT)} ({COMMITTED.stat().st_size:,} bytes) and its .json")


def staleness() -> str | None:
    """Return why the committed module is not the one these sources give, or None when it is."""
    description = COMMITTED.with_name("core.wasm.json")
    if not COMMITTED.exists() or not description.exists():
        return f"{COMMITTED.relative_to(ROOT)} or its .json is missing: run `make wasm-commit`"
    recorded = json.loads(description.read_text())
    if hashlib.sha256(COMMITTED.read_bytes()).hexdigest() != recorded["sha256"]:
        return f"{COMMITTED.relative_to(ROOT)} is not the file its .json describes: run `make wasm-commit`"
    if recorded["source_hash"] != source_hash():
        return f"{COMMITTED.relative_to(ROOT)} was built from other Rust sources: run `make wasm-commit`"
    return None


def _build_into(directory: Path, toolchain: Toolchain, sources: str) -> None:
    with tempfile.TemporaryDirectory(prefix="core-wasm-") as scratch:
        linked = _compile(toolchain)
        optimized = _optimize(linked, Path(scratch))
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(optimized, directory / "core.wasm")
    wasm = (directory / "core.wasm").read_bytes()
    description = {
        "sha256": hashlib.sha256(wasm).hexdigest(),
        "source_hash": sources,
        "abi_version": _abi_version(wasm),
        "rustc": toolchain.version().splitlines()[0],
        "size": len(wasm),
        "gzip": gzip_size(wasm),
    }
    (directory / "core.wasm.json").write_text(json.dumps(description, indent=2) + "\n")


def _compile(toolchain: Toolchain) -> Path:
    """Run cargo, with the standard library and dependencies kept between checkouts; return the linked module."""
    target = cache_dir("wasm", "targets", toolchain.key())
    os.utime(target)
    prune(target.parent, KEPT_TARGETS)
    _forget_other_checkouts(target)
    command = [toolchain.cargo, "build", "--release", "--locked", "--target", TARGET, "-p", "core-wasm"]
    environment = os.environ | toolchain.environment
    environment |= {
        "RUSTC": toolchain.rustc,
        "CARGO_TARGET_DIR": str(target),
        # The encoded form of RUSTFLAGS: paths may hold spaces.
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(_path_remaps(toolchain, target)),
    }
    print("compiling core.wasm (about 5 minutes the first time, with its standard library)", flush=True)
    started = time.monotonic()
    if subprocess.run([*command, *toolchain.arguments], cwd=ROOT, env=environment).returncode != 0:
        raise BuildFailed(f"{' '.join([*command, *toolchain.arguments])} failed")
    print(f"compiled in {time.monotonic() - started:.0f} s", flush=True)
    return target / TARGET / "release" / "core_wasm.wasm"


def _forget_other_checkouts(target: Path) -> None:
    """Have this checkout's crates compiled if the last build was of another one.

    Cargo gives a workspace's crates the same names in every checkout, and takes a crate for unchanged if its files are
    older than what was compiled last, from whichever checkout.
    """
    last = target / "last-checkout"
    if not last.exists() or last.read_text() != str(ROOT):
        fingerprints = target / TARGET / "release" / ".fingerprint"
        names = [crate.name for crate in sorted((ROOT / "crates").iterdir())]
        for pattern in [f"{prefix}{name}-*" for name in names for prefix in ("", "corewasm-")]:
            for fingerprint in fingerprints.glob(pattern):
                shutil.rmtree(fingerprint)
    last.parent.mkdir(parents=True, exist_ok=True)
    last.write_text(str(ROOT))


def _path_remaps(toolchain: Toolchain, target: Path) -> list[str]:
    """Panic messages name source files: give them names that are the same on every machine."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    names = {target: "/target", cargo_home: "/cargo", toolchain.library_source(): "/rust"}
    return [f"--remap-path-prefix={path}={name}" for path, name in names.items()]


def _optimize(linked: Path, scratch: Path) -> Path:
    """Drop the linker's exports, optimize for size, and bring the functions into an order that packs small."""
    graph = scratch / "exports.json"
    graph.write_text(json.dumps(_export_graph(linked.read_bytes())))
    trimmed, optimized, ordered = (scratch / name for name in ("trimmed.wasm", "optimized.wasm", "core.wasm"))
    _run_binaryen("wasm-metadce", f"--graph-file={graph}", str(linked), "-o", str(trimmed))
    strip = ["--strip-debug", "--strip-producers", "--strip-target-features"]
    _run_binaryen("wasm-opt", *SHRINK, *strip, str(trimmed), "-o", str(optimized))
    listing = scratch / "core.wat"
    _run_binaryen("wasm-dis", str(optimized), "-o", str(listing))
    listing.write_text(reordered(listing.read_text(), optimized.read_bytes()))
    _run_binaryen("wasm-as", str(listing), "-o", str(ordered))
    return ordered


def _run_binaryen(program: str, *arguments: str) -> None:
    command = [find_binaryen(program), *FLOOR_FLAGS, *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise BuildFailed(f"{' '.join(command)} failed:\n{result.stdout[-2000:]}")


def _export_graph(wasm: bytes) -> list[dict[str, object]]:
    """Say to wasm-metadce what the outside world reaches: every export but the linker's own."""
    kept = [name for name in export_names(wasm) if name not in LINKER_EXPORTS]
    world: dict[str, object] = {"name": "world", "root": True, "reaches": kept}
    graph = [world]
    graph.extend({"name": name, "export": name} for name in kept)
    return graph


def _abi_version(wasm: bytes) -> int | None:
    try:
        return abi_version(wasm)
    except KeyError:  # the export check names what is missing
        return None


def _copy(module: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", ".json"):
        shutil.copyfile(f"{module}{suffix}", f"{destination}{suffix}")


def main() -> int:
    """Run one of the commands; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["build", "commit", "status", "path"])
    parser.add_argument("--strict", action="store_true", help="status: exit with 1 when the committed copy is stale")
    arguments = parser.parse_args()
    try:
        if arguments.command == "status":
            stale = staleness()
            print(f"stale: {stale}" if stale else "the committed core.wasm matches the Rust sources")
            return 1 if stale and arguments.strict else 0
        if arguments.command == "path":
            with contextlib.redirect_stdout(sys.stderr):
                module = build() if staleness() else COMMITTED
            print(module)
        elif arguments.command == "commit":
            commit()
        else:
            build()
    except (BuildFailed, ToolchainMissing, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
