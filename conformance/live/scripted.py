"""Runs that no history alone describes: queries beside a task, rejected updates, several runs, limits, refusals."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio.api.history.v1 import History
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Request
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse, PollWorkflowTaskQueueResponse
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from conformance.histories.builder import HistoryBuilder, payloads
from conformance.histories.small.registry import begun, ended

from . import answers, tasks
from .script import Refusal, Scenario

_TOO_LARGE = Refusal(8, "grpc: received message larger than max (5000000 vs. 4194304)")
_FAILED_BY_LANG = frozenset({"failed WORKFLOW_WORKER_UNHANDLED_FAILURE", "evicted LANG_FAIL"})


def of_scripts() -> Iterator[Scenario]:
    """Each with its own lang."""
    yield from (_signal_taken_back(), _queried_beside_tasks(), _update_rejected(), _update_rejected_beside_a_signal())
    yield from (
        _update_completed_in_replay(),
        _cache_pressure(),
        _payload_too_large(),
        _completion_in_pages(),
        _failing_again(),
    )
    yield from (_nondeterminism_fails_the_workflow(), _message_too_large(), _unhandled_command(), _refused_for_good())


def _polls(history: History) -> list[PollWorkflowTaskQueueResponse]:
    return [tasks.poll_response(history, task, whole=task.number == 1) for task in tasks.cut(history)]


def _one_task(*issued: list[WorkflowCommand], name: str) -> Scenario:
    """A workflow that ends in its first task."""
    builder = begun()
    builder.workflow_completed()
    return Scenario(f"{name}/scripted", builder.history, _polls(builder.history), answers=issued)


def _signal_taken_back() -> Scenario:
    """Before it was sent: it is resolved all the same."""
    issued = [answers.signal_external(1), answers.cancel_signal(1)]
    return _one_task(issued, [answers.complete()], name="signal-taken-back")


def _timer_history() -> HistoryBuilder:
    builder = begun()
    builder.timer_fired(1, builder.timer_started(1))
    return ended(builder)


def _queried_beside_tasks() -> Scenario:
    """Each task brings a query: one is answered, one fails."""
    history = _timer_history().history
    polls = _polls(history)
    for number, poll in enumerate(polls):
        poll.queries[f"query-{number}"].query_type = "state"
        poll.queries[f"query-{number}"].query_args.CopyFrom(payloads(b'"how"'))
    script = [
        [answers.timer(1)],
        [answers.query_answered("query-0")],
        [answers.complete()],
        [answers.query_failed("query-1")],
    ]
    return Scenario("queries-beside-tasks/scripted", history, polls, answers=script)


def _update(update_id: str, sequencing_event_id: int) -> Message:
    request = Request()
    request.meta.update_id, request.input.name = update_id, "change"
    request.input.args.CopyFrom(payloads(b'"update"'))
    message = Message(id=f"{update_id}/request", protocol_instance_id=update_id, event_id=sequencing_event_id)
    message.body.Pack(request)
    return message


def _speculative(builder: HistoryBuilder) -> PollWorkflowTaskQueueResponse:
    """A task with an update that the service did not write into history."""
    extended = HistoryBuilder()
    extended.history.CopyFrom(builder.history)
    extended.task_started()
    poll = tasks.poll_response(extended.history, tasks.cut(extended.history)[-1], whole=False)
    poll.task_token = b"speculative"
    poll.messages.append(_update("update-1", extended.started - 1))
    return poll


def _update_rejected() -> Scenario:
    """Its task leaves no trace: the next one brings other events with the same ids."""
    builder = begun()
    builder.timer_started(1, 1000)
    speculative = _speculative(builder)
    builder.signaled()
    history = ended(builder).history
    first, second = _polls(history)
    script = [[answers.timer(1, 1000)], [answers.update_rejected("update-1")], [answers.complete()]]
    polls = [first, speculative, second]
    return Scenario("update-rejected/scripted", history, polls, resets={1: first.started_event_id}, answers=script)


def _update_rejected_beside_a_signal() -> Scenario:
    """Its task stays."""
    builder = begun()
    builder.timer_started(1, 1000)
    builder.signaled()
    history = ended(builder).history
    first, second = _polls(history)
    second.messages.append(_update("update-1", second.started_event_id - 1))
    script = [[answers.timer(1, 1000)], [answers.update_rejected("update-1"), answers.complete()]]
    return Scenario("update-rejected-beside-a-signal/scripted", history, [first, second], answers=script)


def _update_completed_in_replay() -> Scenario:
    """A task ended with a local activity's marker alone, since a query was answered beside it.

    A worker that has lost the run completes the update in replay, and its task has to tell the service so.
    """
    builder = begun()
    accepted = builder.update_accepted("update-1")
    builder.local_activity_marker(1, activation_index=1)
    builder.task()
    builder.update_completed("update-1", accepted)
    history = ended(builder).history
    script = [[answers.update_accepted("update-1"), answers.local_activity(1)], [answers.update_completed("update-1")]]
    second = tasks.poll_response(history, tasks.cut(history)[1], whole=True)
    scenario = Scenario("update-completed-in-replay/scripted", history, [second], answers=script)
    scenario.stored, scenario.patience_seconds = False, 5
    return scenario


def _cache_pressure() -> Scenario:
    """Two runs take turns in a cache for one."""
    first, second = _timer_history().history, _timer_history().history
    other = "0f0e0d0c-0b0a-4908-8706-050403020100"
    second.events[0].workflow_execution_started_event_attributes.original_execution_run_id = other
    polls = [poll for pair in zip(_polls(first), _polls(second), strict=True) for poll in pair]
    for number, poll in enumerate(polls):
        poll.task_token = f"token-{number}".encode()
        poll.workflow_execution.workflow_id = f"workflow-{number % 2}"
    return Scenario(
        "cache-for-one-of-two-runs/scripted",
        first,
        polls,
        worker={"max_cached_workflows": 1},
        other_histories=[second],
        expected=frozenset({"evicted CACHE_FULL"}),
    )


def _payload_too_large() -> Scenario:
    """The namespace's limit holds before anything is sent."""
    namespace = DescribeNamespaceResponse()
    namespace.namespace_info.limits.blob_size_limit_error = 1000
    namespace.namespace_info.limits.memo_size_limit_error = 1000
    scenario = _one_task([answers.complete(b'"' + b"x" * 2000 + b'"')], name="payload-too-large")
    scenario.namespace, scenario.worker = namespace, {"disable_payload_error_limit": False}
    scenario.expected = frozenset({"failed PAYLOADS_TOO_LARGE", "evicted FATAL"})
    return scenario


