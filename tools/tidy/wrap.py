"""Breaks comments and prose that are too long; formatters leave those alone. ``python -m tools.tidy.wrap``."""

from __future__ import annotations

import re
import textwrap

from tools.cache import ROOT
from tools.tidy.sizes import LINE_COLUMNS
from tools.tidy.tree import repository_files, with_suffix

_COMMENT = re.compile(r"^(\s*(?://[/!]?|#) )(\s*(?:[-*] |\d+\. )?)(\S.*)$")
_PROSE = re.compile(r"^( {0,3})((?:[-*] |\d+\. )?)([^|#\s`].*)$")


def wrapped(line: str, suffix: str = "") -> list[str]:
    """Return a comment (in a page: prose) as lines within the limit, list items hanging; any other line as it is."""
    match = (_PROSE if suffix == ".md" else _COMMENT).match(line)
    if len(line) <= LINE_COLUMNS or match is None:
        return [line]
    prefix, item, text = match.groups()
    return textwrap.wrap(
        text,
        LINE_COLUMNS,
        initial_indent=prefix + item,
        subsequent_indent=prefix + " " * len(item),
        break_long_words=False,
        break_on_hyphens=False,
    )


def main() -> None:
    """Rewrite the files that have such lines, and name them."""
    for file in with_suffix(repository_files(ROOT), ".rs", ".py", ".go", ".proto", ".md"):
        lines = [part for line in file.text.split("\n") for part in wrapped(line, file.suffix)]
        if "\n".join(lines) != file.text:
            (ROOT / file.name).write_text("\n".join(lines))
            print(file.name)


if __name__ == "__main__":
    main()
