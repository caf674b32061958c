"""The two inputs that every task takes, a poll and a completion, without messages: they are most of a worker's turns.

They stand for the `turn.Input` that `message` makes, and serialize to the same bytes.
"""

from __future__ import annotations

from typing import TypeAlias

from corewasm.abi import turn, worker
from corewasm.host.varint import varint

_POLL = varint(turn.Input.WORKER_POLL_FIELD_NUMBER << 3 | 2)
_COMPLETE = varint(turn.Input.WORKER_COMPLETE_FIELD_NUMBER << 3 | 2)


class TaskInput:
    """What a poll and a completion have both."""

    __slots__ = ("call", "kind", "worker")

    def __init__(self, handle: int, kind: worker.TaskKind, call: int) -> None:
        self.worker, self.kind, self.call = handle, kind, call

    def SerializeToString(self) -> bytes:  # noqa: N802 - as messages call it
        """The bytes of `message`."""
        raise NotImplementedError

    def message(self) -> turn.Input:
        """The input as a message."""
        raise NotImplementedError

    def _fields(self) -> bytes:
        return b"\x08%b\x10%c\x18%b" % (varint(self.worker), self.kind, varint(self.call))


class PollInput(TaskInput):
    """A `worker.WorkerPoll`."""

    __slots__ = ()

    def SerializeToString(self) -> bytes:  # noqa: N802, D102
        fields = self._fields()
        return b"%b%c%b" % (_POLL, len(fields), fields)

    def message(self) -> turn.Input:  # noqa: D102
        return turn.Input(worker_poll=worker.WorkerPoll(worker=self.worker, kind=self.kind, call=self.call))


class CompleteInput(TaskInput):
    """A `worker.WorkerComplete`."""

    __slots__ = ("body",)

    def __init__(self, handle: int, kind: worker.TaskKind, call: int, body: bytes) -> None:
        super().__init__(handle, kind, call)
        self.body = body

    def SerializeToString(self) -> bytes:  # noqa: N802, D102
        fields, body = self._fields(), self.body
        if body:
            fields = b"%b\x22%b" % (fields, varint(len(body)))
        return b"".join((_COMPLETE, varint(len(fields) + len(body)), fields, body))

    def message(self) -> turn.Input:  # noqa: D102
        complete = worker.WorkerComplete
        return turn.Input(worker_complete=complete(worker=self.worker, kind=self.kind, call=self.call, body=self.body))


AnyInput: TypeAlias = turn.Input | TaskInput


def as_message(each: AnyInput) -> turn.Input:
    """The input as a message."""
    return each.message() if isinstance(each, TaskInput) else each
