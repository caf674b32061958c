"""Finds a Rust toolchain that can build for wasm32-unknown-unknown, and binaryen; installs Debian's where it may.

Two ways exist. A toolchain of rustup (or a distribution) that has the target's standard library builds as usual. Where
no such library can be had, Debian's ``rustc-web`` brings the compiler and the library's source, and cargo builds both.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.cache import ROOT

TARGET = "wasm32-unknown-unknown"
DEBIAN_PACKAGES = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"]
DEBIAN_RUSTC = Path("/usr/bin/rustc")
DEBIAN_CARGO = Path("/usr/bin/cargo")
DEBIAN_LINKER = "wasm-ld-19"

NO_TOOLCHAIN = f"""\
no Rust toolchain here can build for {TARGET}. Either
  - rustup target add {TARGET}; or
  - on Debian, as root: apt-get install {" ".join(DEBIAN_PACKAGES)}"""
NO_BINARYEN = """\
wasm-opt is missing, and core.wasm without it is over its size budget. Install binaryen:
  apt-get install binaryen    (Debian, Ubuntu)
  brew install binaryen       (macOS)"""


class ToolchainMissing(Exception):
    """Nothing usable is installed, and nothing could be installed. The message says what to do."""


@dataclass(frozen=True)
class Toolchain:
    """How to call cargo for the wasm target."""

    name: str
    cargo: str
    rustc: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def version(self) -> str:
        """Return what ``rustc -vV`` says; two toolchains with the same answer build the same module."""
        return _output(self.rustc, "-vV")

    def library_source(self) -> Path:
        """Return the folder of the standard library's source, whose paths show in panic messages."""
        return Path(_output(self.rustc, "--print", "sysroot"), "lib", "rustlib", "src", "rust").resolve()

    def key(self) -> str:
        """Return a short hash: what is built with one key may be kept for another build with the same key."""
        return hashlib.sha256(f"{self.version()}{self.arguments}{self.environment}".encode()).hexdigest()[:16]


def find_toolchain() -> Toolchain:
    """Return the toolchain to use: one with the target's library, else Debian's (installed first when root).

    Raises:
        ToolchainMissing: neither is there nor can be installed.
    """
    found = _with_target() or _debian()
    if found is None and _install(DEBIAN_PACKAGES):
        found = _debian()
    if found is None:
        raise ToolchainMissing(NO_TOOLCHAIN)
    return found


def find_binaryen(tool: str) -> str:
    """Return the path of a program of binaryen (such as ``wasm-opt``), installing Debian's when root."""
    found = shutil.which(tool)
    if found is None and _install(["binaryen"]):
        found = shutil.which(tool)
    if found is None:
        raise ToolchainMissing(NO_BINARYEN)
    return found


def _with_target() -> Toolchain | None:
    rustc, cargo = shutil.which("rustc"), shutil.which("cargo")
    if rustc is None or cargo is None:
        return None
    library = Path(_output(rustc, "--print", "sysroot"), "lib", "rustlib", TARGET, "lib")
    if not any(library.glob("libstd-*.rlib")):
        return None
    return Toolchain(f"the {TARGET} target of {_output(rustc, '--version')}", cargo, rustc)


def _debian() -> Toolchain | None:
    linker = shutil.which(DEBIAN_LINKER)
    if linker is None or not DEBIAN_RUSTC.exists() or not DEBIAN_CARGO.exists():
        return None
    toolchain = Toolchain(
        name=f"Debian's {_output(str(DEBIAN_RUSTC), '--version')}, standard library built from source",
        cargo=str(DEBIAN_CARGO),
        rustc=str(DEBIAN_RUSTC),
        # backtrace-trace-only leaves out the demangler for backtraces, which wasm has none of.
        arguments=("-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size,backtrace-trace-only"),
        environment={
            # build-std is an unstable option; this is the compiler's own switch to allow those.
            "RUSTC_BOOTSTRAP": "1",
            f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_LINKER": linker,
        },
    )
    return toolchain if toolchain.library_source().exists() else None


def _install(packages: list[str]) -> bool:
    """Install Debian packages; say False where that is not ours to do."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    print(f"installing {' '.join(packages)} with apt-get", file=sys.stderr, flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in ([apt, "update", "-qq"], [apt, "install", "-y", "-qq", "--no-install-recommends", *packages]):
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            print(f"{' '.join(command)} failed:\n{result.stdout[-2000:]}", file=sys.stderr)
            return False
    return True


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.strip()
