"""How a program gets our Core: every way, in processes of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SRC = str(Path(__file__).resolve().parents[1] / "src")
BRIDGE = "temporalio.bridge.temporal_sdk_bridge"
SHOW = f"import sys, temporalio.client; print(sys.modules['{BRIDGE}'].__file__)"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    full = {"PYTHONPATH": SRC, "PATH": "/usr/bin:/bin", **environment}
    return subprocess.run([sys.executable, *arguments], env=full, capture_output=True, text=True, timeout=60)


def output(*arguments: str, **environment: str) -> str:
    done = python(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def is_ours(path: str) -> bool:
    return path.endswith("corewasm/bridge/__init__.py")


def test_install_before_temporalio() -> None:
    assert is_ours(output("-c", f"import corewasm; corewasm.install(); corewasm.install(); {SHOW}"))


def test_native_module_without_it() -> None:
    assert not is_ours(output("-c", SHOW))


def test_native_module_is_never_mapped() -> None:
    maps = "print('temporal_sdk_bridge.abi3' in open('/proc/self/maps').read())"
    assert output("-c", f"import corewasm; corewasm.install(); import temporalio.worker; {maps}") == "False"


def test_install_after_temporalio_is_refused() -> None:
    done = python("-c", "import temporalio.client, corewasm; corewasm.install()")
    assert done.returncode != 0
    assert "corewasm.install() comes too late" in done.stderr


def test_importing_corewasm_imports_nothing_but_sys() -> None:
    loaded = "import sys; before = set(sys.modules); import corewasm; print(sorted(set(sys.modules) - before))"
    assert output("-c", loaded) == "['corewasm']"


def test_run_command_runs_a_file_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    (tmp_path / "beside.py").write_text("word = 'beside'")
    script.write_text(f"import sys, beside; {SHOW}; print(sys.argv[1:], beside.word, __name__)")
    lines = output("-m", "corewasm", "run", str(script), "one", "--two").splitlines()
    assert is_ours(lines[0])
    assert lines[1] == "['one', '--two'] beside __main__"


def test_run_command_runs_a_module(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHOW)
    assert is_ours(output("-m", "corewasm", "run", "-m", "app", PYTHONPATH=f"{SRC}:{tmp_path}"))


def test_exit_code_of_the_program_is_kept(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text("raise SystemExit(7)")
    assert python("-m", "corewasm", "run", str(script)).returncode == 7


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """A folder with what the wheel installs beside the package: the line that runs when an interpreter starts."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "corewasm.pth").write_text((Path(SRC).parent / "corewasm.pth").read_text())
    # Where nothing is installed, a sitecustomize does for that folder what site does for site-packages.
    (folder / "sitecustomize.py").write_text(f"import site; site.addsitedir({str(folder)!r})")
    return folder


CHILDREN = f"""
import multiprocessing, subprocess, sys

def show():
    import temporalio.client
    print(sys.modules['{BRIDGE}'].__file__, flush=True)

if __name__ == "__main__":
    show()
    for method in ("spawn", "forkserver"):
        process = multiprocessing.get_context(method).Process(target=show)
        process.start()
        process.join()
    subprocess.run([sys.executable, "-c", "{SHOW}"], check=True)
"""


@pytest.mark.parametrize("how", [("-m", "corewasm", "run", "app.py"), ("app.py",)])
def test_processes_that_the_program_starts_get_it_too(
    tmp_path: Path, site_packages: Path, how: tuple[str, ...]
) -> None:
    script = tmp_path / "app.py"
    script.write_text(CHILDREN)
    environment = {} if "run" in how else {"COREWASM": "1"}
    lines = output(*how[:-1], str(script), PYTHONPATH=f"{site_packages}:{SRC}", **environment).splitlines()
    assert [is_ours(line) for line in lines] == [True] * 4


@pytest.mark.parametrize(("value", "ours"), [("1", True), ("0", False), ("", False)])
def test_environment_variable_through_the_pth_file(tmp_path: Path, value: str, ours: bool) -> None:
    line = (Path(SRC).parent / "corewasm.pth").read_text()
    (tmp_path / "corewasm.pth").write_text(line)
    site = f"import site; site.addsitedir({str(tmp_path)!r})"
    assert is_ours(output("-c", f"{site}; {SHOW}", COREWASM=value)) == ours


@pytest.fixture
def temporalio_without_native(tmp_path: Path) -> Path:
    """A folder with temporalio as on a platform that has no wheel of it."""
    spec = importlib.util.find_spec("temporalio")
    assert spec is not None
    assert spec.origin is not None
    original, copy = Path(spec.origin).parent, tmp_path / "pure" / "temporalio"
    (copy / "bridge").mkdir(parents=True)
    for entry in [*original.iterdir(), *(original / "bridge").iterdir()]:
        if entry != original / "bridge" and not entry.name.startswith("temporal_sdk_bridge"):
            (copy / entry.relative_to(original)).symlink_to(entry)
    return copy.parent


@pytest.mark.parametrize("before", ["", "import corewasm; corewasm.install(); "])
def test_where_temporalio_has_no_native_module_ours_is_used_unasked(
    temporalio_without_native: Path, site_packages: Path, before: str
) -> None:
    path = f"{temporalio_without_native}:{site_packages}:{SRC}"
    again = "import corewasm; corewasm.install(); print(corewasm.installed())"
    lines = output("-c", f"{before}{SHOW}; {again}", PYTHONPATH=path).splitlines()
    assert is_ours(lines[0])
    assert lines[1] == "True"


def test_the_line_at_start_imports_nothing(site_packages: Path) -> None:
    """Nor does it while other modules are looked for in vain."""
    show = "import sys\ntry: import no_such_module\nexcept ImportError: print('corewasm' in sys.modules)"
    assert output("-c", show, PYTHONPATH=f"{site_packages}:{SRC}") == "False"


def test_the_main_file_may_install_at_its_top_and_run_sandboxed(tmp_path: Path) -> None:
    """The sandbox executes the main file anew for each workflow: wasmtime must not be imported again."""
    script = tmp_path / "app.py"
    script.write_text(SANDBOXED)
    assert output(str(script)) == "imported once"


SANDBOXED = """
import corewasm
corewasm.install()
import sys
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext

@workflow.defn
class Nothing:
    @workflow.run
    async def run(self) -> None:
        pass

if __name__ == "__main__":
    import corewasm.bridge
    for _ in range(100):
        importer = Importer(SandboxRestrictions.default, RestrictionContext())
        with importer.applied():
            exec(compile(open(__file__).read(), __file__, "exec"), {"__name__": "__temporal_main__"})
        assert "wasmtime" not in importer.new_modules, "a sandbox imported wasmtime"
    print("imported once")
"""


def test_doctor_names_module_cache_and_server(tmp_path: Path) -> None:
    done = python("-m", "corewasm", "doctor", "--address", "127.0.0.1:1", COREWASM_MODULE=str(tmp_path / "no.wasm"))
    assert done.returncode == 1
    assert "no.wasm" in done.stdout
    assert "wasmtime" in done.stdout
    assert "nothing answers at 127.0.0.1:1" in done.stdout
