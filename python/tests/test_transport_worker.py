"""A whole worker of the official SDK on a transport of the user's own (docs/transport.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from corewasm.transport import Transport, UnaryRequest, UnaryResponse, use_transport
from small_service import SmallService
from test_host_calls import until

QUEUE = "small"
LIMIT = 128 * 1024 * 1024


@pytest.fixture(autouse=True)
def default_afterwards() -> Iterator[None]:
    yield
    use_transport(None)


@activity.defn
async def greet() -> str:
    return "hello"


@workflow.defn(name="small")
class Small:
    @workflow.run
    async def run(self) -> str:
        await workflow.sleep(1)
        return await workflow.execute_activity(greet, start_to_close_timeout=timedelta(seconds=10))


class Counting:
    """Wraps another transport. Answers the first `spoiled` polls by something larger than Core takes."""

    def __init__(self, inner: Transport, spoiled: int = 0, size: int = 0) -> None:
        self.inner = inner
        self.rpcs: Counter[str] = Counter()
        self._spoiled, self._size = spoiled, size

    async def unary(self, request: UnaryRequest) -> UnaryResponse:
        rpc = request.uri.rpartition("/")[2]
        self.rpcs[rpc] += 1
        if rpc.startswith("PollWorkflow") and self._spoiled:
            self._spoiled -= 1
            return UnaryResponse(bytes(self._size))
        return await self.inner.unary(request)

    async def close(self) -> None:
        await self.inner.close()


async def runs_end(service: SmallService, transport: Counting, runs: int) -> None:
    """One permit for workflow tasks: if it were lost, no run would ever begin."""
    use_transport(lambda _: transport)
    client = await Client.connect("nowhere.test:1")
    for number in range(runs):
        service.start_run(f"run-{number}", QUEUE)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Small],
        activities=[greet],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=0,
        max_concurrent_workflow_tasks=1,
        max_concurrent_workflow_task_polls=1,
    )
    async with worker:
        await until(lambda: all(run.closed for run in service.runs.values()))


async def test_worker_runs_on_a_wrapping_transport_that_sees_all_its_rpcs() -> None:
    service = SmallService()
    transport = Counting(service)
    await runs_end(service, transport, runs=3)
    assert {
        "GetSystemInfo",
        "DescribeNamespace",
        "PollWorkflowTaskQueue",
        "RespondWorkflowTaskCompleted",
        "PollActivityTaskQueue",
        "ShutdownWorker",
    } <= set(transport.rpcs)
    assert transport.rpcs["RespondActivityTaskCompleted"] == 3


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1], ids=["Core refuses it", "the host refuses it"])
async def test_poll_whose_answer_is_too_large_goes_on_and_keeps_its_permit(size: int) -> None:
    service = SmallService()
    transport = Counting(service, spoiled=1, size=size)
    await runs_end(service, transport, runs=1)
    assert transport.rpcs["PollWorkflowTaskQueue"] >= 2
