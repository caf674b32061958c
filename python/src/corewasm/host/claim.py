"""Who does a piece of work that one thread at a time may do.

Not a lock. Nobody waits for it: who does not get it leaves the work to who has it. And it is held by a token, not by a
thread, so that when an exception strikes the holder (at any bytecode: Ctrl-C, a cancelled activity) another thread can
go on in its place. Taking it and noting who has it is one step of the interpreter, which nothing can come between.
"""

from __future__ import annotations

from typing import TypeAlias

Claim: TypeAlias = "dict[None, object]"
"""Empty, or holds the token of who has it. On the hottest way there is, so it is used as it stands:

- `claim.setdefault(None, token) is token`: whether `token` has it now;
- `claim.pop(None, None)`: lets go, only for the token that has it.
"""


def is_held_by(claim: Claim, token: object) -> bool:
    """Whether `token` has it."""
    return claim.get(None) is token


def drop_if_held_by(claim: Claim, token: object) -> None:
    """Lets go for a token that may have let go already, and is not used by another thread."""
    if claim.get(None) is token:
        claim.pop(None, None)
