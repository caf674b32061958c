"""core.wasm is found wherever the package lies, and from whatever working directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import corewasm

PACKAGE = Path(corewasm.__file__).parent
RUN = """
with Instance() as instance:
    print(instance.source.path, instance.abi_version >= (1, 1))
"""


def run(code: str, folder: Path, **variables: str) -> list[str]:
    """What a process prints. It finds the installed corewasm last."""
    # Which module these find is the question: the checks of a build name another one.
    inherited = {name: value for name, value in os.environ.items() if name != "COREWASM_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**inherited, **variables}, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    with zipfile.ZipFile(folder / "app.zip", "w") as file:
        for path in PACKAGE.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                file.write(path, Path("corewasm") / path.relative_to(PACKAGE))
    return folder / "app.zip"


def test_in_an_archive(archive: Path, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(archive)!r})\nfrom corewasm.vm import Instance\n{RUN}"
    assert run(code, tmp_path) == [f"{archive / 'corewasm' / 'core.wasm'} True"]


def test_in_an_archive_with_a_relative_path_that_is_left(archive: Path, tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {archive.name!r})
from corewasm.vm import Instance
os.chdir({str(tmp_path)!r})
{RUN}"""
    assert run(code, archive.parent) == [f"{archive / 'corewasm' / 'core.wasm'} True"]


def test_in_a_folder_with_a_relative_path_that_is_left(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    shutil.copytree(PACKAGE, tmp_path / "lib" / "corewasm")
    code = f"""
import os, sys
sys.path.insert(0, "lib")
from corewasm.vm import Instance
os.chdir("/")
{RUN}"""
    assert run(code, tmp_path) == [f"{tmp_path / 'lib' / 'corewasm' / 'core.wasm'} True"]


FROZEN = f"""
import importlib.util, os, sys
class Frozen:
    # Modules from memory, with no file of their own.
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "corewasm":
            place = os.path.join({str(PACKAGE.parent)!r}, *name.split("."))
            package = os.path.isdir(place)
            spec = importlib.util.spec_from_loader(name, Frozen(), is_package=package)
            spec.loader_state = os.path.join(place, "__init__.py") if package else place + ".py"
            return spec
    def create_module(self, spec): return None
    def exec_module(self, module):
        text = open(module.__spec__.loader_state).read()
        if module.__name__ == "corewasm": text = ""
        exec(compile(text, module.__spec__.loader_state, "exec"), module.__dict__)
sys.meta_path.insert(0, Frozen)
"""


def test_frozen_with_the_data_unpacked(tmp_path: Path) -> None:
    (tmp_path / "corewasm").mkdir()
    shutil.copy(PACKAGE / "core.wasm", tmp_path / "corewasm")
    code = f"{FROZEN}\nsys._MEIPASS = {str(tmp_path)!r}\nfrom corewasm.vm import Instance\n{RUN}"
    assert run(code, tmp_path) == [f"{tmp_path / 'corewasm' / 'core.wasm'} True"]


def test_frozen_with_a_loader_that_has_the_data(tmp_path: Path) -> None:
    code = f"""{FROZEN}
def get_data(self, name):
    if name != os.path.join("corewasm", "core.wasm"): raise OSError(name)
    return open({str(PACKAGE / "core.wasm")!r}, "rb").read()
Frozen.get_data = get_data
from corewasm.vm import Instance
{RUN}"""
    assert run(code, tmp_path)[0].endswith("True")


def test_frozen_without_the_data_says_what_to_do(tmp_path: Path) -> None:
    code = f"""{FROZEN}
from corewasm.vm import Instance, ModuleError
try:
    Instance()
except ModuleError as error:
    print(error)
"""
    said = run(code, tmp_path)[0]
    assert "cannot read the module" in said
    assert "PyInstaller: --collect-data corewasm" in said
    assert "set COREWASM_MODULE" in said


def test_frozen_without_the_data_but_with_a_path(tmp_path: Path) -> None:
    shutil.copy(PACKAGE / "core.wasm", tmp_path / "other.wasm")
    code = f"{FROZEN}\nfrom corewasm.vm import Instance\nos.chdir('/')\n{RUN}"
    assert run(code, tmp_path, COREWASM_MODULE="other.wasm") == [f"{tmp_path / 'other.wasm'} True"]


def test_frozen_without_the_metadata_of_packages(tmp_path: Path) -> None:
    code = f"""
import importlib.metadata
def missing(name): raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.version = missing
from corewasm.vm import Instance
{RUN}"""
    assert run(code, tmp_path, COREWASM_CACHE_DIR=str(tmp_path / "cache"))[0].endswith("True")
    assert "wasmtime-of-" in next((tmp_path / "cache").iterdir()).name


def test_working_directory_that_is_gone(tmp_path: Path) -> None:
    code = f"""
import os
os.mkdir("gone")
os.chdir("gone")
os.rmdir(os.getcwd())
from corewasm.vm import Instance
{RUN}"""
    assert run(code, tmp_path)[0].endswith("True")
