"""A trap loses nothing: what a new instance is told, at the level of inputs and effects."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.host import glimpse_pb2 as glimpse
from corewasm.host.driver import Driver
from fake_core import CallFailed, FakeCore, RecordingSinks, driver_of, resolved
from test_host_calls import until

WORKFLOW_TASK = glimpse.WorkflowTask(
    task_token=b"token", workflow_execution=glimpse.WorkflowTask.Execution(run_id="run-1")
).SerializeToString()
SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"


def activation(run_id: str, evict: bool = False) -> bytes:
    jobs = [glimpse.Activation.Job(remove_from_cache=b"")] if evict else []
    return glimpse.Activation(run_id=run_id, jobs=jobs).SerializeToString()


def activity(token: bytes) -> bytes:
    return glimpse.ActivityTask(task_token=token, start=b"").SerializeToString()


class ScriptedWorker:
    """Answers a worker's inputs. `tasks` are what polls get, first come first served; the rest wait."""

    def __init__(self, *tasks: bytes, sinks: RecordingSinks | None = None) -> None:
        self.tasks = list(tasks)
        self.core = FakeCore(self.apply)
        self.driver = driver_of(self.core, sinks)
        self.trap_on: list[str] = []

    def apply(self, each: turn.Input) -> Iterable[turn.Effect]:
        kind = each.WhichOneof("kind") or ""
        if kind in ("worker_open", "client_connect", "worker_complete"):
            yield resolved(getattr(each, kind).call)
        if kind == "worker_poll" and self.tasks:
            yield resolved(each.worker_poll.call, self.tasks.pop(0))

    def open(self) -> None:
        self.driver.call_now(lambda call: turn.Input(client_connect=turn.ClientConnect(client=1, call=call)))
        self.driver.call_now(lambda call: turn.Input(worker_open=worker.WorkerOpen(worker=1, client=1, call=call)))

    def poll(self, kind: worker.TaskKind = worker.WORKFLOW) -> asyncio.Future[Any]:
        return self.driver.call(lambda call: turn.Input(worker_poll=worker.WorkerPoll(worker=1, kind=kind, call=call)))

    def complete(self, body: bytes, kind: worker.TaskKind = worker.WORKFLOW) -> asyncio.Future[Any]:
        message = worker.WorkerComplete
        return self.driver.call(
            lambda call: turn.Input(worker_complete=message(worker=1, kind=kind, call=call, body=body))
        )

    def trap_next(self, count: int = 1) -> None:
        done = len(self.core.turns)
        self.core.trap_at = set(range(done + 1, done + 1 + count))

    def ledger(self) -> worker.WorkerLedger:
        """What the last reopening said."""
        (opening, *_) = reversed(self.core.inputs("worker_open"))
        return opening.ledger


def nudge(driver: Driver) -> None:
    driver.submit(turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=1)))


async def test_clients_are_adopted_and_workers_reopened_before_anything_else() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    scripted.driver.submit(
        turn.Input(client_update_api_key=turn.ClientUpdateApiKey(client=1, api_key="new")),
        turn.Input(worker_initiate_shutdown=worker.WorkerInitiateShutdown(worker=1)),
    )
    scripted.trap_next()
    nudge(scripted.driver)
    first = scripted.core.turns[-2]
    assert [each.WhichOneof("kind") for each in first] == ["open", "client_connect", "worker_open"]
    assert first[1].client_connect.adopt
    assert first[1].client_connect.config.api_key == "new"
    assert first[2].worker_open.ledger.shutdown_initiated


async def test_held_runs_are_told_with_what_is_outstanding() -> None:
    scripted = ScriptedWorker(activation("a"), activation("b"), activation("c"), activation("c", evict=True))
    scripted.open()
    for run in ("a", "b", "c", "c"):
        await scripted.poll()
        if run != "a":
            await scripted.complete(glimpse.ActivationCompletion(run_id=run).SerializeToString())
    scripted.trap_next()
    nudge(scripted.driver)
    assert [(run.run_id, run.activation_outstanding) for run in scripted.ledger().runs] == [("a", True), ("b", False)]


