"""Langs that start local activities because of what other ones gave: a history alone does not tell when."""

from __future__ import annotations

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import ActivityCancellationType, WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion


class FanOut:
    """Three pieces of work at once; results open another one in between, and when all are in, a last one.

    While the one in between runs, further results only count: how they were batched decides what is started next.
    """

    _WORK = (1, 2, 3)

    def __init__(self) -> None:
        self._left, self._new, self._next = len(self._WORK), 0, len(self._WORK) + 1
        self._between: int | None = None
        self._last: int | None = None

    def complete(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        """Start what the activation's jobs make due."""
        completion = _successful(activation)
        commands = completion.successful.commands
        if any(job.HasField("initialize_workflow") for job in activation.jobs):
            commands.extend(_schedule(number, f"work-{number}") for number in self._WORK)
        done = _resolved(activation)
        self._new += sum(number in self._WORK for number in done)
        self._between = None if self._between in done else self._between
        if self._last is not None and self._last in done:
            commands.add().complete_workflow_execution.SetInParent()
        elif self._new and self._between is None:
            commands.append(self._start_another())
        return completion

    def _start_another(self) -> WorkflowCommand:
        self._left, self._new = self._left - self._new, 0
        number, self._next = self._next, self._next + 1
        if self._left:
            self._between = number
            return _schedule(number, "expired")
        self._last = number
        return _schedule(number, "finish")


class TwoAndAnActivity:
    """Two local activities and a remote one, all at the start; done with the second local one."""

    def complete(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        """Start all, or complete the workflow."""
        completion = _successful(activation)
        commands = completion.successful.commands
        if any(job.HasField("initialize_workflow") for job in activation.jobs):
            commands.extend(_schedule(number, f"la-{number}") for number in (1, 2))
            remote = commands.add().schedule_activity
            remote.seq, remote.activity_id, remote.activity_type, remote.task_queue = (
                3,
                "act-3",
                "default_act_type",
                "q",
            )
            remote.start_to_close_timeout.seconds = 10
        if 2 in _resolved(activation):
            commands.add().complete_workflow_execution.SetInParent()
        return completion


class CancelsTheSecond:
    """Two local activities at the start; a signal has it cancel the second and wait for that; done with both."""

    def __init__(self) -> None:
        self._open = {1, 2}

    def complete(self, activation: WorkflowActivation) -> WorkflowActivationCompletion:
        """Start both, cancel the second, or complete the workflow."""
        completion = _successful(activation)
        commands = completion.successful.commands
        if any(job.HasField("initialize_workflow") for job in activation.jobs):
            commands.extend(_schedule(number, f"la-{number}") for number in sorted(self._open))
            waits = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
            commands[1].schedule_local_activity.cancellation_type = waits
        if any(job.HasField("signal_workflow") for job in activation.jobs):
            commands.add().request_cancel_local_activity.seq = 2
        done = _resolved(activation)
        self._open.difference_update(done)
        if done and not self._open:
            commands.add().complete_workflow_execution.SetInParent()
        return completion


def _successful(activation: WorkflowActivation) -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=activation.run_id)
    completion.successful.SetInParent()
    return completion


def _resolved(activation: WorkflowActivation) -> list[int]:
    return [job.resolve_activity.seq for job in activation.jobs if job.HasField("resolve_activity")]


def _schedule(number: int, activity_id: str) -> WorkflowCommand:
    command = WorkflowCommand()
    schedule = command.schedule_local_activity
    schedule.seq, schedule.attempt, schedule.activity_id = number, 1, activity_id
    schedule.activity_type = "default_act_type"
    schedule.start_to_close_timeout.seconds = 10
    return command
