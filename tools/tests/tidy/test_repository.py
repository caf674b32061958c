"""The repository follows its house rules."""

from __future__ import annotations

import json

import pytest

from tools.cache import ROOT
from tools.tidy import crates, pages, papers, sizes, words, wrap
from tools.tidy.tree import SourceFile, repository_files


@pytest.fixture(scope="module")
def files() -> list[SourceFile]:
    return repository_files(ROOT)


def expect_none(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(problems)


def test_sizes_stay_within_their_limits(files: list[SourceFile]) -> None:
    ratchet = json.loads((ROOT / "tools" / "tidy" / "ratchet.json").read_text())
    expect_none(sizes.against_ratchet(list(sizes.excesses(files)), ratchet))


def test_crates_depend_on_each_other_one_way() -> None:
    expect_none(crates.graph_problems(crates.workspace_dependencies(ROOT)))


def test_only_the_worker_sees_the_engines_insides(files: list[SourceFile]) -> None:
    expect_none(crates.engine_insides_problems(files))


def test_effects_are_constructed_in_host_alone(files: list[SourceFile]) -> None:
    expect_none(crates.effect_problems(files))


def test_unsafe_code_stands_in_abi_alone(files: list[SourceFile]) -> None:
    expect_none(crates.unsafe_problems(files))


def test_every_state_machine_shows_its_table(files: list[SourceFile]) -> None:
    expect_none(crates.machine_problems(files))


def test_every_state_machine_tries_all_pairs_of_state_and_input(files: list[SourceFile]) -> None:
    expect_none(crates.machine_test_problems(files))


def test_no_file_names_a_path_of_one_machine(files: list[SourceFile]) -> None:
    expect_none(words.machine_path_problems(files))


def test_nothing_is_left_for_later(files: list[SourceFile]) -> None:
    expect_none(words.left_for_later_problems(files))


def test_decision_records_are_numbered_and_complete() -> None:
    expect_none(papers.adr_problems(ROOT / "docs" / "adr"))


def test_the_changelog_tells_what_is_unreleased() -> None:
    expect_none(papers.changelog_problems(ROOT / "CHANGELOG.md"))


def test_prose_fills_its_lines(files: list[SourceFile]) -> None:
    expect_none(wrap.unfilled_problems(files))


def test_links_between_pages_lead_somewhere(files: list[SourceFile]) -> None:
    expect_none(pages.link_problems(files))


def test_every_invariant_names_a_test_that_exists(files: list[SourceFile]) -> None:
    expect_none(pages.named_test_problems(files))


def test_what_pure_crates_may_not_touch_is_banned(files: list[SourceFile]) -> None:
    expect_none(crates.ban_problems((ROOT / "clippy.toml").read_text(), (ROOT / "Cargo.toml").read_text()))
