"""The decision records and the changelog keep their form."""

from __future__ import annotations

import re
from pathlib import Path

ADR_SECTIONS = ("Context", "Decision", "Alternatives", "Figures", "Consequences")
ADR_LINES = 80
_ADR_NAME = re.compile(r"^(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md$")


def adr_problems(folder: Path) -> list[str]:
    """Return what is wrong with the decision records: names, numbers without gaps, title, sections, length."""
    problems, numbers = [], []
    for page in sorted(folder.glob("*.md")):
        name = _ADR_NAME.match(page.name)
        if name is None:
            problems.append(f"{page.name}: a decision record is named NNNN-what-is-decided.md")
            continue
        numbers.append(int(name[1]))
        problems += [f"{page.name}: {problem}" for problem in _page_problems(page.read_text(), name[1])]
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append(f"decision records are numbered from 0001 without gaps or repetitions, found {numbers}")
    return problems


def changelog_problems(page: Path) -> list[str]:
    """Return what is wrong with the changelog: it has an Unreleased part, and that is not empty."""
    text = page.read_text() if page.exists() else ""
    unreleased = re.search(r"^## \[Unreleased\]$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if unreleased is None:
        return [f"{page.name} has no '## [Unreleased]' part"]
    return [] if re.search(r"^- ", unreleased[1], re.MULTILINE) else [f"{page.name}: the Unreleased part is empty"]


def _page_problems(text: str, number: str) -> list[str]:
    problems = []
    if not text.startswith(f"# {number}. "):
        problems.append(f"the title is '# {number}. What is decided'")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    problems += [f"the section '## {section}' is missing" for section in ADR_SECTIONS if section not in headings]
    if len(text.splitlines()) > ADR_LINES:
        problems.append(f"longer than a page ({ADR_LINES} lines)")
    return problems
