"""The turn kit (conformance/turns) on this host's wasmtime, and its files' format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.turns.play import difference
from conformance.turns.session import MODULE, BadSession, read, sessions
from corewasm.vm import Instance, module_path, read_module

SESSIONS = list(sessions())


def test_the_kit_is_of_this_module() -> None:
    assert MODULE.read_text().strip() == read_module(module_path()).sha256, "python -m conformance.turns record"


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_every_response_is_the_same_to_the_byte(path: Path) -> None:
    assert difference(path, read_module(module_path())) == ""


def test_another_response_is_named_with_its_place(tmp_path: Path) -> None:
    data = bytearray((MODULE.parent / "sessions" / "refused-inputs.turns").read_bytes())
    data[-1] ^= 1
    damaged = tmp_path / "refused-inputs.turns"
    damaged.write_bytes(data)
    last = len(read(damaged)[0]) - 1
    assert difference(damaged, read_module(module_path())) == (
        f"refused-inputs: instance 0, turn {last}: another response"
    )


@pytest.mark.parametrize("cut", [4, 9, 11, 40, -1])
def test_a_session_that_is_cut_off_is_refused_or_ends_between_two_records(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.turns"
    path.write_bytes(SESSIONS[0].read_bytes()[:cut])
    if cut == 9:
        assert read(path) == [[]], "the new instance is whole"
    else:
        with pytest.raises(BadSession, match="cut.turns"):
            read(path)


def test_the_player_of_the_page_plays_the_kit() -> None:
    page = (MODULE.parent / "README.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # the page's own code
    play = names["play"]
    assert callable(play)
    instances: list[Instance] = []

    def new_instance() -> Instance:
        instances.append(Instance(read_module(module_path())))
        return instances[-1]

    for path in SESSIONS[:3]:
        play(path.read_bytes(), new_instance)
    for instance in instances:
        instance.close()
    assert len(instances) >= 3
