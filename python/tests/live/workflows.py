"""The workflows and activities that the live tests run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, is_cancelled_exception

SECONDS_10 = timedelta(seconds=10)


@activity.defn
async def greet(name: str) -> str:
    """Says hello."""
    return f"hello {name}"


@activity.defn
async def fail_twice() -> int:
    """Fails on its first two attempts, then tells the attempt."""
    attempt = activity.info().attempt
    if attempt < 3:
        raise ApplicationError(f"attempt {attempt} fails on purpose")
    return attempt


@activity.defn
async def fail_after_heartbeat() -> str:
    """Heartbeats and fails; its second attempt returns what the first one left."""
    details = activity.info().heartbeat_details
    if not details:
        activity.heartbeat("left behind")
        # The SDK hands heartbeats to Core in the background.
        await asyncio.sleep(0.2)
        raise ApplicationError("fails on purpose")
    return str(details[0])


@activity.defn
async def wait_for_cancel() -> str:
    """Heartbeats until cancelled."""
    try:
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        activity.heartbeat("cancelled")
        raise


@workflow.defn
class Greeting:
    """One activity."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Greets."""
        return await workflow.execute_activity(greet, name, start_to_close_timeout=SECONDS_10)


@workflow.defn
class Retrying:
    """Activities that fail first."""

    @workflow.run
    async def run(self) -> list[str]:
        """The results of both."""
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=10))
        options = {"start_to_close_timeout": SECONDS_10, "retry_policy": policy}
        return [
            str(await workflow.execute_activity(fail_twice, **options)),
            await workflow.execute_activity(fail_after_heartbeat, heartbeat_timeout=SECONDS_10, **options),
        ]


@workflow.defn
class CancellingAnActivity:
    """Cancels an activity and waits until it stopped."""

    @workflow.run
    async def run(self) -> str:
        """How the activity ended."""
        handle = workflow.start_activity(
            wait_for_cancel,
            start_to_close_timeout=SECONDS_10,
            heartbeat_timeout=timedelta(seconds=1),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        await asyncio.sleep(0.3)
        handle.cancel()
        try:
            await handle
        except Exception as error:
            if not is_cancelled_exception(error):
                raise
            return "cancelled"
        return "completed"


@workflow.defn
class Collecting:
    """Collects signals until told to finish; answers queries; sleeps between."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._finished = False

    @workflow.run
    async def run(self) -> list[str]:
        """What was collected."""
        await asyncio.sleep(0.01)
        await workflow.wait_condition(lambda: self._finished)
        return self._seen

    @workflow.signal
    def add(self, item: str) -> None:
        """Collect one."""
        self._seen.append(item)

    @workflow.signal
    def finish(self) -> None:
        """Stop collecting."""
        self._finished = True

    @workflow.query
    def seen(self) -> list[str]:
        """What was collected so far."""
        return self._seen


@workflow.defn
class CountingDown:
    """Continues as new until zero."""

    @workflow.run
    async def run(self, left: int) -> str:
        """The end of the chain."""
        await asyncio.sleep(0.01)
        if left > 0:
            workflow.continue_as_new(left - 1)
        return "zero"


@workflow.defn(name="Changing")
class BeforeChange:
    """A workflow as it was deployed first."""

    @workflow.run
    async def run(self) -> list[str]:
        """Waits for a signal, then greets."""
        self._go = False
        await workflow.wait_condition(lambda: self._go)
        return [await workflow.execute_activity(greet, "old", start_to_close_timeout=SECONDS_10)]

    @workflow.signal
    def go(self) -> None:
        """Go on."""
        self._go = True


@workflow.defn(name="Changing")
class AfterChange:
    """The same workflow with a patch at its start and another behind the signal."""

    @workflow.run
    async def run(self) -> list[str]:
        """Which branches were taken."""
        self._go = False
        found = ["patched start" if workflow.patched("start") else "old start"]
        await workflow.wait_condition(lambda: self._go)
        found.append("patched end" if workflow.patched("end") else "old end")
        found.append(await workflow.execute_activity(greet, "new", start_to_close_timeout=SECONDS_10))
        return found

    @workflow.signal
    def go(self) -> None:
        """Go on."""
        self._go = True


@workflow.defn
class Stepping:
    """Many steps: timers and activities in turn, so that something can break at any of them."""

    def __init__(self) -> None:
        self._done = 0

    @workflow.run
    async def run(self, steps: int) -> int:
        """The number of steps done."""
        for step in range(steps):
            await asyncio.sleep(0.01)
            await workflow.execute_activity(greet, str(step), start_to_close_timeout=timedelta(seconds=2))
            self._done += 1
        return self._done

    @workflow.query
    def done(self) -> int:
        """Steps done so far."""
        return self._done


WORKFLOWS = [Greeting, Retrying, CancellingAnActivity, Collecting, CountingDown, Stepping]
ACTIVITIES = [greet, fail_twice, fail_after_heartbeat, wait_for_cancel]
