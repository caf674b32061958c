"""Breaks comments that are too long and fills the lines of prose; formatters leave both alone.

``python -m tools.tidy.wrap`` rewrites the files that need it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from tools.cache import ROOT
from tools.tidy.sizes import LINE_COLUMNS
from tools.tidy.tree import SourceFile, repository_files, with_suffix

_COMMENT = re.compile(r"^(\s*(?://[/!]?|#))(?: .*)?$")
_ITEM = re.compile(r"^(\s*(?:[-*+]|\d+\.)\s+)(\S.*)$")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
# Tables, headings, HTML, link definitions, rules.
_NO_PROSE = re.compile(r"^\s*(?:\||#{1,6} |<|\[[^\]]+\]:|---+$|===+$)")
# What would begin something else than prose at the beginning of a line.
_BEGINS_A_BLOCK = re.compile(r"^(?:[-*+]|\d+\.|#{1,6}|[>|].*|---+|===+)$")
_CODE_INDENT = 4
# Code and links are not broken inside.
_WORD = re.compile(r"(?:`[^`]+`|\[[^\]]*\]\([^)\s]*\)|\S)+")


def wrapped(text: str) -> str:
    """Return source text in which each block of comments with a line over the limit is filled anew."""
    lines: list[str] = []
    for prefix, block in itertools.groupby(text.split("\n"), _comment_prefix):
        found = list(block)
        too_long = any(len(line) > LINE_COLUMNS for line in found)
        lines += _comment_filled(prefix, found) if prefix and too_long else found
    return "\n".join(lines)


def _comment_prefix(line: str) -> str:
    match = _COMMENT.match(line)
    return match[1] if match else ""


def _comment_filled(prefix: str, lines: list[str]) -> list[str]:
    texts = [line[len(prefix) :].removeprefix(" ") for line in lines]
    filled = _filled_lines(texts, LINE_COLUMNS - len(prefix) - 1)
    return [f"{prefix} {text}".rstrip() for text in filled]


def filled(page: str) -> str:
    """Return a page whose paragraphs and list items fill their lines; tables, code and headings stay as they are."""
    return "".join(line + "\n" for line in _filled_lines(page.splitlines(), LINE_COLUMNS))


def unfilled_problems(files: list[SourceFile]) -> list[str]:
    """Return the pages whose prose `filled` would break in other places."""
    return [
        f"{file.name}: its lines are broken in the wrong places: python -m tools.tidy.wrap"
        for file in with_suffix(files, ".md")
        if filled(file.text) != file.text
    ]


def _filled_lines(lines: list[str], columns: int) -> Iterator[str]:
    paragraph, fenced, depth = _Paragraph(columns), False, 0
    for line in lines:
        item, indent = _ITEM.match(line), len(line) - len(line.lstrip())
        if _FENCE.match(line):
            fenced = not fenced
        is_code = not paragraph.words and indent >= max(depth, 0) + _CODE_INDENT and not item
        if fenced or _FENCE.match(line) or is_code or not line.strip() or _NO_PROSE.match(line):
            yield from paragraph.take()
            yield line.rstrip()
        elif item:
            yield from paragraph.take()
            depth = len(item[1])
            paragraph = _Paragraph(columns, item[1], item[2].split())
        elif paragraph.words:
            paragraph.words += line.split()
        else:
            depth = min(depth, indent)
            paragraph = _Paragraph(columns, line[:indent], line.split())
    yield from paragraph.take()


class _Paragraph:
    """Words, and what stands before the first of them."""

    def __init__(self, columns: int, prefix: str = "", words: list[str] | None = None) -> None:
        self.columns = columns
        self.prefix = prefix
        self.words = words or []

    def take(self) -> Iterator[str]:
        """Yield its lines; it is empty then."""
        if self.words:
            hanging = " " * len(self.prefix)
            lines = self._lines(self.columns - len(self.prefix))
            yield from (f"{hanging if at else self.prefix}{line}" for at, line in enumerate(lines))
        self.words = []

    def _lines(self, width: int) -> list[str]:
        lines: list[list[str]] = [[]]
        for word in _WORD.findall(" ".join(self.words)):
            full = bool(lines[-1]) and len(" ".join([*lines[-1], word])) > width
            if full and not _BEGINS_A_BLOCK.match(word):
                lines.append([])
            elif full:
                # The word before it goes along.
                lines.append([lines[-1].pop()])
            lines[-1].append(word)
        return [" ".join(words) for words in lines]


def main() -> None:
    """Rewrite the files that have such lines, and name them."""
    for file in with_suffix(repository_files(ROOT), ".rs", ".py", ".go", ".proto", ".md"):
        text = filled(file.text) if file.suffix == ".md" else wrapped(file.text)
        if text != file.text:
            (ROOT / file.name).write_text(text)
            print(file.name)


if __name__ == "__main__":
    main()
