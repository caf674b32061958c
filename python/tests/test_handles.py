"""Handles are never 0 and never the same twice."""

from __future__ import annotations

from corewasm.host.handles import Handles


def test_given_back_comes_again_under_another_generation() -> None:
    handles = Handles()
    first = handles.take()
    other = handles.take()
    handles.give_back(first)
    again = handles.take()
    assert len({0, first, other, again}) == 4
    assert again & 0xFFFFF == first & 0xFFFFF


def test_index_whose_generations_are_used_up_is_left_alone() -> None:
    handles = Handles()
    seen = set()
    for _ in range(5000):
        handle = handles.take()
        assert 0 < handle < 2**32
        assert handle not in seen
        seen.add(handle)
        handles.give_back(handle)
