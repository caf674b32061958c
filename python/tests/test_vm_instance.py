"""An instance takes turns, refuses what it does not know, and says why it died."""

from __future__ import annotations

import pytest

from corewasm.abi import turn
from corewasm.vm import CoreTrap, Instance, InstanceClosed, ModuleError
from wat_module import TEXT, wat_source


def test_turn_returns_a_copy_of_the_answer() -> None:
    with Instance(wat_source()) as instance:
        first = instance.turn(b"first request")
        assert instance.turn(b"second") == b"second"
        assert first == b"first request"


@pytest.mark.parametrize("version", [1 << 16, 1 << 16 | 1])
@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 5_000_000])
def test_requests_of_any_size(size: int, version: int) -> None:
    body = bytes(index % 31 for index in range(size))
    with Instance(wat_source(version)) as instance:
        assert instance.turn(body) == body
        assert instance.turn(b"again") == b"again"


def test_from_abi_1_1_on_requests_share_a_buffer_and_turns_are_all_that_is_called() -> None:
    text = TEXT.replace('(func (export "free") (param i32 i32)', '(func (export "free") (param i32 i32) unreachable')
    with Instance(wat_source((1 << 16) | 1, text)) as instance:
        assert [instance.turn(body) for body in (b"one", b"", b"three")] == [b"one", b"", b"three"]
    with Instance(wat_source(1 << 16, text)) as instance:
        instance.turn(b"one")
        with pytest.raises(CoreTrap):
            instance.turn(b"two")  # what a turn gave is freed before the next one


def test_memory_that_grows_inside_a_turn() -> None:
    with Instance(wat_source()) as instance:
        before = instance.memory_size()
        assert instance.turn(b"+ grow") == b"+ grow"
        assert instance.memory_size() == before + 64 * 65536
        assert instance.turn(b"after") == b"after"


def test_trap_carries_the_panic_text() -> None:
    with Instance(wat_source()) as instance, pytest.raises(CoreTrap, match="unreachable.*the panic's text") as caught:
        instance.turn(b"!")
    assert caught.value.panic == "the panic's text"


def test_answer_outside_of_the_memory_is_a_trap() -> None:
    with Instance(wat_source()) as instance, pytest.raises(CoreTrap, match="outside of the module's 65536"):
        instance.turn(b"?")


def test_other_major_version_is_refused_naming_both() -> None:
    with pytest.raises(ModuleError, match="ABI 2.7, this host speaks ABI 1"):
        Instance(wat_source(version=(2 << 16) | 7))


def test_newer_minor_version_is_accepted() -> None:
    with Instance(wat_source(version=(1 << 16) | 3)) as instance:
        assert instance.abi_version == (1, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((' (export "turn")', ""), "no export turn"),
        (('(export "free") (param i32 i32)', '(export "free") (param i32)'), "free has the type"),
        (("(module", '(module (import "env" "now" (func))'), "wants imports.*env.now"),
        (('(memory (export "memory") 1)', "(memory 1)"), "does not export its memory"),
    ],
)
def test_module_of_another_shape_is_refused(change: tuple[str, str], message: str) -> None:
    with pytest.raises(ModuleError, match=message):
        Instance(wat_source(text=TEXT.replace(*change)))


def test_a_closed_instance_refuses_whatever_would_reach_into_its_memory() -> None:
    instance = Instance()
    request = turn.TurnRequest(inputs=[turn.Input(open=turn.Open())]).SerializeToString()
    instance.turn(request)
    instance.close()
    instance.close()
    for use in (lambda: instance.answer_to(request), lambda: instance.turn(request), instance.memory_size):
        with pytest.raises(InstanceClosed, match="make another one"):
            use()


def test_a_closed_instance_refuses_requests_of_any_size() -> None:
    instance = Instance()
    instance.close()
    with pytest.raises(InstanceClosed):
        instance.turn(bytes(100_000))
