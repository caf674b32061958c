"""Fleets mix (section 17): a run moves between native Core and ours at any task, and replays on both."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.history.v1 import History
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from conformance.differential import cores, replays
from conformance.differential.sources import NamedHistory
from corewasm.compare.compare_replays import compare
from tools.temporal_server import ServerHandle

from . import traveller
from .processes import worker_process
from .traveller import Traveller, expected

STEPS_TOGETHER = 5
# What a killed worker held comes again after this time.
TASK_TIMEOUT = timedelta(seconds=3)

Run = WorkflowHandle[Traveller, list[str]]


@contextlib.asynccontextmanager
async def travelling(server: ServerHandle, client: Client, name: str, steps: int) -> AsyncIterator[Run]:
    """A run that has started; its Nexus operations are handled on a native worker."""
    endpoint, queue = f"echo-{uuid.uuid4()}", f"{name}-nexus"
    worker = EndpointTarget.Worker(namespace=client.namespace, task_queue=queue)
    spec = EndpointSpec(name=endpoint, target=EndpointTarget(worker=worker))
    await client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=spec))
    with worker_process("nexus_worker_process", server.address, queue):
        yield await client.start_workflow(
            Traveller.run, args=[steps, endpoint], id=name, task_queue=name, task_timeout=TASK_TIMEOUT
        )


@contextlib.contextmanager
def workers(server: ServerHandle, name: str, cores: tuple[str, ...], cache: int) -> Iterator[None]:
    """A worker on each of these Cores."""
    with ExitStack() as stack:
        for core in cores:
            settings = {"COREWASM_LIVE_CORE": core, "COREWASM_LIVE_CACHE": str(cache)}
            stack.enter_context(worker_process("worker_process", server.address, name, **settings))
        yield


async def take_steps(run: Run, first: int, last: int) -> None:
    for step in range(first, last + 1):
        await run.signal(Traveller.advance)
        assert await run.execute_update(Traveller.report, step) == step


async def histories(client: Client, run: Run) -> list[WorkflowHistory]:
    """The run's history and its children's."""
    found = [await run.fetch_history()]
    for event in found[0].events:
        if event.HasField("child_workflow_execution_started_event_attributes"):
            child = event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
            found.append(await client.get_workflow_handle(child).fetch_history())
    return found


def tasks_done_by(history: WorkflowHistory) -> list[str]:
    """The Core that completed each task, in order."""
    completed = [each for each in history.events if each.HasField("workflow_task_completed_event_attributes")]
    return [each.workflow_task_completed_event_attributes.identity for each in completed]


def assert_replays_alike(found: list[WorkflowHistory], folder: Path) -> None:
    """Each history on native Core and on ours, in processes of their own."""
    files = []
    for number, history in enumerate(found):
        files.append(folder / f"{number}.json")
        files[-1].write_text(history.to_json())
    verdicts = list(compare(Path(traveller.__file__), files))
    assert [each.difference for each in verdicts] == [None] * len(files)
    assert [each.native_failure for each in verdicts] == [None] * len(files)
    assert all(each.activations > 1 for each in verdicts)
    assert_replays_alike_without_code(found)


def assert_replays_alike_without_code(found: list[WorkflowHistory]) -> None:
    """The same with a lang that knows nothing but the history."""
    serialized = [History(events=each.events).SerializeToString() for each in found]
    named = [NamedHistory(str(number), history) for number, history in enumerate(serialized)]
    results = cores.on_both(lambda core: replays.run_replays(core, named))
    for each in named:
        native, ours = (results[core][each.name] for core in cores.CORES)
        assert list(replays.compare_results(native, ours)) == []


@pytest.mark.parametrize("order", [("native", "corewasm", "native"), ("corewasm", "native", "corewasm")])
async def test_a_cached_run_moves_to_the_other_core_when_its_worker_dies(
    server: ServerHandle, client: Client, name: str, order: tuple[str, ...], tmp_path: Path
) -> None:
    async with travelling(server, client, name, len(order)) as run:
        for step, core in enumerate(order, 1):
            with workers(server, name, (core,), cache=1000):
                await take_steps(run, step, step)
                if step == len(order):
                    assert await run.result() == expected(len(order))
    found = await histories(client, run)
    doers = tasks_done_by(found[0])
    assert [core for core, before in zip(doers, ["", *doers], strict=False) if core != before] == list(order)
    assert_replays_alike(found, tmp_path)


async def test_an_uncached_run_changes_its_core_from_task_to_task(
    server: ServerHandle, client: Client, name: str, tmp_path: Path
) -> None:
    async with travelling(server, client, name, STEPS_TOGETHER) as run:
        with workers(server, name, ("native", "corewasm"), cache=0):
            await take_steps(run, 1, STEPS_TOGETHER)
            assert await run.result() == expected(STEPS_TOGETHER)
    found = await histories(client, run)
    doers = tasks_done_by(found[0])
    changes = sum(core != before for core, before in zip(doers[1:], doers, strict=False))
    # Who gets a task is the server's choice: about one in three goes to the other Core.
    assert changes >= 3, doers
    assert_replays_alike(found, tmp_path)


@pytest.mark.parametrize("cache", [0, 1000])
async def test_a_history_that_our_core_wrote_alone_replays_on_native(
    server: ServerHandle, client: Client, name: str, cache: int, tmp_path: Path
) -> None:
    async with travelling(server, client, name, 2) as run:
        with workers(server, name, ("corewasm",), cache):
            await take_steps(run, 1, 2)
            assert await run.result() == expected(2)
    found = await histories(client, run)
    assert set(tasks_done_by(found[0])) == {"corewasm"}
    assert_replays_alike(found, tmp_path)
