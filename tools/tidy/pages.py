"""What the pages say of the repository is there: the ends of their links, and the tests that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.tidy.tree import SourceFile, with_suffix

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_CODE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_NAMED_TEST = re.compile(r"`([\w./-]+\.(?:py|rs))::(\w+)`")
_INVARIANTS = re.compile(r"^## Invariants.*?$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def link_problems(files: list[SourceFile]) -> list[str]:
    """Return the links of pages that lead nowhere in the repository. Addresses of other places are not visited."""
    there = {file.name: file for file in files}
    folders = {str(folder) for name in there for folder in PurePosixPath(name).parents}
    problems = []
    for page in with_suffix(files, ".md"):
        for target in _LINK.findall(_CODE.sub("", page.text)):
            path, _, anchor = target.partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            name = _resolved(page.name, path) if path else page.name
            if name not in there and name not in folders:
                problems.append(f"{page.name}: the link to {target} leads nowhere")
            elif anchor and anchor not in _anchors(there[name].text):
                problems.append(f"{page.name}: the link to {target} names no heading of that page")
    return problems


def named_test_problems(files: list[SourceFile], page: str = "ARCHITECTURE.md") -> list[str]:
    """Return the invariants of a page that name no test, and the tests named there that do not exist."""
    there = {file.name: file for file in files}
    found = _INVARIANTS.search(there[page].text)
    if found is None:
        return [f"{page} has no '## Invariants' part"]
    problems = []
    for invariant, holder in _rows(found[1]):
        named = _NAMED_TEST.findall(holder)
        if not named:
            problems.append(f"{page}: no `file::test` is named that holds: {invariant}")
        problems += [f"{page}: there is no test {path}::{test}" for path, test in named if not _has(there, path, test)]
    return problems


def _rows(table: str) -> Iterator[tuple[str, str]]:
    rows = [line for line in table.splitlines() if line.startswith("|")]
    for row in rows[2:]:
        cells = row.strip("| ").split(" | ")
        yield cells[0], cells[-1]


def _has(there: dict[str, SourceFile], path: str, test: str) -> bool:
    if path not in there:
        return False
    return re.search(rf"\b(?:fn|def) {test}\(", there[path].text) is not None


def _resolved(page: str, path: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / path).parts:
        if part == "..":
            if not parts:
                return path
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def _anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
