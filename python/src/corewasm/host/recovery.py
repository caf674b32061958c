"""What a new instance of Core must be told after a trap, so that nothing is lost.

The driver reports every turn here, under its turn lock. Inputs count once their turn ended well. After a trap:

- clients are adopted, workers reopened with their ledgers, polls and other unanswered calls asked again, in one turn;
- then each input of the turn that trapped is given again, in a turn of its own: a second trap names the culprit;
- the culprit is not given again. Its call fails with the text, or, if it is about a workflow run, that run's workflow
  task does, and that at its first trap if it was alone in its turn;
- a poll or a call brings nothing that could trap by itself: it is no culprit;
- the third trap within a minute fails the culprit's worker, or all workers if nobody knows whose it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corewasm.abi import turn, worker
from corewasm.host.ledger import Ledger, run_of_completion, run_of_workflow_task
from corewasm.host.task_inputs import AnyInput, CompleteInput, PollInput, TaskInput, as_message
from corewasm.vm import CoreTrap

_TRAPS, _WITHIN_SECONDS = 3, 60.0
_UNAVAILABLE = 14
_DROPPED = ("open", "resource_sample")
_BRINGS_NOTHING = ("worker_poll", "worker_validate", "worker_finalize_shutdown", "client_call", "client_connect")


@dataclass
class Recovered:
    """`groups` are the first turns of the new instance; `effects` are what the old one would still have done."""

    groups: list[list[turn.Input]] = field(default_factory=list)
    effects: list[turn.Effect] = field(default_factory=list)

    def answer(self, answer: turn.CallResolved) -> None:
        """A call that the host answers itself."""
        self.effects.append(turn.Effect(call_resolved=answer))


@dataclass(frozen=True)
class _Culprit:
    """The one input that a trapped turn had."""

    input: turn.Input
    worker: int = 0
    run_id: str = ""


class Recovery:
    """The account of one runtime's instance."""

    def __init__(self, opening: turn.Open) -> None:
        self._opening = opening
        self._clients: dict[int, turn.ClientConnect] = {}
        self._ledgers: dict[int, Ledger] = {}
        self._calls: dict[int, turn.Input] = {}
        self._tasks: dict[int, TaskInput] = {}
        self._rpcs: dict[int, tuple[int, str]] = {}
        self._requests: dict[int, tuple[int, worker.SlotKind]] = {}
        self._batch: Sequence[AnyInput] = ()
        self._reopening = False
        self._inputs_noted = False
        self._given_again: list[turn.Input] = []
        self._traps: deque[float] = deque(maxlen=_TRAPS)
        self._on_input = self._input_handlers()
        self._on_effect = self._effect_handlers()

    def copy(self) -> Recovery:
        """An account that goes its own way from here. Messages are shared: only headers in them are ever changed."""
        other = Recovery(self._opening)
        other._clients, other._calls, other._tasks = dict(self._clients), dict(self._calls), dict(self._tasks)
        other._ledgers = {handle: ledger.copy() for handle, ledger in self._ledgers.items()}
        other._rpcs, other._requests = dict(self._rpcs), dict(self._requests)
        other._batch, other._reopening, other._given_again = self._batch, self._reopening, list(self._given_again)
        other._traps = self._traps.copy()
        return other

    def began(self, batch: Sequence[AnyInput], reopening: bool = False) -> None:
        """These inputs are about to be given to Core. `reopening`: they are a first group of `after_trap`."""
        self._batch = batch
        self._reopening = reopening
        self._inputs_noted = False

    def finished(self, effects: Sequence[tuple[str, turn.Effect]], refused: Mapping[int, object] | None = None) -> None:
        """The turn ended well, with these effects: each with its kind.

        `refused` are the places in the batch of inputs that Core did not take. Whoever is interrupted in here calls it
        again: to take all inputs again is harmless until the first effect was taken, and all effects at any time.
        """
        batch = self._batch
        if not self._inputs_noted:
            for index, each in enumerate(batch):
                if refused and index in refused:
                    self._forget(each)
                elif isinstance(each, TaskInput):
                    self._tasks[each.call] = each
                else:
                    self._note(each)
            self._inputs_noted = True
        if self._given_again:
            self._given_again = [each for each in self._given_again if all(each is not done for done in batch)]
        for kind, effect in effects:
            if kind == "call_resolved":  # most are
                self._call_resolved(effect.call_resolved)
            elif kind in self._on_effect:
                self._on_effect[kind](getattr(effect, kind))

    def after_trap(self, trap: CoreTrap, now: float, *, counts: bool = True) -> Recovered:
        """What the new instance begins with. `now` in seconds. One that does not count has no culprit."""
        if counts:
            self._traps.append(now)
        self._calls = {call: as_message(each) for call, each in sorted((self._calls | self._tasks).items())}
        self._tasks.clear()
        given = map(as_message, () if self._reopening else self._batch)
        recovered = Recovered()
        batch = [each for each in given if self._is_wanted(each, recovered)]
        too_often = counts and len(self._traps) == _TRAPS and now - self._traps[0] <= _WITHIN_SECONDS
        culprit = self._culprit(batch[0]) if counts and len(batch) == 1 else None
        if culprit is not None and not (too_often or self._is_certain(culprit)):
            culprit = None
        self._take_back_requests(recovered)
        if too_often:
            self._fail_workers(recovered, culprit, trap)
        if culprit is not None:
            self._settle_culprit(recovered, culprit, trap)
        recovered.groups.append(self._first_turn(recovered, culprit, trap))
        if culprit is None:
            again = [each for each in map(self._again, batch) if each is not None]
            self._given_again += again
            recovered.groups += [[each] for each in again]
        self._rpcs.clear()
        return recovered

    def _is_certain(self, suspect: _Culprit) -> bool:
        if _kind(suspect.input) in _BRINGS_NOTHING:
            return False
        return bool(suspect.run_id) or any(each is suspect.input for each in self._given_again)

    def _is_wanted(self, each: turn.Input, recovered: Recovered) -> bool:
        """A permit that was just given is not input for another instance, but one more permit that is out.

        If nobody wanted it any more, it goes back.
        """
        kind = _kind(each)
        if kind == "slot_reserved":
            self._slot_reserved(each.slot_reserved)
            permit = each.slot_reserved.permit
            if permit and not any(permit in ledger.permits() for ledger in self._ledgers.values()):
                recovered.effects.append(turn.Effect(slot_release=worker.SlotRelease(permit=permit)))
        return kind not in (*_DROPPED, "slot_reserved")

    def _take_back_requests(self, recovered: Recovered) -> None:
        """The new instance asks for the permits that it wants."""
        for request in self._requests:
            cancel = worker.SlotReserveCancel(request=request)
            recovered.effects.append(turn.Effect(slot_reserve_cancel=cancel))
        self._requests.clear()

    # While all goes well

    def _note(self, each: turn.Input) -> None:
        kind = _kind(each)
        message = getattr(each, kind)
        call = getattr(message, "call", 0)
        if call and kind != "call_cancelled":
            self._calls[call] = each
        handler = self._on_input.get(kind)
        if handler is not None:
            handler(message)

    def _forget(self, refused: AnyInput) -> None:
        """Nobody waits for its call any more."""
        message = as_message(refused)
        kind = _kind(message)
        call = getattr(getattr(message, kind, None), "call", 0)
        if call and kind != "call_cancelled":
            self._calls.pop(call, None)
            self._tasks.pop(call, None)

    def _input_handlers(self) -> dict[str, Any]:
        return {
            "client_connect": self._client_connected,
            "client_update_headers": self._headers_updated,
            "client_update_api_key": self._api_key_updated,
            "worker_open": self._worker_opened,
            "worker_initiate_shutdown": self._shutdown_initiated,
            "worker_drop": lambda message: self._ledgers.pop(message.worker, None),
            "undelivered": self._undelivered,
            "worker_heartbeat": self._heartbeat,
            "rpc_result": self._rpc_answered,
            "orphaned_rpc_result": self._orphan_taken,
            "slot_reserved": self._slot_reserved,
        }

    def _effect_handlers(self) -> dict[str, Any]:
        return {
            "rpc_start": self._rpc_started,
            "rpc_cancel": lambda message: self._rpcs.pop(message.rpc, None),
            "slot_reserve": self._slot_wanted,
            "slot_try_reserve": self._slot_wanted,
            "slot_reserve_cancel": lambda message: self._requests.pop(message.request, None),
            "slot_release": self._slot_released,
            "handle_closed": self._handle_closed,
        }

    def _client_connected(self, message: turn.ClientConnect) -> None:
        kept = turn.ClientConnect()
        kept.CopyFrom(message)
        self._clients[message.client] = kept

    def _headers_updated(self, message: turn.ClientUpdateHeaders) -> None:
        if message.client in self._clients:
            config = self._clients[message.client].config
            config.ClearField("headers")
            config.ClearField("binary_headers")
            config.headers.update(message.headers)
            config.binary_headers.update(message.binary_headers)

    def _api_key_updated(self, message: turn.ClientUpdateApiKey) -> None:
        if message.client in self._clients:
            config = self._clients[message.client].config
            config.ClearField("api_key")
            if message.HasField("api_key"):
                config.api_key = message.api_key

    def _worker_opened(self, message: worker.WorkerOpen) -> None:
        if message.worker not in self._ledgers:
            self._ledgers[message.worker] = Ledger(message)

    def _shutdown_initiated(self, message: worker.WorkerInitiateShutdown) -> None:
        if message.worker in self._ledgers:
            self._ledgers[message.worker].shutdown_initiated = True

    def _undelivered(self, message: worker.Undelivered) -> None:
        if message.worker in self._ledgers:
            self._ledgers[message.worker].given_back(message.kind, message.value)

    def _heartbeat(self, message: worker.WorkerHeartbeat) -> None:
        if message.worker in self._ledgers:
            self._ledgers[message.worker].heartbeat(message.body)

    def _orphan_taken(self, message: turn.OrphanedRpcResult) -> None:
        if message.worker in self._ledgers:
            self._ledgers[message.worker].rpc_answered(message.uri, message.result)

    def _rpc_answered(self, result: turn.RpcResult) -> None:
        handle, uri = self._rpcs.get(result.rpc, (0, ""))
        if handle in self._ledgers:
            self._ledgers[handle].rpc_answered(uri, result)
        self._rpcs.pop(result.rpc, None)

    def _slot_reserved(self, message: worker.SlotReserved) -> None:
        handle, kind = self._requests.get(message.request, (0, worker.SLOT_KIND_UNSPECIFIED))
        if message.permit and handle in self._ledgers:
            self._ledgers[handle].permit_given(message.permit, kind)
        self._requests.pop(message.request, None)

    def _call_resolved(self, resolved: turn.CallResolved) -> None:
        task = self._tasks.get(resolved.call)
        if task is not None:
            self._task_input_resolved(task, resolved)
            self._tasks.pop(resolved.call, None)
            return
        asked = self._calls.get(resolved.call)
        if asked is not None:
            self._asked_call_resolved(asked, resolved)
            self._calls.pop(resolved.call, None)

    def _asked_call_resolved(self, asked: turn.Input, resolved: turn.CallResolved) -> None:
        kind = _kind(asked)
        message = getattr(asked, kind)
        ledger = self._ledgers.get(getattr(message, "worker", 0))
        failed = resolved.HasField("error")
        if kind == "client_connect" and failed:
            self._clients.pop(message.client, None)
        if ledger is None:
            return
        if kind == "worker_finalize_shutdown" or (kind == "worker_open" and failed):
            self._ledgers.pop(message.worker, None)
        elif kind == "worker_replace_client" and not failed:
            ledger.opening.client = message.client
        elif kind == "worker_poll" and not failed:
            ledger.given(message.kind, resolved.value)
        elif kind == "worker_complete" and not failed:
            ledger.completed(message.kind, message.body)

    def _task_input_resolved(self, task: TaskInput, resolved: turn.CallResolved) -> None:
        ledger = self._ledgers.get(task.worker)
        if ledger is None or resolved.HasField("error"):
            return
        if isinstance(task, PollInput):
            ledger.given(task.kind, resolved.value)
        elif isinstance(task, CompleteInput):
            ledger.completed(task.kind, task.body)

    def _rpc_started(self, start: turn.RpcStart) -> None:
        self._rpcs[start.rpc] = (start.worker, start.uri)
        if start.worker in self._ledgers:
            self._ledgers[start.worker].rpc_started(start)

    def _slot_wanted(self, message: worker.SlotReserve | worker.SlotTryReserve) -> None:
        self._requests[message.request] = (message.worker, message.context.kind)

    def _slot_released(self, message: worker.SlotRelease) -> None:
        for ledger in self._ledgers.values():
            ledger.permit_released(message.permit)

    def _handle_closed(self, message: turn.HandleClosed) -> None:
        self._clients.pop(message.client, None)
        self._ledgers.pop(message.worker, None)

    # After a trap

    def _culprit(self, alone: turn.Input) -> _Culprit:
        kind = _kind(alone)
        message = getattr(alone, kind)
        if kind == "worker_complete" and message.kind == worker.WORKFLOW:
            return _Culprit(alone, message.worker, run_of_completion(message.body))
        if kind == "rpc_result":
            handle, uri = self._rpcs.get(message.rpc, (0, ""))
            return _Culprit(alone, handle, run_of_workflow_task(uri, message))
        if kind == "orphaned_rpc_result":
            return _Culprit(alone, message.worker, run_of_workflow_task(message.uri, message.result))
        return _Culprit(alone, getattr(message, "worker", 0))

    def _fail_workers(self, recovered: Recovered, culprit: _Culprit | None, trap: CoreTrap) -> None:
        failed = {culprit.worker} if culprit is not None and culprit.worker else set(self._ledgers)
        for handle in failed:
            ledger = self._ledgers.pop(handle, None)
            for permit in ledger.permits() if ledger is not None else ():
                recovered.effects.append(turn.Effect(slot_release=worker.SlotRelease(permit=permit)))
            recovered.effects.append(turn.Effect(handle_closed=turn.HandleClosed(worker=handle)))
        for call, asked in list(self._calls.items()):
            if getattr(getattr(asked, _kind(asked)), "worker", 0) in failed:
                del self._calls[call]
                recovered.answer(_failed(call, f"Core failed {_TRAPS} times within a minute: {trap}"))

    def _first_turn(self, recovered: Recovered, culprit: _Culprit | None, trap: CoreTrap) -> list[turn.Input]:
        asked = self._asked_again(recovered)
        first = [turn.Input(open=self._opening)]
        first += [self._client_again(client) for client in self._clients.values()]
        for handle, ledger in self._ledgers.items():
            mine = culprit is not None and culprit.worker == handle
            opening = ledger.reopening(culprit.run_id if culprit is not None and mine else "", trap.panic or str(trap))
            first.append(turn.Input(worker_open=opening))
        for ledger in self._ledgers.values():
            first += ledger.after_reopening()
        return first + asked

    def _asked_again(self, recovered: Recovered) -> list[turn.Input]:
        """The calls that wait for an answer; without those that get it now."""
        again = []
        for call, asked in list(self._calls.items()):
            answer = _answer_at_once(call, asked)
            if answer is not None:
                recovered.answer(answer)
                self._call_resolved(answer)
            elif _kind(asked) not in ("client_connect", "worker_open"):
                again.append(asked)
        return again

    def _client_again(self, kept: turn.ClientConnect) -> turn.Input:
        pending = kept.call in self._calls
        again = turn.ClientConnect(
            client=kept.client, call=kept.call if pending else 0, config=kept.config, adopt=not pending
        )
        return turn.Input(client_connect=again)

    def _settle_culprit(self, recovered: Recovered, culprit: _Culprit, trap: CoreTrap) -> None:
        """It is not given again: its call is answered, and what it would have told the ledger is noted."""
        self._given_again = [each for each in self._given_again if each is not culprit.input]
        kind = _kind(culprit.input)
        message = getattr(culprit.input, kind)
        call, ledger = getattr(message, "call", 0), self._ledgers.get(culprit.worker)
        if ledger is not None and kind == "worker_complete":
            ledger.completed(message.kind, message.body)
        elif culprit.run_id and kind in self._on_input:  # a replay worker has no ledger
            self._on_input[kind](message)
        if call and culprit.run_id:
            recovered.answer(turn.CallResolved(call=call, value=b""))
        elif call:
            recovered.answer(_failed(call, f"Core failed: {trap}"))

    def _again(self, each: turn.Input) -> turn.Input | None:
        if _kind(each) != "rpc_result":
            return each
        handle, uri = self._rpcs.get(each.rpc_result.rpc, (0, ""))
        if not handle:
            return None  # a client's call, which is asked again as a whole
        orphan = turn.OrphanedRpcResult(worker=handle, uri=uri, result=each.rpc_result)
        return turn.Input(orphaned_rpc_result=orphan)


def _answer_at_once(call: int, asked: turn.Input) -> turn.CallResolved | None:
    """For calls that are not asked again."""
    if asked.WhichOneof("kind") == "worker_complete" and asked.worker_complete.kind == worker.WORKFLOW:
        return turn.CallResolved(call=call, value=b"")  # its answer to the server is on its way
    if asked.WhichOneof("kind") == "client_call" and not asked.client_call.retry:
        message = "Core was restarted during the call"
        error = turn.CallError(kind=turn.CallError.RPC, rpc_code=_UNAVAILABLE, message=message)
        return turn.CallResolved(call=call, error=error)
    return None


def _failed(call: int, text: str) -> turn.CallResolved:
    return turn.CallResolved(call=call, error=turn.CallError(kind=turn.CallError.RUNTIME, message=text))


def _kind(each: turn.Input) -> str:
    return each.WhichOneof("kind") or ""
