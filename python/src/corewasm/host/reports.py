"""Tells of what goes wrong around Core, in ways that cannot stop what tells it.

A program's logging may raise (a handler of its own, a stream that is closed) or lead back to where the trouble began.
"""

from __future__ import annotations

import logging
import os

_STDERR = 2
_told: set[str] = set()


def report(
    logger: logging.Logger, level: int, text: str, *arguments: object, traceback_of: BaseException | None = None
) -> None:
    """Logs; on standard error if logging itself fails, and not at all if there is none."""
    try:
        logger.log(level, text, *arguments, exc_info=traceback_of)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises
        write_to_stderr(f"corewasm: {_formatted(text, arguments)} (logging it failed: {error!r})")


def report_once(logger: logging.Logger, level: int, text: str, *arguments: object) -> None:
    """As `report`, the first time that this `text` comes in this process."""
    if text not in _told:
        _told.add(text)
        report(logger, level, text, *arguments)


def write_to_stderr(text: str) -> None:
    """One line on the descriptor itself, whatever sys.stderr is by now."""
    try:
        os.write(_STDERR, f"{text}\n".encode(errors="backslashreplace"))
    except OSError:
        return  # closed, or its reader has gone: nobody is left to tell


def _formatted(text: str, arguments: tuple[object, ...]) -> str:
    try:
        return text % arguments if arguments else text
    except Exception:  # noqa: BLE001 - an argument that cannot be shown
        return text
