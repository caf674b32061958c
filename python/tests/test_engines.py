"""The engines' runner: what it says of an engine that is not there, that fails, or that answers in another way."""

from __future__ import annotations

import json
import sys

import pytest

from conformance.engines import __main__ as runner
from conformance.engines.engines import ENGINES, Engine

FIGURES = {
    "version": "an engine 1.0",
    "compile_ms": 1.0,
    "cached_ms": None,
    "instantiate_ms": 0.5,
    "idle_bytes": 2048,
    "sessions": 1,
    "turns": 2,
    "turns_per_second": 3000,
    "differences": [],
}


def run(monkeypatch: pytest.MonkeyPatch, *engines: Engine) -> int:
    monkeypatch.setattr(runner, "ENGINES", engines)
    monkeypatch.setattr(sys, "argv", ["engines"])
    return runner.main()


def engine(code: str, tools: tuple[str, ...] = ()) -> Engine:
    return Engine("an engine", tools, lambda: [sys.executable, "-c", code])


def test_names_are_unique() -> None:
    assert len({each.name for each in ENGINES}) == len(ENGINES)


def test_an_engine_that_gives_the_same_bytes_has_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, engine(f"print({json.dumps(FIGURES)!r})")) == 0
    assert "| an engine | an engine 1.0 | 1 |  | 0.50 | 3,000 | 2 |" in capsys.readouterr().out


def test_another_response_fails_the_run_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = {**FIGURES, "differences": ["timer.turns: instance 0, turn 4"]}
    assert run(monkeypatch, engine(f"print({json.dumps(figures)!r})")) == 1
    assert "an engine: timer.turns: instance 0, turn 4: another response" in capsys.readouterr().out


def test_a_player_that_fails_is_shown_with_what_it_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, engine("raise SystemExit('it lacks bulk-memory')")) == 1
    assert "it lacks bulk-memory" in capsys.readouterr().out


def test_an_engine_whose_tool_is_not_there_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = engine(f"print({json.dumps(FIGURES)!r})")
    absent = Engine("another", ("no-such-tool",), list)
    assert run(monkeypatch, absent, good) == 0
    assert "another: left out, this machine has no no-such-tool" in capsys.readouterr().out
    assert run(monkeypatch, absent) == 1, "nothing was played"
