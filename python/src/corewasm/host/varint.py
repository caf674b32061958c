"""Numbers as protobuf writes them before a field."""

from __future__ import annotations


def varint(value: int) -> bytes:
    """`value`, which is not negative, in base 128, least significant digit first."""
    if value <= 0x7F:
        return bytes((value,))
    if value <= 0x3FFF:
        return bytes((value & 0x7F | 0x80, value >> 7))
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
