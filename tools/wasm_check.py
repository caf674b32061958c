"""What core.wasm has to be: no imports, the exports of docs/abi.md, code any host runs, and small.

The feature floor is checked on the code, by validating it with an engine that has everything above the floor turned
off: the module's own list of features is only a claim.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import wasmtime

from tools.cache import ROOT

ABI_PAGE = ROOT / "docs" / "abi.md"
# The module's size and its size after gzip -9, in bytes (docs/adr/0013).
SIZE_BUDGET = 1_250_000
GZIP_BUDGET = 415_000

# Above the floor: not every host runs it. (In this order: one feature may need another turned off first.)
FEATURES_OFF = (
    "wasm_relaxed_simd",
    "wasm_simd",
    "wasm_threads",
    "wasm_tail_call",
    "wasm_gc",
    "wasm_function_references",
    "wasm_exceptions",
    "wasm_memory64",
    "wasm_multi_memory",
    "wasm_custom_page_sizes",
    "wasm_wide_arithmetic",
    "wasm_stack_switching",
)

# Paths that only the machine of the build has: they would make the module differ from machine to machine.
MACHINE_PATH = re.compile(rb"/(?:root|home/[\w.-]+|Users/[\w.-]+|tmp|work)/[\w./-]+")


def module_problems(wasm: bytes, exports: frozenset[str]) -> list[str]:
    """Return what is wrong with a module, one sentence each; nothing when it may ship.

    Args:
        wasm: the module's bytes.
        exports: the names that docs/abi.md lists.
    """
    try:
        module = wasmtime.Module(wasmtime.Engine(_floor()), wasm)
    except wasmtime.WasmtimeError as error:
        return [f"code outside the feature floor: {str(error).strip()}"]
    problems = [f"import {entry.module}.{entry.name}: the module may import nothing" for entry in module.imports]
    names = {entry.name for entry in module.exports}
    problems += [f"export {name} is not in {ABI_PAGE.name}" for name in sorted(names - exports)]
    problems += [f"export {name} of {ABI_PAGE.name} is missing" for name in sorted(exports - names)]
    return problems + _size_problems(wasm) + _path_problems(wasm)


def describe(wasm: bytes) -> str:
    """Return the lists of imports and exports, as the build prints them."""
    module = wasmtime.Module(wasmtime.Engine(_floor()), wasm)
    imports = ", ".join(f"{entry.module}.{entry.name}" for entry in module.imports) or "none"
    exports = ", ".join(sorted(f"{entry.name}{_signature(entry.type)}" for entry in module.exports))
    return f"imports: {imports}\nexports: {exports}\nsize:    {len(wasm):,} bytes, {gzip_size(wasm):,} gzip"


def abi_exports(page: Path = ABI_PAGE) -> frozenset[str]:
    """Return the first column of the table under ``## Exports`` in docs/abi.md.

    Raises:
        ValueError: the page has no such table.
    """
    text = page.read_text() if page.exists() else ""
    section = re.search(r"^## Exports$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    names = re.findall(r"^\|\s*`(\w+)[^`|]*`\s*\|", section[1], re.MULTILINE) if section else []
    if not names:
        raise ValueError(f"{page} has no '## Exports' section with a table whose first column names the exports")
    return frozenset(names)


def export_names(wasm: bytes) -> list[str]:
    """Return the names of all exports, in the module's order."""
    return [entry.name for entry in wasmtime.Module(wasmtime.Engine(), wasm).exports]


def gzip_size(wasm: bytes) -> int:
    """Return the size that a download would have."""
    return len(gzip.compress(wasm, 9, mtime=0))


def abi_version(wasm: bytes) -> int:
    """Return what the module's ``abi_version`` export answers."""
    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), [])
    export = instance.exports(store)["abi_version"]
    assert isinstance(export, wasmtime.Func), "abi_version is a function"
    version: int = export(store)
    return version


def _floor() -> wasmtime.Config:
    config = wasmtime.Config()
    for feature in FEATURES_OFF:
        setattr(config, feature, False)
    return config


def _signature(kind: object) -> str:
    if not isinstance(kind, wasmtime.FuncType):
        return ""
    return f"({', '.join(map(str, kind.params))}) -> ({', '.join(map(str, kind.results))})"


def _size_problems(wasm: bytes) -> list[str]:
    sizes = (("", len(wasm), SIZE_BUDGET), (" after gzip", gzip_size(wasm), GZIP_BUDGET))
    return [f"{size:,} bytes{what}: the budget is {budget:,}" for what, size, budget in sizes if size > budget]


def _path_problems(wasm: bytes) -> list[str]:
    paths = sorted({match.decode() for match in MACHINE_PATH.findall(wasm)})
    return [f"path of the build machine in the module: {path}" for path in paths[:5]]