def _completion_in_pages() -> Scenario:
    """Commands that are too much for one request."""
    namespace = DescribeNamespaceResponse()
    namespace.namespace_info.capabilities.workflow_task_completion_pagination = True
    large = []
    for seq in range(1, 6):
        command = WorkflowCommand()
        schedule = command.schedule_activity
        schedule.seq, schedule.activity_id, schedule.activity_type, schedule.task_queue = seq, str(seq), "work", "other"
        schedule.start_to_close_timeout.seconds = 10
        schedule.arguments.extend(payloads(b'"' + b"x" * 1_000_000 + b'"').payloads)
        large.append(command)
    scenario = _one_task([*large, answers.complete()], name="completion-in-pages")
    scenario.namespace, scenario.stored = namespace, False
    return scenario


def _failing_again() -> Scenario:
    """Only the first attempt's failure is reported."""
    history = _timer_history().history
    polls = _polls(history)
    attempts = [PollWorkflowTaskQueueResponse() for _ in range(3)]
    for number, poll in enumerate(attempts, 1):
        poll.CopyFrom(polls[0])
        poll.attempt, poll.task_token = number, f"attempt-{number}".encode()
    return Scenario(
        "task-fails-again/scripted",
        history,
        [*attempts, *polls[1:]],
        # Activation 1 is the first one's eviction.
        fail_activations=frozenset({0, 2}),
        unanswered={1: 2},
        expected=_FAILED_BY_LANG,
    )


def _nondeterminism_fails_the_workflow() -> Scenario:
    """As the worker's configuration wants it."""
    builder = begun()
    builder.activity_completed(builder.activity_scheduled(1), 6)
    history = ended(builder).history
    return Scenario(
        "nondeterminism-fails-the-workflow/scripted",
        history,
        [tasks.whole(history)],
        worker={"nondeterminism_as_workflow_fail": True},
        lang_history=_timer_history().history,
        expected=frozenset({"evicted NONDETERMINISM"}),
    )


def _refused(name: str, refusal: Refusal, *expected: str) -> Scenario:
    """The first completion is refused so; the run comes again."""
    history = _timer_history().history
    polls = _polls(history)
    return Scenario(
        f"{name}/scripted", history, [polls[0], *polls], refusals={0: refusal}, expected=frozenset(expected)
    )


def _message_too_large() -> Scenario:
    history = _timer_history().history
    return Scenario(
        "message-too-large/scripted",
        history,
        [_polls(history)[0]],
        refusals={0: _TOO_LARGE},
        expected=frozenset({"failed GRPC_MESSAGE_TOO_LARGE", "evicted FATAL"}),
    )


def _unhandled_command() -> Scenario:
    return _refused("unhandled-command", Refusal(3, "UnhandledCommand"), "evicted UNHANDLED_COMMAND")


def _refused_for_good() -> Scenario:
    return _refused("completion-invalid", Refusal(3, "BadScheduleActivityAttributes"), "evicted FATAL")
