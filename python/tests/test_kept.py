"""A trap loses nothing that Core keeps with the host: what the next instance gets, at the level of the envelope."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from corewasm.abi import turn, worker
from corewasm.host.driver import Driver
from corewasm.host.turn_runner import CannotBeOpened
from corewasm.vm import AnswerLost
from fake_core import CallFailed, FakeCore, RecordingSinks, driver_of, resolved
from test_host_calls import until


class ScriptedWorker:
    """Answers a worker's inputs. `tasks` are what polls get, first come first served; the rest wait."""

    def __init__(self, *tasks: bytes, sinks: RecordingSinks | None = None) -> None:
        self.tasks = list(tasks)
        self.core = FakeCore(self.apply)
        self.driver = driver_of(self.core, sinks)

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

    def opening(self) -> turn.Open:
        """The last one."""
        opening: turn.Open = self.core.inputs("open")[-1]
        return opening

    def kept(self) -> dict[bytes, tuple[bytes, bytes]]:
        """What the last opening gave back: state and body by key."""
        return {each.key: (each.state, each.body) for each in self.opening().kept}


def nudge(driver: Driver) -> None:
    driver.submit(turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=1)))


def fallen(scripted: ScriptedWorker) -> turn.Open:
    """The opening after a trap in a turn of its own."""
    scripted.trap_next()
    nudge(scripted.driver)
    return scripted.opening()


async def test_entries_come_back_with_the_bodies_that_they_name() -> None:
    scripted = ScriptedWorker(b"task")
    scripted.open()
    scripted.core.keep = [turn.Keep(key=b"a", state=b"1", input=0), turn.Keep(key=b"b", state=b"2")]
    scripted.driver.submit(turn.Input(undelivered=worker.Undelivered(worker=1, value=b"large")))
    scripted.core.keep = [turn.Keep(key=b"c", state=b"3", value=0)]
    assert await scripted.poll() == b"task"
    fallen(scripted)
    whole = turn.Input(undelivered=worker.Undelivered(worker=1, value=b"large")).SerializeToString()
    assert scripted.kept() == {b"a": (b"1", whole), b"b": (b"2", b""), b"c": (b"3", b"task")}


async def test_entries_are_replaced_changed_and_forgotten() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    for keep, forget in (
        ([turn.Keep(key=key, state=b"1", input=0) for key in (b"a", b"b", b"c")], []),
        ([turn.Keep(key=b"a", state=b"2", unchanged=True), turn.Keep(key=b"b", state=b"2")], [b"c", b"never there"]),
    ):
        scripted.core.keep, scripted.core.forget = keep, forget
        nudge(scripted.driver)
    fallen(scripted)
    first = turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=1)).SerializeToString()
    assert scripted.kept() == {b"a": (b"2", first), b"b": (b"2", b"")}


async def test_what_a_trapped_turn_would_have_kept_is_not() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    scripted.core.keep = [turn.Keep(key=b"a", state=b"1")]
    fallen(scripted)
    assert not scripted.kept()
    assert fallen(scripted).kept[0].key == b"a", "kept by the opening of the one before"


async def test_unanswered_calls_come_with_the_opening_and_answered_ones_do_not() -> None:
    scripted = ScriptedWorker(b"task")
    scripted.open()
    await scripted.poll()
    pending = scripted.poll(worker.ACTIVITY)
    fallen(scripted)
    (first,) = [batch for batch in scripted.core.turns if batch[0].HasField("open")][1:]
    assert [(each.WhichOneof("kind"), each.repetition) for each in first] == [
        ("open", turn.Input.FIRST),
        ("worker_poll", turn.Input.UNANSWERED),
    ]
    scripted.tasks.append(b"late")
    fallen(scripted)
    assert await pending == b"late"


async def test_inputs_of_the_trapped_turn_come_again_one_by_one() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    scripted.trap_next()
    bodies = [b"1", b"2"]
    scripted.driver.submit(
        *(turn.Input(worker_heartbeat=worker.WorkerHeartbeat(worker=1, body=body)) for body in bodies)
    )
    last = scripted.core.turns[-2:]
    assert [[(each.worker_heartbeat.body, each.repetition) for each in batch] for batch in last] == [
        [(b"1", turn.Input.TRAPPED)],
        [(b"2", turn.Input.TRAPPED)],
    ]
    assert not scripted.opening().trapped.alone, "there were two"


