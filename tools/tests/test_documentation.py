"""Samples in the documentation run, and the error texts that it explains are those of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.cache import ROOT
from tools.tidy.tree import repository_files, with_suffix
from tools.wasm import BUILT

PAGES = sorted(
    name
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    if "```python" in page.read_text()
    for name in [str(page.relative_to(ROOT))]
)
_SAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPLAINED = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
# Between the parts of a text that stands on more than one line of code.
_CONTINUED = re.compile(r'"\s*\n\s*f?"|\\\n\s*|\\n')


def test_there_are_samples() -> None:
    assert {"README.md", "docs/host-guide.md", "docs/user-guide.md"} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_the_samples_of_a_page_run_one_after_the_other(page: str, tmp_path: Path) -> None:
    program = tmp_path / "samples.py"
    program.write_text("\n".join(_SAMPLE.findall((ROOT / page).read_text())))
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='samples')"
    environment = {"COREWASM_MODULE": str(BUILT), **os.environ, "PYTHONPATH": str(ROOT / "python" / "src")}
    command = [sys.executable, "-c", code, str(program)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_the_explained_errors_are_those_of_the_code() -> None:
    sources = with_suffix(repository_files(ROOT), ".py", ".rs")
    code = "".join(_CONTINUED.sub("", file.text) for file in sources if not file.is_test)
    code = code.replace("{_NATIVE}", "temporalio.bridge.temporal_sdk_bridge")
    _, _, table = (ROOT / "docs" / "user-guide.md").read_text().partition("## Troubleshooting")
    texts = _EXPLAINED.findall(table)
    assert len(texts) > 5
    parts = [part.strip() for text in texts for part in text.split("...") if part.strip()]
    assert [part for part in parts if part not in code] == []
