"""Just enough of Rust's syntax for the rules: code without comments and literals, functions, the part under test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Comments, then literals. A raw string ends at the quote with as many hashes as it began with; a quote that begins a
# lifetime is followed by a name and no second quote.
_NOISE = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | b?r(?P<hashes>\#*)".*?"(?P=hashes)
      | b?"(?:\\.|[^"\\])*"
      | b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^'\\\n])'
    """,
    re.DOTALL | re.VERBOSE,
)
_FUNCTION = re.compile(r"\bfn\s+(\w+)")
_TEST_MODULE = re.compile(
    r"^#\[cfg\(test\)\]\s*\n(?:#\[[^\n]*\n)*\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w+\s*\{", re.MULTILINE
)


class Function(NamedTuple):
    """A function with a body: its name, the line it starts on, and how many lines it takes."""

    name: str
    line: int
    length: int


def code_only(text: str) -> str:
    """Blank out comments and literals; every line and column stays where it is."""
    return _NOISE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def without_tests(text: str) -> str:
    """Cut the text before its first inline test module: what is left ships."""
    match = _TEST_MODULE.search(text)
    return text[: match.start()] if match else text


def functions(text: str) -> Iterator[Function]:
    """Yield the functions of a file, from the line of ``fn`` to that of the closing brace."""
    code = code_only(text)
    for match in _FUNCTION.finditer(code):
        body = _body_start(code, match.end())
        if body is None:
            continue
        first = code.count("\n", 0, match.start()) + 1
        last = code.count("\n", 0, _closing_brace(code, body)) + 1
        yield Function(match[1], first, last - first + 1)


def _body_start(code: str, position: int) -> int | None:
    """Find the brace that opens the body; a declaration without one ends in a semicolon."""
    depth = 0
    for index in range(position, len(code)):
        character = code[index]
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif depth == 0 and character in "{;":
            return index if character == "{" else None
    return None


def _closing_brace(code: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[index], 0)
        if depth == 0:
            return index
    return len(code) - 1