async def test_the_input_that_was_alone_is_named_and_whether_it_had_trapped_before() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    done = len(scripted.core.turns)
    scripted.core.trap_at = {done + 1, done + 3}
    nudge(scripted.driver)
    alone = [turn.Input.FromString(each.trapped.alone) for each in scripted.core.inputs("open")[1:]]
    assert [each.WhichOneof("kind") for each in alone] == ["worker_heartbeat"] * 2
    assert [each.repetition for each in alone] == [turn.Input.FIRST, turn.Input.TRAPPED]
    assert scripted.core.turns[-1][0].repetition == turn.Input.TRAPPED, "Core says what becomes of it"


async def test_an_opening_that_traps_is_tried_again_and_blames_nobody() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    pending = scripted.poll()
    scripted.trap_next(2)
    nudge(scripted.driver)
    assert not scripted.opening().trapped.alone
    assert [each.WhichOneof("kind") for batch in scripted.core.turns[-2:] for each in batch] == [
        "open", "worker_poll", "worker_heartbeat",
    ]  # fmt: skip
    scripted.tasks.append(b"late")
    fallen(scripted)
    assert await pending == b"late"


async def test_openings_that_all_trap_end_with_the_reason_and_nobody_waits() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    pending = scripted.poll()
    scripted.trap_next(1000)
    with pytest.raises(CannotBeOpened, match="a test wants it"):
        nudge(scripted.driver)
    with pytest.raises(RuntimeError, match=r"cannot go on.*5 instances of Core trapped"):
        await asyncio.wait_for(pending, 20)
    assert len(scripted.core.turns) < 50
    with pytest.raises(CannotBeOpened):
        await asyncio.wait_for(scripted.poll(), 20)


async def test_the_last_traps_are_told_with_their_times_and_texts() -> None:
    scripted = ScriptedWorker()
    scripted.open()
    for _ in range(4):
        trapped = fallen(scripted).trapped
    assert "a test wants it" in trapped.text
    assert len(trapped.at_ns) == 3
    assert sorted(trapped.at_ns) == list(trapped.at_ns)


def test_a_lost_answer_is_no_trap() -> None:
    class Losing(FakeCore):
        def turn(self, request: bytes) -> bytes:
            if len(self.turns) + 1 in self.trap_at:
                self.turns.append([])
                raise AnswerLost("a test wants it")
            return super().turn(request)

    core = Losing(lambda _: ())
    driver = driver_of(core)
    nudge(driver)
    core.trap_at = {len(core.turns) + 1}
    nudge(driver)
    assert not core.inputs("open")[-1].HasField("trapped")
    assert [each.repetition for each in core.turns[-1]] == [turn.Input.FIRST]


async def test_requests_for_permits_are_taken_back() -> None:
    sinks = RecordingSinks()
    scripted = ScriptedWorker(sinks=sinks)
    scripted.open()
    scripted.core.script = lambda _: [turn.Effect(slot_reserve=worker.SlotReserve(request=7, worker=1))]
    nudge(scripted.driver)
    scripted.core.script = scripted.apply
    fallen(scripted)
    await until(lambda: len(sinks.slot_effects) == 2)
    (_, wanted), (kind, cancelled) = sinks.slot_effects
    assert kind == "slot_reserve_cancel"
    assert cancelled.slot_reserve_cancel.request == wanted.slot_reserve.request
    fallen(scripted)
    assert len(sinks.slot_effects) == 2


async def test_a_permit_that_comes_in_the_trapped_turn_goes_back() -> None:
    sinks = RecordingSinks()
    scripted = ScriptedWorker(sinks=sinks)
    scripted.open()
    scripted.trap_next()
    scripted.driver.submit(turn.Input(slot_reserved=worker.SlotReserved(request=7, permit=3)))
    await until(lambda: bool(sinks.slot_effects))
    assert [(kind, each.slot_release.permit) for kind, each in sinks.slot_effects] == [("slot_release", 3)]


async def test_an_input_that_was_refused_is_not_asked_again() -> None:
    class Refusing(FakeCore):
        def _turn(self, request: turn.TurnRequest) -> turn.TurnResponse:
            response = super()._turn(request)
            for index, each in enumerate(request.inputs):
                if each.HasField("worker_poll"):
                    response.input_errors.add(input_index=index, message="no such worker")
            return response

    core = Refusing(lambda _: ())
    driver = driver_of(core)
    with pytest.raises(CallFailed, match="no such worker"):
        await driver.call(lambda call: turn.Input(worker_poll=worker.WorkerPoll(worker=1, call=call)))
    core.trap_at = {len(core.turns) + 1}
    nudge(driver)
    assert len(core.inputs("worker_poll")) == 1
