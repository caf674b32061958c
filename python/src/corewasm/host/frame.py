"""Serializes a turn's request from inputs that are messages already, without copying them into another first."""

from __future__ import annotations

from collections.abc import Sequence

from corewasm.abi import turn
from corewasm.host.task_inputs import AnyInput
from corewasm.host.varint import varint

_INPUTS_TAG = bytes([turn.TurnRequest.INPUTS_FIELD_NUMBER << 3 | 2])


class Framer:
    """Makes requests. Not for two threads at once: what all requests have is kept from one to the next."""

    def __init__(self) -> None:
        self._head = turn.TurnRequest()

    def turn_request(self, wall_clock_ns: int, monotonic_ns: int, entropy: bytes, inputs: Sequence[AnyInput]) -> bytes:
        """The bytes of a TurnRequest."""
        head = self._head
        head.wall_clock_ns = wall_clock_ns
        head.monotonic_ns = monotonic_ns
        head.entropy = entropy
        parts = [head.SerializeToString()]
        for each in inputs:
            body = each.SerializeToString()
            parts += (_INPUTS_TAG, varint(len(body)), body)
        return b"".join(parts)
