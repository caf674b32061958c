"""The differential tool finds what differs, and calls nothing the same that proves nothing (section 17)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from conformance.differential import background, deviations, live, replays, report
from conformance.differential.deviations import Deviation
from conformance.differential.report import Compared

HANG = {"error": "not finished; 0 activations, requests []"}


def replayed(*run_ids: str) -> dict[str, Any]:
    messages = [WorkflowActivation(run_id=run_id).SerializeToString() for run_id in run_ids]
    return {"steps": [[base64.b64encode(each).decode(), ""] for each in messages]}


def poll(kind: TaskQueueKind.ValueType, name: str, **fields: Any) -> tuple[str, str]:
    request = PollWorkflowTaskQueueRequest(**fields)
    request.task_queue.kind, request.task_queue.name = kind, name
    return ("PollWorkflowTaskQueue", base64.b64encode(request.SerializeToString()).decode())


def normal(name: str, **fields: Any) -> tuple[str, str]:
    return poll(TaskQueueKind.TASK_QUEUE_KIND_NORMAL, name, **fields)


def sticky(name: str, **fields: Any) -> tuple[str, str]:
    return poll(TaskQueueKind.TASK_QUEUE_KIND_STICKY, name, **fields)


@pytest.mark.parametrize("compare", [replays.compare_results, live.compare_transcripts])
class TestErrors:
    def test_two_runs_that_hang_alike_are_a_difference(self, compare: Any) -> None:
        assert "which is not expected" in next(compare(HANG, HANG))

    def test_an_expected_error_of_both_is_none(self, compare: Any) -> None:
        expected = {**HANG, "expected_error": "not finished"}
        assert list(compare(expected, expected)) == []

    def test_another_error_than_the_expected_one_is_a_difference(self, compare: Any) -> None:
        other = {**HANG, "expected_error": "refused"}
        assert len(list(compare(other, other))) == 1

    def test_an_error_of_one_alone_is_a_difference(self, compare: Any) -> None:
        assert "native ended with success" in next(compare({}, HANG))


def test_an_expected_error_that_does_not_come_is_a_difference() -> None:
    found = replays.compare_results({**replayed("a"), "expected_error": "x"}, replayed("a"))
    assert "expected was x" in next(iter(found))


def test_the_first_activation_that_only_one_core_has_is_named() -> None:
    assert list(replays.compare_results(replayed("a", "b"), replayed("a"))) == [
        'activation 1: only native has it: run_id: "b"'
    ]


def test_polls_are_compared_as_a_set() -> None:
    ours = [sticky("random-2"), normal("queue"), normal("queue")]
    assert list(background.compare_background([normal("queue"), sticky("random-1")], ours)) == []


def test_a_poll_of_one_core_alone_is_told_with_what_is_nearest() -> None:
    found = list(background.compare_background([normal("queue")], [normal("other")]))
    assert len(found) == 2
    assert found[0].endswith("nearest: task_queue.name: native 'queue', corewasm 'other'")


def test_a_poll_of_a_kind_that_the_other_core_never_makes_is_a_difference() -> None:
    found = list(background.compare_background([normal("queue")], [normal("queue"), sticky("random")]))
    assert len(found) == 1
    assert found[0].startswith("PollWorkflowTaskQueue: only corewasm sent")


def test_a_masked_field_may_differ_but_not_be_absent() -> None:
    assert list(background.compare_background([normal("q", identity="1")], [normal("q", identity="2")])) == []
    assert list(background.compare_background([normal("q", identity="1")], [normal("q")])) != []


def judged(kind: str, native: dict[str, Any], ours: dict[str, Any], again: dict[str, Any]) -> Compared:
    entry = Deviation("it", kind, "why")
    found = Compared("it", list(replays.compare_results(native, ours)))
    return deviations.judge(found, (native, ours), entry, lambda _: again, replays.compare_results)


class TestDeviations:
    def test_native_that_hangs_may_be_left(self) -> None:
        assert judged("hangs", HANG, replayed("a"), HANG).deviation == "why"

    def test_native_that_does_not_hang_may_not(self) -> None:
        found = judged("hangs", replayed("a"), replayed("b"), replayed("a"))
        assert found.deviation is None
        assert "listed because native hangs, but it does not" in found.differences

    def test_a_panic_is_another_thing_than_a_hang(self) -> None:
        assert judged("panics", HANG, replayed("a"), HANG).deviation is None
        assert judged("panics", {"error": "a thread panicked"}, replayed("a"), HANG).deviation == "why"

    def test_two_native_runs_that_differ_prove_nondeterminism(self) -> None:
        assert judged("nondeterministic", replayed("a"), replayed("b"), replayed("c")).deviation == "why"
        assert judged("nondeterministic", replayed("a"), replayed("a"), replayed("c")).deviation == "why"

    def test_native_runs_that_are_the_same_prove_none(self) -> None:
        found = judged("nondeterministic", replayed("a"), replayed("b"), replayed("a"))
        assert found.deviation is None
        assert "5 native runs are the same" in found.differences[0]

    def test_a_name_that_nothing_has_fails(self) -> None:
        assert [each.name for each in deviations.unknown(["there", "gone"], ["there"])] == ["gone"]

    def test_an_entry_without_a_reason_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "deviations.json"
        file.write_text('{"live": {"it": {"kind": "hangs", "reason": ""}}}')
        with pytest.raises(deviations.BadDeviation, match="it: an entry has a reason"):
            deviations.load("live", file)

    @pytest.mark.parametrize("direction", ["replay", "live"])
    def test_the_list_can_be_read(self, direction: str) -> None:
        assert all(entry.reason for entry in deviations.load(direction).values())


class TestReport:
    def show(self, *compared: Compared, listed: int = 0) -> int:
        return report.show(compared, 1, listed, quiet=False)

    def test_the_length_of_the_list_is_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.show(Compared("a"), Compared("b", ["x"], "why"), listed=1) == 0
        expected = "2 compared, 0 with differences, 1 deviate as listed (length of the list: 1)"
        assert capsys.readouterr().out.splitlines()[-1] == expected

    def test_a_difference_fails_the_run_and_is_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.show(Compared("a", ["x", "y"])) == 1
        assert "differs   a\n    x\n    and 1 more\n" in capsys.readouterr().out

    def test_nothing_compared_is_no_success(self) -> None:
        assert self.show() == 1
