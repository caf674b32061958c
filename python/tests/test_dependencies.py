"""What a plain installation brings is all that the package imports; what an extra brings is imported only when used."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
MODULE_OF = {"grpcio": "grpc", "protobuf": "google", "prometheus-client": "prometheus_client"}
# Without the SDK there is nothing to drop in for: these parts are about it, and are imported by its users only.
ABOUT_THE_SDK = {"temporalio"}
# Imported only by who is configured to use it; without the extra, with an error that names it.
OF_AN_EXTRA = {("src/corewasm/telemetry/opentelemetry.py", "opentelemetry")}


def section(name: str) -> str:
    text = (PYTHON / "pyproject.toml").read_text()
    found = re.search(rf"^{name} = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def declared(name: str) -> set[str]:
    distributions = re.findall(r'^    "([A-Za-z0-9_-]+)', section(name), re.MULTILINE)
    return {MODULE_OF.get(each, each) for each in distributions}


def imports(tree: ast.AST) -> Iterator[str]:
    """Those that run when the module is imported, and may not fail."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "corewasm" if node.level else (node.module or "").partition(".")[0]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try):
            yield from imports(node)


def test_a_plain_installation_can_import_every_module() -> None:
    provided = declared("dependencies") | sys.stdlib_module_names | ABOUT_THE_SDK | {"corewasm", "tomllib"}
    missing = {
        (str(path.relative_to(PYTHON)), name)
        for path in (PYTHON / "src").rglob("*.py")
        for name in imports(ast.parse(path.read_text()))
        if name not in provided
    }
    assert missing == OF_AN_EXTRA


def test_toml_can_be_read_before_python_3_11() -> None:
    assert re.search(r"\"tomli[^\"]*; python_version < '3\.11'\"", section("dependencies"))
