"""`corewasm replay --compare` answers "is my workflow safe to move?" as a new user meets it (section 12: replay)."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from typer.testing import CliRunner, Result

from conformance.histories.builder import HistoryBuilder
from conformance.histories.small import HISTORIES
from corewasm.cli.main import app
from corewasm.compare import compare_replays
from corewasm.compare.compare_replays import ReplayFailed, Verdict

# Histories' timers last a second; what is printed on import must not mix with results.
WORKFLOWS = """
from temporalio import workflow

print("this module talks")

@workflow.defn
class Measured:
    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(1)

@workflow.defn
class Second:
    @workflow.run
    async def run(self) -> None:
        pass

Alias = Measured
"""
CHANGED = WORKFLOWS.replace("await workflow.sleep(1)", "pass")
TWICE = WORKFLOWS.replace("@workflow.defn\nclass Second", "@workflow.defn(name='Measured')\nclass Second")
LOOP = ["for _ in range(1500):", "    await workflow.sleep(1)"]


def as_the_ui_exports(builder: HistoryBuilder) -> str:
    return WorkflowHistory("it", list(builder.history.events)).to_json()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a workflow file and two histories."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_workflows.py").write_text(WORKFLOWS)
    (tmp_path / "timer.json").write_text(as_the_ui_exports(HISTORIES["timer-fires"]()))
    return tmp_path


def replay(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", *arguments])


def test_a_workflow_that_is_safe_to_move() -> None:
    result = replay("--compare", "my_workflows.py", "timer.json")
    assert result.output.splitlines() == [
        "same     timer.json, 3 activations",
        "1 history gives the same activations on both Cores: safe to move",
    ]
    assert result.exit_code == 0


def test_several_workflows_in_a_file_and_histories_in_folders(folder: Path) -> None:
    (folder / "more").mkdir()
    second = HistoryBuilder("Second")
    second.task()
    second.workflow_completed()
    (folder / "more" / "second.bin").write_bytes(second.serialized())
    result = replay("--compare", "my_workflows.py", "timer.json", "more")
    assert result.exit_code == 0, result.output
    assert "same     more/second.bin, 2 activations" in result.output
    assert "2 histories give the same activations" in result.output


def test_code_that_does_not_fit_fails_on_both_cores_with_a_readable_reason(folder: Path) -> None:
    (folder / "my_workflows.py").write_text(CHANGED)
    result = replay("--compare", "my_workflows.py", "timer.json")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "fails    timer.json (on both Cores alike)"
    assert lines[1].strip().startswith("[TMPRL1100] Nondeterminism error: ")
    assert lines[2] == "1 of 1 do not replay: this code does not fit them, on any Core"


def test_a_history_of_a_foreign_workflow_type(folder: Path) -> None:
    (folder / "my_workflows.py").write_text(WORKFLOWS.replace("Measured", "Other"))
    result = replay("my_workflows.py", "timer.json")
    assert result.exit_code == 1
    assert "Workflow class Measured is not registered on this worker" in result.output


@pytest.mark.parametrize(("told", "file"), [("order-7", "any-name.json"), ("", "order-7.json")])
def test_a_workflow_has_the_id_it_ran_with(folder: Path, told: str, file: str) -> None:
    """By its first event; older servers did not write it there: then by the file's name."""
    wait = "if workflow.info().workflow_id == 'order-7':\n            await workflow.sleep(1)"
    (folder / "my_workflows.py").write_text(WORKFLOWS.replace("await workflow.sleep(1)", wait))
    builder = HISTORIES["timer-fires"]()
    builder.history.events[0].workflow_execution_started_event_attributes.workflow_id = told
    (folder / file).write_text(as_the_ui_exports(builder))
    result = replay("--compare", "my_workflows.py", file)
    assert result.output.splitlines()[0] == f"same     {file}, 3 activations"


def test_a_run_that_waits_for_its_task(folder: Path) -> None:
    """The open task is the worker's own: both Cores' processes count as one build."""
    builder = HistoryBuilder("Measured")
    builder.task()
    builder.timer_fired(1, builder.timer_started(1))
    builder.task_started()
    (folder / "open.json").write_text(as_the_ui_exports(builder))
    result = replay("--compare", "my_workflows.py", "open.json")
    assert result.output.splitlines()[0] == "same     open.json, 3 activations"