async def test_activity_tasks_out_are_told_until_they_are_completed() -> None:
    scripted = ScriptedWorker(activity(b"1"), activity(b"2"))
    scripted.open()
    await scripted.poll(worker.ACTIVITY)
    await scripted.poll(worker.ACTIVITY)
    await scripted.complete(glimpse.TaskCompletion(task_token=b"1").SerializeToString(), worker.ACTIVITY)
    scripted.trap_next()
    nudge(scripted.driver)
    assert list(scripted.ledger().activity_tasks) == [activity(b"2")]


async def test_pending_polls_are_asked_again_and_answered() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    waiting = scripted.poll()
    scripted.trap_next()
    scripted.tasks.append(activation("late"))
    nudge(scripted.driver)
    assert await waiting == activation("late")


async def test_inputs_of_the_trapped_turn_are_given_again_one_by_one() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    scripted.trap_next()
    beats = [turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=1, body=bytes([n]))) for n in range(3)]
    scripted.driver.submit(*beats)
    assert [len(batch) for batch in scripted.core.turns[-4:]] == [3, 1, 1, 1]
    assert [batch[0].worker_heartbeat.body for batch in scripted.core.turns[-3:]] == [b"\0", b"\1", b"\2"]


async def test_lone_culprit_is_not_given_again_and_its_run_fails_on_the_server() -> None:
    scripted = ScriptedWorker(activation("bad"))
    scripted.open()
    await scripted.poll()
    scripted.trap_next()
    await scripted.complete(glimpse.ActivationCompletion(run_id="bad").SerializeToString())
    assert scripted.ledger().trapped_run_id == "bad"
    assert scripted.ledger().panic_text == "a test wants it"
    assert len(scripted.core.inputs("worker_complete")) == 1


async def test_culprit_without_a_run_is_given_again_once_and_then_fails_its_call() -> None:
    scripted = ScriptedWorker(activity(b"1"))
    scripted.open()
    await scripted.poll(worker.ACTIVITY)
    done = len(scripted.core.turns)
    scripted.core.trap_at = {done + 1, done + 3}
    with pytest.raises(CallFailed, match="a test wants it"):
        await scripted.complete(glimpse.TaskCompletion(task_token=b"1").SerializeToString(), worker.ACTIVITY)
    assert len(scripted.core.inputs("worker_complete")) == 2
    assert list(scripted.ledger().activity_tasks) == []


async def test_three_traps_in_a_minute_fail_the_worker() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    waiting = scripted.poll()
    for _ in range(3):
        scripted.trap_next()
        nudge(scripted.driver)
    with pytest.raises(CallFailed, match="Core failed 3 times within a minute.*a test wants it"):
        await waiting
    assert "worker_open" not in [each.WhichOneof("kind") for each in scripted.core.turns[-1]]


def begun_rpc(scripted: ScriptedWorker, rpc: int, method: str, body: bytes = b"") -> None:
    """Makes Core begin an RPC for its worker."""
    scripted.driver.rpcs.start = lambda *_: None  # type: ignore[method-assign]  # the test answers, nobody else
    start = turn.RpcStart(rpc=rpc, client=1, worker=1, uri=SERVICE + method, body=body, timeout_ns=10**9)
    scripted.core.script = lambda _: [turn.Effect(rpc_start=start)]
    nudge(scripted.driver)
    scripted.core.script = scripted.apply


def response(rpc: int, body: bytes) -> turn.Input:
    return turn.Input(rpc_result=turn.RpcResult(rpc=rpc, response=turn.GrpcResponse(body=body)))


async def test_workflow_tasks_not_answered_are_taken_again() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    begun_rpc(scripted, 1, "PollWorkflowTaskQueue")
    scripted.driver.submit(response(1, WORKFLOW_TASK))
    scripted.trap_next()
    nudge(scripted.driver)
    assert list(scripted.ledger().workflow_tasks) == [WORKFLOW_TASK]
    answer = glimpse.WorkflowTaskAnswer(task_token=b"token").SerializeToString()
    begun_rpc(scripted, 2, "RespondWorkflowTaskCompleted", answer)
    scripted.trap_next()
    nudge(scripted.driver)
    assert list(scripted.ledger().workflow_tasks) == []


