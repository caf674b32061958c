"""What may not stand in a file: paths of one machine, and work left for later."""

from __future__ import annotations

import re

from tools.tidy.tree import SourceFile, with_suffix

# Home and scratch folders of the machines that the project was written on.
MACHINE_PATH = re.compile(r"(?<![\w./~$}-])/(?:root|work|tmp/(?:s|wt|target))(?=/|\b(?![\w-]))")
# Each alternative is written so that it does not match itself.
LEFT_FOR_LATER = {
    ".rs": re.compile(r"\b(?:TODO|FIXME|XX[X])\b|\b(?:todo|unimplemented)!|#\[ignore\b"),
    ".py": re.compile(r"\b(?:TODO|FIXME|XX[X])\b|\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b"),
    ".go": re.compile(r"\b(?:TODO|FIXME|XX[X])\b|\bt\.Skip"),
}
# The rules themselves and their tests show what they refuse.
EXEMPT = ("tools/tidy/", "tools/tests/")


def machine_path_problems(files: list[SourceFile]) -> list[str]:
    """Return lines that name a path of one machine."""
    return [
        f"{file.name}:{number}: path of one machine: {match[0]}"
        for file in files
        if not file.is_binary and not file.name.startswith(EXEMPT)
        for number, line in enumerate(file.text.splitlines(), 1)
        for match in [MACHINE_PATH.search(line)]
        if match
    ]


def left_for_later_problems(files: list[SourceFile]) -> list[str]:
    """Return lines that leave work, or a test, for later."""
    return [
        f"{file.name}:{number}: nothing is left for later: {match[0]}"
        for file in with_suffix(files, *LEFT_FOR_LATER)
        if not file.name.startswith(EXEMPT)
        for number, line in enumerate(file.text.splitlines(), 1)
        for match in [LEFT_FOR_LATER[file.suffix].search(line)]
        if match
    ]
