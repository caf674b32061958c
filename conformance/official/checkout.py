"""Copies of the SDK's checkout, one per Core, and an environment with the suite's dependencies."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

_COPIED = ("tests", "temporalio", "scripts", ".github", "pyproject.toml", "README.md")
_NATIVE_MODULE = "temporalio/bridge/temporal_sdk_bridge"


class CheckoutError(Exception):
    """The checkout or the wheel is not what the suite needs; the text says what to do."""


def prepare_python(checkout: Path, cache: Path) -> Path:
    """Make (once) a virtual environment with the suite's locked dependencies and corewasm's.

    Returns the interpreter's path. Raises CheckoutError if the checkout has no lock file.
    """
    if not (checkout / "uv.lock").exists():
        raise CheckoutError(f"{checkout} has no uv.lock: is it a checkout of the SDK's repository?")
    home = cache / "venv"
    python = home / "bin" / "python"
    stamp = home / "ready"
    if stamp.exists():
        return python
    _run([sys.executable, "-m", "venv", str(home)])
    _run([str(python), "-m", "pip", "install", "-q", "uv"])
    requirements = cache / "requirements.txt"
    uv = str(home / "bin" / "uv")
    export = "export --frozen --no-emit-project --no-hashes --group dev -q -o".split()
    _run([uv, *export, str(requirements)], cwd=checkout)
    _run([uv, "pip", "install", "-q", "--python", str(python), "-r", str(requirements)])
    package = Path(__file__).resolve().parents[2] / "python"
    _run([uv, "pip", "install", "-q", "--python", str(python), f"{package}[prometheus,opentelemetry,psutil]"])
    stamp.touch()
    return python


def prepare_copy(core: str, checkout: Path, sdk_version: str, cache: Path) -> Path:
    """Copy the checkout for `core`, "native" or "corewasm"; returns the copy's root."""
    if core == "native":
        return copy_for_native(checkout, sdk_version, cache)
    return copy_for_corewasm(checkout, cache)


def copy_for_native(checkout: Path, sdk_version: str, cache: Path) -> Path:
    """Copy the checkout and add the native module of that release's wheel."""
    root = _fresh_copy(checkout, cache / "native")
    wheels = cache / "wheels"
    fetch = f"-m pip download -q --no-deps --only-binary :all: -d {wheels} temporalio=={sdk_version}"
    _run([sys.executable, *fetch.split()])
    for wheel in wheels.glob(f"temporalio-{sdk_version}-*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(_NATIVE_MODULE):
                    archive.extract(name, root)
                    return root
    raise CheckoutError(f"the wheel of temporalio {sdk_version} holds no native module")


def copy_for_corewasm(checkout: Path, cache: Path) -> Path:
    """Copy the checkout without any native module."""
    root = _fresh_copy(checkout, cache / "corewasm")
    for native in root.glob(f"{_NATIVE_MODULE}*.so"):
        native.unlink()
    return root


def _fresh_copy(checkout: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in _COPIED:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "sdk-core"))
        elif source.exists():
            shutil.copy2(source, target / name)
    return target


def _run(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise CheckoutError(f"`{' '.join(command)}` failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
