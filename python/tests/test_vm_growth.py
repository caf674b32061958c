"""A memory that outgrows its reservation moves, and everything in it is still there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from corewasm.vm import CoreTrap, Instance
from corewasm.vm.engine import RESERVED
from wat_module import TEXT, wat_source

PAGE = 65536
GROWS = TEXT.replace(
    "(then (drop (memory.grow (i32.const 64))))", f"(then (drop (memory.grow (i32.const {RESERVED // PAGE}))))"
)


def base(instance: Instance) -> int:
    return instance._memory._base()


@pytest.mark.parametrize("version", [1 << 16, 1 << 16 | 1])
def test_turns_go_on_where_the_memory_has_gone(version: int) -> None:
    with Instance(wat_source(version, GROWS)) as instance:
        places = {base(instance)}
        for turn in range(10):
            request = b"+%d" % turn + bytes(range(256)) * 100
            assert instance.turn(request) == request
            assert instance.turn(b"between") == b"between"
            places.add(base(instance))
        assert instance.memory_size() >= PAGE + 10 * RESERVED
        assert len(places) > 1, "the memory never moved, so this tests nothing"


def test_answers_that_grow_the_memory_as_they_are_asked_for() -> None:
    with Instance(wat_source(1 << 16)) as instance:
        for size in (RESERVED, 1, 2 * RESERVED, 3):
            request = b"%d" % size * (size // 8 + 1)
            assert instance.turn(request) == request


def test_instances_of_one_engine_in_many_threads() -> None:
    """Some grow, some trap, some only answer: none disturbs another."""

    def live(number: int) -> list[bytes]:
        given = []
        for life in range(5):
            with Instance(wat_source(text=GROWS)) as instance:
                for turn in range(20):
                    request = b"%s%d.%d.%d" % (b"+" if turn % 10 == number % 10 else b"-", number, life, turn)
                    given.append(instance.turn(request))
                with pytest.raises(CoreTrap):
                    instance.turn(b"!")
        return given

    with ThreadPoolExecutor(8) as threads:
        for number, given in enumerate(threads.map(live, range(16))):
            assert len(given) == len(set(given)) == 100
            assert all(each[1:].startswith(b"%d." % number) for each in given)
