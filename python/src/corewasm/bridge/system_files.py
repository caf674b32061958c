"""Reads the small files in which the system tells of itself."""

from __future__ import annotations

import errno
import io
import logging
from collections.abc import Callable
from typing import TypeVar

from corewasm.bridge.cgroup_files import Nonsense
from corewasm.host.reports import report_once

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FileIO = io.FileIO  # whatever a program puts in the place of open() or of pathlib's functions
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ENODEV}
"""The last one: a group that was removed just now."""
_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN}


class SystemFiles:
    """The files below a folder, which is / but in tests."""

    def __init__(self, top: str = "/") -> None:
        self._top = top.rstrip("/")

    def text(self, path: str) -> str | None:
        """A file's contents; None if it is not there, or cannot be read, which is told once.

        Raises:
            OSError: for now there is no descriptor or memory for it.
        """
        try:
            with _FileIO(self._top + path) as file:
                return file.readall().decode(errors="surrogateescape")
        except OSError as error:
            if error.errno in _PASSING:
                raise
            if error.errno not in _NOT_THERE:
                self._tell(path, error)
        except ValueError as error:  # a path with a zero byte
            self._tell(path, error)
        return None

    def value(self, path: str, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of a file; None as for `text`, and if it holds nonsense, which is told once.

        Raises:
            OSError: as for `text`.
        """
        text = self.text(path)
        return None if text is None else self.checked(path, text, parse)

    def checked(self, path: str, text: str, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of a text; None if it holds nonsense, which is told once, with `path`."""
        try:
            return parse(text)
        except Nonsense as error:
            self._tell(path, error)
            return None

    def _tell(self, path: str, error: Exception) -> None:
        report_once(logger, logging.WARNING, "%s is left out when the machine's load is measured: %s", path, error)
