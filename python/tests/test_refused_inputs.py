"""What Core refuses (docs/abi.md, Refused inputs) is heard of by whoever waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.host.driver import Driver
from fake_core import CallFailed, FakeCore, driver_of
from test_kept import ScriptedWorker, nudge

Refuse = Callable[[turn.Input], "turn.InputError | None"]
OVERSIZED = turn.InputError(kind=turn.InputError.OVERSIZED, message="the input has 200 bytes, the limit is 100")


class RefusingCore(FakeCore):
    """Refuses what `refuse` has an error for, and does what its script says with the rest."""

    def __init__(self, refuse: Refuse, script: Any = lambda _: ()) -> None:
        super().__init__(script)
        self.refuse = refuse
        self.request_error = ""

    def _turn(self, request: turn.TurnRequest) -> turn.TurnResponse:
        errors = [(index, self.refuse(each)) for index, each in enumerate(request.inputs)]
        taken = turn.TurnRequest(inputs=[request.inputs[index] for index, error in errors if error is None])
        response = super()._turn(taken)
        for index, error in errors:
            if error is not None:
                response.input_errors.add(input_index=index, kind=error.kind, message=error.message)
        if self.request_error:
            response = turn.TurnResponse(request_error=self.request_error)
        return response


def refusing(kind: str, error: turn.InputError = OVERSIZED) -> Refuse:
    return lambda each: error if each.WhichOneof("kind") == kind else None


def answer(body: bytes) -> turn.Input:
    return turn.Input(rpc_result=turn.RpcResult(rpc=7, response=turn.GrpcResponse(body=body)))


def test_answer_that_is_too_large_becomes_the_status_that_native_gives() -> None:
    core = RefusingCore(lambda each: OVERSIZED if each.rpc_result.response.body else None)
    driver_of(core).submit(answer(b"large"))
    (result,) = core.inputs("rpc_result")
    assert (result.rpc, result.status.code, result.status.transport) == (7, 11, False)
    text = "Error, decoded message length too large: found 11 bytes, the limit is: 134217728 bytes"
    assert result.status.message == text


def test_answer_that_is_refused_for_another_reason_fails_its_rpc() -> None:
    error = turn.InputError(kind=turn.InputError.MALFORMED, message="the result holds nothing")
    core = RefusingCore(lambda each: error if each.rpc_result.response.body else None)
    driver_of(core).submit(answer(b"odd"))
    (result,) = core.inputs("rpc_result")
    assert (result.status.code, result.status.message) == (13, "Core refused it: the result holds nothing")


def test_core_that_refuses_even_that_is_not_asked_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    error = turn.InputError(kind=turn.InputError.MALFORMED, message="no")
    driver_of(RefusingCore(refusing("rpc_result", error))).submit(answer(b"odd"))
    assert "Core did not take rpc_result: no" in caplog.text


async def test_request_that_cannot_be_read_fails_all_its_calls() -> None:
    core = RefusingCore(lambda _: None)
    driver = driver_of(core)
    nudge(driver)
    core.request_error = "not a TurnRequest"
    with pytest.raises(CallFailed, match="not a TurnRequest"):
        await poll(driver)


def poll(driver: Driver) -> asyncio.Future[Any]:
    message = worker.WorkerPoll
    return driver.call(lambda call: turn.Input(worker_poll=message(worker=1, kind=worker.WORKFLOW, call=call)))


@pytest.mark.parametrize(
    ("kind", "level"),
    [(turn.InputError.OVERSIZED, "WARNING"), (turn.InputError.BAD_HANDLE, "DEBUG")],
)
def test_loss_is_logged_and_what_came_too_late_is_not(
    kind: turn.InputError.Kind, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    core = RefusingCore(refusing("worker_heartbeat", turn.InputError(kind=kind, message="why")))
    nudge(driver_of(core))
    assert [(each.levelname, each.getMessage()) for each in caplog.records if "did not take" in each.message] == [
        (level, "Core did not take worker_heartbeat: why")
    ]


async def test_refused_inputs_are_not_given_to_the_instance_after_a_trap() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    core = scripted.core
    original = core._turn

    def refuse_second_worker_and_polls(request: turn.TurnRequest) -> turn.TurnResponse:
        response = original(request)
        for index, each in enumerate(request.inputs):
            if each.worker_poll.call or each.worker_open.worker == 2:
                response.input_errors.add(input_index=index, kind=turn.InputError.BAD_STATE, message="no")
        return response

    core._turn = refuse_second_worker_and_polls  # type: ignore[method-assign]
    core.script = lambda _: ()
    with pytest.raises(CallFailed):
        await scripted.poll()
    with pytest.raises(CallFailed):
        scripted.driver.call_now(lambda call: turn.Input(worker_open=worker.WorkerOpen(worker=2, client=1, call=call)))
    core._turn = original  # type: ignore[method-assign]
    asked = len(core.turns)
    scripted.trap_next()
    nudge(scripted.driver)
    reopened = [each for batch in core.turns[asked + 1 :] for each in batch]
    assert [each.WhichOneof("kind") for each in reopened] == ["open", "worker_heartbeat"]
