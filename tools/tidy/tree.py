"""The files that the rules look at: what git tracks, and what it would."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

GENERATED = re.compile(r"_pb2\.pyi?$|(^|/)(Cargo\.lock|go\.sum|go\.mod|constraints\.txt)$")
GENERATED_HEAD = re.compile(r"^\W*(?:@generated|[^\n]*\bgenerated (?:by|from) )", re.IGNORECASE)
TEST_PATH = re.compile(r"(^|/)(tests?|examples)(/|\.rs$)|(^|/)(test_\w+|conftest)\.py$|_test\.go$")


@dataclass(frozen=True)
class SourceFile:
    """One file, named relative to the root with forward slashes."""

    root: Path
    name: str

    @cached_property
    def data(self) -> bytes:
        """Its bytes."""
        return (self.root / self.name).read_bytes()

    @cached_property
    def text(self) -> str:
        """Its text; bytes that are no UTF-8 are replaced."""
        return self.data.decode(errors="replace")

    @property
    def suffix(self) -> str:
        """The ending of its name, with the dot."""
        return Path(self.name).suffix

    @property
    def is_binary(self) -> bool:
        """Whether it is no text, by git's own test."""
        return b"\0" in self.data[:8000]

    @property
    def is_generated(self) -> bool:
        """Whether a tool writes it: no rule of style holds for it."""
        return bool(GENERATED.search(self.name) or GENERATED_HEAD.search(self.text[:500]))

    @property
    def is_test(self) -> bool:
        """Whether it is a test or an example, by its place or name: neither is shipped."""
        return bool(TEST_PATH.search(self.name))


def repository_files(root: Path) -> list[SourceFile]:
    """Return all files that git tracks or would track, in order of their names."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    return [SourceFile(root, name) for name in sorted(set(names)) if name and (root / name).is_file()]


def with_suffix(files: list[SourceFile], *suffixes: str) -> Iterator[SourceFile]:
    """Yield what people wrote in the languages of these suffixes."""
    return (file for file in files if file.suffix in suffixes and not file.is_generated)
