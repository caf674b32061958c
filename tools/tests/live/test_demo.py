"""The demo is a program of the official SDK as users write them, and says what ran."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import corewasm
from corewasm.vm import module_path
from tools.cache import ROOT


def test_the_demo_runs_and_names_what_ran() -> None:
    path = os.pathsep.join([str(ROOT), str(Path(corewasm.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path, "COREWASM_MODULE": str(module_path())}
    command = [sys.executable, "-m", "tools.demo"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    wasm = module_path().read_bytes()
    assert lines["result"] == "Hello, wasm!"
    assert lines["core"] == (
        f"corewasm {corewasm.__version__}, {len(wasm):,} bytes, sha256 {hashlib.sha256(wasm).hexdigest()}"
    )
    wasmtime = importlib.metadata.version("wasmtime")
    assert lines["runtime"] == f"wasmtime {wasmtime}, Python {platform.python_version()}"
    if sys.platform == "linux":
        assert lines["native"] == "no native Core is mapped into this process (/proc/self/maps)"


def test_without_proc_the_demo_does_not_say_what_it_cannot_see() -> None:
    program = (
        "import pathlib, tools.demo as demo; "
        "print(demo.native_line(demo.native_libraries(pathlib.Path('/nowhere')))); "
        "print(demo.native_line(['/x/temporal_sdk_bridge.abi3.so']))"
    )
    path = os.pathsep.join([str(ROOT), str(Path(corewasm.__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    unseen, seen = done.stdout.splitlines()
    assert "cannot be seen here" in unseen
    assert "bridge/__init__.py" in unseen
    assert seen == "/x/temporal_sdk_bridge.abi3.so"