def test_our_core_alone() -> None:
    result = replay("my_workflows.py", "timer.json")
    assert result.output.splitlines() == ["ok       timer.json, 3 activations", "1 history replays"]
    assert result.exit_code == 0


def test_a_file_in_a_package_may_import_its_neighbours(folder: Path) -> None:
    package = folder / "app"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "times.py").write_text("SECOND = 1\n")
    text = WORKFLOWS.replace("sleep(1)", "sleep(SECOND)")
    (package / "workflows.py").write_text(f"from .times import SECOND\n{text}")
    result = replay("app/workflows.py", "timer.json")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("broken.py", "import no_such_module\n", "broken.py could not be imported: ModuleNotFoundError"),
        ("empty.py", "\n", "empty.py defines no class with @workflow.defn"),
        ("notes.txt", "hello\n", "notes.txt could not be imported: ImportError: it is no Python file"),
        ("twice.py", TWICE, "twice.py has two workflows named Measured"),
    ],
)
def test_a_workflow_file_that_can_not_be_used(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text)
    result = replay(name, "timer.json")
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("text", ["{", '{"some": "thing"}'])
def test_a_file_that_holds_no_history(folder: Path, text: str) -> None:
    (folder / "bad.json").write_text(text)
    result = replay("my_workflows.py", "timer.json", "bad.json")
    assert result.exit_code == 2
    assert "bad.json holds no workflow history" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("arguments", [("no.py", "timer.json"), ("my_workflows.py", "no.json")])
def test_a_path_that_does_not_exist(arguments: tuple[str, str]) -> None:
    result = replay(*arguments)
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_a_folder_without_histories(folder: Path) -> None:
    (folder / "nothing").mkdir()
    result = replay("my_workflows.py", "nothing")
    assert result.exit_code == 2
    assert "no history (.json or .bin) in nothing" in result.output


def test_a_difference_is_shown_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "activation 2 (up to event 7), jobs[0].fire_timer.seq: native 1, corewasm 2"
    verdicts = [Verdict("a.json", 3, text, None, None), Verdict("b.json", 3, None, None, None)]
    monkeypatch.setattr("corewasm.cli.replay.compare", lambda *_: iter(verdicts))
    result = replay("--compare", "my_workflows.py", "timer.json")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "differs  a.json",
        f"         {text}",
        "same     b.json, 3 activations",
        "1 of 2 differ: keep these workflows on native Core, and please report them",
    ]


def test_a_core_that_crashes_is_no_success(folder: Path) -> None:
    (folder / "my_workflows.py").write_text("import os\nos._exit(7)\n")
    with pytest.raises(ReplayFailed, match="the replay on native ended with status 7"):
        list(compare_replays.compare(folder / "my_workflows.py", [folder / "timer.json"]))
    assert replay("my_workflows.py", "timer.json").exit_code == 2


def test_progress_names_the_event_of_a_long_history(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = HistoryBuilder("Measured")
    builder.task()
    for number in range(1, 1501):
        builder.timer_fired(number, builder.timer_started(number))
        builder.task()
    builder.workflow_completed()
    looping = WORKFLOWS.replace("await workflow.sleep(1)", "\n        ".join(LOOP))
    (folder / "my_workflows.py").write_text(looping)
    (folder / "long.bin").write_bytes(builder.serialized())
    seen: list[tuple[str, int, int]] = []
    verdicts = compare_replays.compare(
        folder / "my_workflows.py", [folder / "long.bin"], lambda *news: seen.append(news)
    )
    assert [each.difference or each.native_failure for each in verdicts] == [None]
    assert {core for core, _, _ in seen} == {"native", "corewasm"}
    assert all(0 < event <= of == len(builder) for _, event, of in seen)


def test_the_help_teaches() -> None:
    words = " ".join(replay("--help").output.split())
    for taught in ("temporal workflow show", "--compare my_workflows.py history.json", "Exit status: 0", "web UI"):
        assert taught in words
