"""Puts similar functions of a module beside each other: it packs smaller and does the same.

Generic code is compiled once for each type, so a module holds thousands of functions that are nearly alike. gzip finds
a repetition only within its last 32 KB: functions that follow their likes are written as references to them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence

CODE_SECTION = 10
# gzip looks back 32 KB; what it finds at the far end is dear.
WINDOW_BYTES = 28_000
PIECE_BYTES = 6
# What so many functions share is found wherever they stand.
COMMON = 300
# Keeps the smallest functions from being chosen for one piece.
LEAST_WEIGHT = 60
# Calls of the first ones take a byte less; binaryen has put the most called first.
SHORT_INDICES = 128

_FUNCTION = re.compile(r"^ \(func .*?(?=^ \(|^\))", re.MULTILINE | re.DOTALL)


def reordered(listing: str, module: bytes) -> str:
    """The text form of `module`, as binaryen's `wasm-dis` writes it, with its functions in another order.

    Functions keep their names, so that calls find them.
    """
    bodies, functions = function_bodies(module), list(_FUNCTION.finditer(listing))
    assert len(functions) == len(bodies), "the listing has the functions of the module"
    kept = min(SHORT_INDICES, len(bodies))
    order = [*range(kept), *(kept + number for number in similar_order(bodies[kept:]))]
    moved = "".join(functions[number][0] for number in order)
    return listing[: functions[0].start()] + moved + listing[functions[-1].end() :]


def similar_order(bodies: Sequence[bytes]) -> list[int]:
    """Numbers of the bodies in an order in which each is like those just before it; the first stays first."""
    return list(_Chain(bodies))


def function_bodies(wasm: bytes) -> list[bytes]:
    """Every function's code, without its length."""
    position = _section(wasm, CODE_SECTION)
    count, position = _leb(wasm, position)
    bodies = []
    for _ in range(count):
        size, position = _leb(wasm, position)
        bodies.append(wasm[position : position + size])
        position += size
    return bodies


class _Chain:
    """Goes from one body to the one that shares the most with the last ones, for its size."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        self._bodies = bodies
        pieces = [_pieces(body) for body in bodies]
        shared = _shared(pieces)
        self._pieces = [[piece for piece in each if piece in shared] for each in pieces]
        self._holders = shared
        self._weights = [len(each) + LEAST_WEIGHT for each in pieces]
        self._common = [0] * len(bodies)
        """How many pieces of each body lie in the window."""
        self._window: deque[int] = deque()
        self._window_size = 0
        self._seen: Counter[bytes] = Counter()

    def __iter__(self) -> Iterator[int]:
        left = list(range(len(self._bodies)))
        while left:
            place = max(range(len(left)), key=lambda place: self._likeness(left[place]))
            yield self._take(left.pop(place))

    def _likeness(self, number: int) -> float:
        return self._common[number] / self._weights[number]

    def _take(self, number: int) -> int:
        self._window.append(number)
        self._window_size += len(self._bodies[number])
        self._count(number, 1)
        while self._window_size > WINDOW_BYTES:
            old = self._window.popleft()
            self._window_size -= len(self._bodies[old])
            self._count(old, -1)
        return number

    def _count(self, number: int, change: int) -> None:
        """Pieces come into the window, or leave it."""
        for piece in self._pieces[number]:
            self._seen[piece] += change
            if self._seen[piece] == max(change, 0):
                for holder in self._holders[piece]:
                    self._common[holder] += change


def _pieces(body: bytes) -> list[bytes]:
    starts = range(max(1, len(body) - PIECE_BYTES + 1))
    return list(dict.fromkeys(body[start : start + PIECE_BYTES] for start in starts))


def _shared(pieces: Sequence[Sequence[bytes]]) -> dict[bytes, list[int]]:
    """Who holds each piece, for those that tell something."""
    holders: dict[bytes, list[int]] = defaultdict(list)
    for number, each in enumerate(pieces):
        for piece in each:
            holders[piece].append(number)
    return {piece: numbers for piece, numbers in holders.items() if 1 < len(numbers) <= COMMON}


def _section(wasm: bytes, wanted: int) -> int:
    """Where the contents of a section begin."""
    position = 8
    while wasm[position] != wanted:
        size, begin = _leb(wasm, position + 1)
        position = begin + size
    return _leb(wasm, position + 1)[1]


def _leb(wasm: bytes, position: int) -> tuple[int, int]:
    """An unsigned number and the place behind it."""
    value = shift = 0
    while True:
        byte = wasm[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
