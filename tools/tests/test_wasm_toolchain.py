"""Which toolchain builds core.wasm, and what is said when none can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import wasm, wasm_toolchain
from tools.wasm_toolchain import DEBIAN_LINKER, TARGET, ToolchainMissing, find_binaryen, find_toolchain


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed, and nobody is root."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    monkeypatch.setattr(wasm_toolchain, "DEBIAN_RUSTC", tmp_path / "debian" / "rustc")
    monkeypatch.setattr(wasm_toolchain, "DEBIAN_CARGO", tmp_path / "debian" / "cargo")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return tmp_path


def program(path: Path, sysroot: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\ncase "$1" in --print) echo {sysroot};; *) echo rustc 1.99.0;; esac\n')
    path.chmod(0o755)


def rustup(machine: Path, target: bool) -> None:
    for name in ("rustc", "cargo"):
        program(machine / "bin" / name, machine / "sysroot")
    if target:
        library = machine / "sysroot" / "lib" / "rustlib" / TARGET / "lib"
        library.mkdir(parents=True)
        (library / "libstd-0123.rlib").touch()


def debian(machine: Path) -> None:
    for name in ("rustc", "cargo"):
        program(machine / "debian" / name, machine / "debian-sysroot")
    program(machine / "bin" / DEBIAN_LINKER, machine)
    (machine / "debian-sysroot" / "lib" / "rustlib" / "src" / "rust").mkdir(parents=True)


def apt_get(machine: Path, script: str) -> None:
    program(machine / "bin" / "apt-get", machine)
    (machine / "bin" / "apt-get").write_text(f"#!/bin/sh\n{script}\n")


def test_an_installed_target_is_used_as_it_is(machine: Path) -> None:
    rustup(machine, target=True)
    debian(machine)
    found = find_toolchain()
    assert found.rustc == str(machine / "bin" / "rustc")
    assert found.arguments == ()
    assert "rustc 1.99.0" in found.name


def test_without_the_target_debian_builds_the_standard_library(machine: Path) -> None:
    rustup(machine, target=False)
    debian(machine)
    found = find_toolchain()
    assert found.rustc == str(machine / "debian" / "rustc")
    features = "-Zbuild-std-features=optimize_for_size,backtrace-trace-only"
    assert found.arguments == ("-Zbuild-std=std,panic_abort", features)
    assert found.environment == {
        "RUSTC_BOOTSTRAP": "1",
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": str(machine / "bin" / DEBIAN_LINKER),
    }
    assert "standard library built from source" in found.name


def test_nothing_usable_is_said_with_both_ways_out(machine: Path) -> None:
    rustup(machine, target=False)
    with pytest.raises(ToolchainMissing) as caught:
        find_toolchain()
    assert f"rustup target add {TARGET}" in str(caught.value)
    assert "apt-get install rustc-web cargo-web rust-web-src lld-19" in str(caught.value)
    with pytest.raises(ToolchainMissing, match="apt-get install binaryen"):
        find_binaryen("wasm-opt")


def test_root_installs_what_is_missing(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    tool = machine / "bin" / "wasm-opt"
    apt_get(machine, f'[ "$1" = install ] && echo > {tool} && /bin/chmod +x {tool}; true')
    assert find_binaryen("wasm-opt") == str(tool)


def test_a_failed_installation_ends_with_what_to_do(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    apt_get(machine, "echo no network; exit 100")
    with pytest.raises(ToolchainMissing, match="binaryen"):
        find_binaryen("wasm-opt")
    assert "no network" in capsys.readouterr().err


def test_two_compilers_never_share_a_build(machine: Path) -> None:
    rustup(machine, target=True)
    with_target = find_toolchain().key()
    (machine / "sysroot" / "lib" / "rustlib" / TARGET / "lib" / "libstd-0123.rlib").unlink()
    debian(machine)
    assert find_toolchain().key() != with_target


def test_a_build_forgets_what_another_checkout_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprints = tmp_path / "target" / TARGET / "release" / ".fingerprint"
    ours, others = fingerprints / "corewasm-engine-0123", fingerprints / "serde-4567"
    for checkout in ("one", "other"):
        (tmp_path / checkout / "crates" / "engine").mkdir(parents=True)
        for fingerprint in (ours, others):
            fingerprint.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(wasm, "ROOT", tmp_path / checkout)
        wasm._forget_other_checkouts(tmp_path / "target")
        assert not ours.exists()
        assert others.exists()
    ours.mkdir()
    wasm._forget_other_checkouts(tmp_path / "target")
    assert ours.exists()
