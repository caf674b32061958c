"""What can go wrong with the module itself."""

from __future__ import annotations

from typing import NoReturn


class ModuleError(RuntimeError):
    """core.wasm cannot be used: missing, damaged, or made for another host.

    The message names the file and both values.
    """


class NoRoomForModule(ModuleError):
    """This process may not have the memory, address space or mappings that Core needs.

    The message names how much, the limit that is in the way, and what widens it.
    """


class InstanceClosed(ModuleError):
    """The instance was closed, and its memory given back: nothing can be asked of it any more."""


def refuse_closed(*_: object) -> NoReturn:
    """Stands in the place of what would reach into memory that was given back."""
    raise InstanceClosed("this instance of Core is closed: make another one")


class MemoryRangeError(ModuleError):
    """The module named a piece of its memory that does not exist."""


class CoreTrap(RuntimeError):
    """The instance died in the middle of a call and must be thrown away.

    `panic` is the text that the module left behind, empty if it left none.
    """

    def __init__(self, message: str, panic: str = "") -> None:
        super().__init__(f"{message}: {panic}" if panic else message)
        self.panic = panic


class AnswerLost(CoreTrap):
    """Whoever made the turn was interrupted at its very call: it may have been made, and nobody has its response.

    The instance has not failed, but must be thrown away all the same.
    """