async def test_poll_answer_whose_turn_trapped_fails_that_runs_task() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    begun_rpc(scripted, 1, "PollWorkflowTaskQueue")
    scripted.trap_next()
    scripted.driver.submit(response(1, WORKFLOW_TASK))
    assert scripted.ledger().trapped_run_id == "run-1"


async def test_poll_answer_beside_a_trap_is_taken_as_an_orphan() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    begun_rpc(scripted, 1, "PollWorkflowTaskQueue")
    scripted.trap_next()
    beat = turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=1))
    scripted.driver.submit(response(1, WORKFLOW_TASK), beat)
    (orphan,) = scripted.core.inputs("orphaned_rpc_result")
    assert (orphan.worker, orphan.uri) == (1, SERVICE + "PollWorkflowTaskQueue")
    assert orphan.result.response.body == WORKFLOW_TASK


async def test_activity_polled_but_not_given_to_lang_yet_comes_again() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    begun_rpc(scripted, 1, "PollActivityTaskQueue")
    polled = glimpse.PolledTask(task_token=b"t").SerializeToString()
    scripted.driver.submit(response(1, polled))
    scripted.trap_next()
    nudge(scripted.driver)
    (orphan,) = scripted.core.inputs("orphaned_rpc_result")
    assert orphan.result.response.body == polled


async def test_permits_in_use_are_told_until_released() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    wanted = worker.SlotReserve(request=7, worker=1, context=worker.SlotReserveContext(kind=worker.NEXUS_SLOT))
    scripted.core.script = lambda _: [turn.Effect(slot_reserve=wanted)]
    nudge(scripted.driver)
    scripted.core.script = scripted.apply
    scripted.driver.submit(turn.Input(slot_reserved=worker.SlotReserved(request=7, permit=3)))
    scripted.trap_next()
    nudge(scripted.driver)
    assert [(permit.permit, permit.kind) for permit in scripted.ledger().permits] == [(3, worker.NEXUS_SLOT)]


async def test_a_permit_that_crossed_its_cancellation_goes_back_if_its_turn_traps() -> None:
    sinks = RecordingSinks()
    scripted = ScriptedWorker(sinks=sinks)
    scripted.open()
    scripted.trap_next()
    scripted.driver.submit(turn.Input(slot_reserved=worker.SlotReserved(request=7, permit=3)))
    await until(lambda: bool(sinks.slot_effects))
    assert [(kind, each.slot_release.permit) for kind, each in sinks.slot_effects] == [("slot_release", 3)]
    assert not scripted.ledger().permits


async def test_calls_of_clients_are_asked_again_only_if_they_may_be_retried() -> None:
    scripted = ScriptedWorker()
    scripted.open()

    def ask(retry: bool) -> asyncio.Future[Any]:
        message = turn.ClientCall
        return scripted.driver.call(lambda call: turn.Input(client_call=message(client=1, call=call, retry=retry)))

    once, retried = ask(False), ask(True)
    scripted.trap_next()
    nudge(scripted.driver)
    with pytest.raises(CallFailed, match="Core was restarted during the call"):
        await once
    assert not retried.done()
    assert [each.retry for each in scripted.core.inputs("client_call")] == [False, True, True]


async def test_lone_poll_that_trapped_is_asked_again() -> None:
    scripted = ScriptedWorker(activation("a"))
    scripted.open()
    scripted.trap_next()
    assert await scripted.poll() == activation("a")


def test_a_replay_workers_completion_that_traps_is_answered() -> None:
    scripted = ScriptedWorker()
    scripted.driver.submit(turn.Input(worker_drop=worker.WorkerDrop(worker=9)))
    body = glimpse.ActivationCompletion(run_id="run-1").SerializeToString()

    async def completed() -> None:
        for _ in range(2):
            scripted.trap_next()
            await asyncio.wait_for(scripted.complete(body), 20)

    asyncio.run(completed())
    assert scripted.driver._runner.instance_number == 2
