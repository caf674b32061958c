"""What every worker does: activities, timers, signals, queries, continue-as-new, patches."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.worker import Replayer, Worker

from . import workflows


def _worker(client: Client, name: str, **options: object) -> Worker:
    return Worker(client, task_queue=name, workflows=workflows.WORKFLOWS, activities=workflows.ACTIVITIES, **options)


async def test_an_activity_gives_the_workflow_its_result(client: Client, name: str) -> None:
    async with _worker(client, name):
        result = await client.execute_workflow(workflows.Greeting.run, "you", id=name, task_queue=name)
    assert result == "hello you"


async def test_activities_are_retried_and_keep_their_heartbeat(client: Client, name: str) -> None:
    async with _worker(client, name):
        result = await client.execute_workflow(workflows.Retrying.run, id=name, task_queue=name)
    assert result == ["3", "left behind"]


async def test_a_running_activity_learns_that_it_is_cancelled(client: Client, name: str) -> None:
    async with _worker(client, name):
        result = await client.execute_workflow(workflows.CancellingAnActivity.run, id=name, task_queue=name)
    assert result == "cancelled"


async def test_signals_and_queries_reach_the_workflow_in_order(client: Client, name: str) -> None:
    async with _worker(client, name):
        handle = await client.start_workflow(workflows.Collecting.run, id=name, task_queue=name)
        for item in ("a", "b", "c"):
            await handle.signal(workflows.Collecting.add, item)
        assert await handle.query(workflows.Collecting.seen) == ["a", "b", "c"]
        await handle.signal(workflows.Collecting.finish)
        assert await handle.result() == ["a", "b", "c"]
        # The run is closed and out of the cache: this query replays its whole history.
        assert await handle.query(workflows.Collecting.seen) == ["a", "b", "c"]


async def test_without_a_cache_every_task_replays(client: Client, name: str) -> None:
    async with _worker(client, name, max_cached_workflows=0):
        handle = await client.start_workflow(workflows.Collecting.run, id=name, task_queue=name)
        await handle.signal(workflows.Collecting.add, "a")
        assert await handle.query(workflows.Collecting.seen) == ["a"]
        await handle.signal(workflows.Collecting.add, "b")
        await handle.signal(workflows.Collecting.finish)
        assert await handle.result() == ["a", "b"]


async def test_continue_as_new_goes_on_to_the_end(client: Client, name: str) -> None:
    async with _worker(client, name):
        assert await client.execute_workflow(workflows.CountingDown.run, 3, id=name, task_queue=name) == "zero"


async def test_a_patch_keeps_old_runs_on_their_branch(client: Client, name: str) -> None:
    activities = workflows.ACTIVITIES
    async with Worker(client, task_queue=name, workflows=[workflows.BeforeChange], activities=activities):
        old = await client.start_workflow("Changing", id=f"{name}-old", task_queue=name, result_type=list)
        # A long poll: the server answers when there is something new.
        async for event in old.fetch_history_events(wait_new_event=True):
            if event.HasField("workflow_task_completed_event_attributes"):
                break
    async with Worker(client, task_queue=name, workflows=[workflows.AfterChange], activities=activities):
        new = await client.start_workflow("Changing", id=f"{name}-new", task_queue=name, result_type=list)
        for handle in (old, new):
            await handle.signal("go")
        assert await old.result() == ["old start", "patched end", "hello new"]
        assert await new.result() == ["patched start", "patched end", "hello new"]


async def test_many_workflows_share_a_small_cache(client: Client, name: str) -> None:
    async with _worker(client, name, max_cached_workflows=2):
        handles = [
            await client.start_workflow(workflows.Stepping.run, 3, id=f"{name}-{index}", task_queue=name)
            for index in range(8)
        ]
        assert [await handle.result() for handle in handles] == [3] * 8


async def test_a_history_written_live_replays(client: Client, name: str) -> None:
    async with _worker(client, name):
        handle = await client.start_workflow(workflows.Stepping.run, 5, id=name, task_queue=name)
        await handle.result()
    await Replayer(workflows=workflows.WORKFLOWS).replay_workflow(await handle.fetch_history())
