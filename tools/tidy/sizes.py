"""How long functions, files and lines may be, and how large a blob."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tools.tidy import rust
from tools.tidy.tree import SourceFile, with_suffix

FUNCTION_LINES = 60
FILE_LINES = 500
TEST_FILE_LINES = 800
LINE_COLUMNS = 120
BLOB_BYTES = 256 * 1024

LARGE_BLOBS = frozenset({"python/src/corewasm/core.wasm"})
_GO_FUNCTION = re.compile(r"^func (?:\([^)]*\) )?(\w+).*?^\}", re.MULTILINE | re.DOTALL)


class Excess(NamedTuple):
    """Something over its limit: which rule, what, how large, the limit, and where to look."""

    rule: str
    what: str
    value: int
    limit: int
    where: str = ""

    def __str__(self) -> str:
        """Return one line for the report."""
        return f"{self.what}: {self.rule}: {self.value}, the limit is {self.limit}{self.where}"


def excesses(files: list[SourceFile]) -> Iterator[Excess]:
    """Yield everything over its limit."""
    yield from _long_functions(files)
    yield from _long_files(files)
    yield from _long_lines(files)
    yield from _large_blobs(files)


def against_ratchet(found: list[Excess], ratchet: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return what is new or grew, and what shrank without the ratchet being tightened.

    Args:
        found: everything over its limit now.
        ratchet: per rule, what may be over its limit, and by how much at most.
    """
    problems = []
    open_entries = {(rule, what): allowed for rule, entries in ratchet.items() for what, allowed in entries.items()}
    for excess in found:
        allowed = open_entries.pop((excess.rule, excess.what), None)
        if allowed is None or excess.value > allowed:
            problems.append(str(excess))
        elif excess.value < allowed:
            problems.append(f"{excess.what}: {excess.rule} is down to {excess.value}: write that into ratchet.json")
    problems += [f"{what}: {rule} is within its limit: take it out of ratchet.json" for rule, what in open_entries]
    return problems


def _long_functions(files: list[SourceFile]) -> Iterator[Excess]:
    finders = {".rs": _rust_functions, ".py": _python_functions, ".go": _go_functions}
    for file in with_suffix(files, *finders):
        for name, length in finders[file.suffix](file.text):
            if length > FUNCTION_LINES:
                yield Excess("function length", f"{file.name}:{name}", length, FUNCTION_LINES)


def _rust_functions(text: str) -> Iterator[tuple[str, int]]:
    return ((function.name, function.length) for function in rust.functions(text))


def _python_functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def _go_functions(text: str) -> Iterator[tuple[str, int]]:
    return ((match[1], match[0].count("\n") + 1) for match in _GO_FUNCTION.finditer(text))


def _long_files(files: list[SourceFile]) -> Iterator[Excess]:
    for file in with_suffix(files, ".rs", ".py", ".go", ".proto"):
        lines, limit = len(file.text.splitlines()), TEST_FILE_LINES
        if not file.is_test:
            shipped = rust.without_tests(file.text) if file.suffix == ".rs" else file.text
            if len(shipped.splitlines()) > FILE_LINES:
                lines, limit = len(shipped.splitlines()), FILE_LINES
        if lines > limit:
            yield Excess("file length", file.name, lines, limit)


def _long_lines(files: list[SourceFile]) -> Iterator[Excess]:
    for file in with_suffix(files, ".rs", ".py", ".go", ".proto", ".md", ".sh"):
        numbers = [number for number, line in enumerate(file.text.splitlines(), 1) if _is_long(line, file.suffix)]
        if numbers:
            shown = ", ".join(map(str, numbers[:10]))
            yield Excess(f"lines over {LINE_COLUMNS} columns", file.name, len(numbers), 0, f" (lines {shown})")


def _is_long(line: str, suffix: str) -> bool:
    """Tables and links may be longer: those of a page, and the rows of a transition table."""
    if len(line) <= LINE_COLUMNS:
        return False
    return not (line.startswith("|") or "://" in line) if suffix == ".md" else not line.lstrip().startswith("row(")


def _large_blobs(files: list[SourceFile]) -> Iterator[Excess]:
    for file in files:
        if file.name not in LARGE_BLOBS and len(file.data) > BLOB_BYTES:
            yield Excess("blob size", file.name, len(file.data), BLOB_BYTES)
