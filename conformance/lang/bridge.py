"""The official SDK's bridge in a few words. What `temporal_sdk_bridge` resolves to decides which Core answers."""

from __future__ import annotations

from typing import Any

import temporalio.bridge.runtime as bridge_runtime
import temporalio.bridge.worker as bridge_worker
import temporalio.runtime
from temporalio.bridge.temporal_sdk_bridge import PollShutdownError as PollShutdownError


def new_runtime() -> bridge_runtime.Runtime:
    """A runtime without telemetry."""
    logging = temporalio.runtime.LoggingConfig(
        filter=temporalio.runtime.TelemetryFilter(core_level="ERROR", other_level="ERROR")
    )
    telemetry = temporalio.runtime.TelemetryConfig(logging=logging, metrics=None)
    return temporalio.runtime.Runtime(telemetry=telemetry)._core_runtime


def worker_config(task_queue: str, **changes: Any) -> bridge_worker.WorkerConfig:
    """A workflow worker's configuration with the SDK's defaults; `changes` replaces fields."""
    slots = bridge_worker.FixedSizeSlotSupplier(100)
    poller = bridge_worker.PollerBehaviorSimpleMaximum(2)
    fields: dict[str, Any] = {
        "namespace": "default",
        "task_queue": task_queue,
        "versioning_strategy": bridge_worker.WorkerVersioningStrategyNone(build_id_no_versioning="conformance"),
        "identity_override": None,
        "max_cached_workflows": 1000,
        "tuner": bridge_worker.TunerHolder(slots, slots, slots, slots),
        "workflow_task_poller_behavior": poller,
        "nonsticky_to_sticky_poll_ratio": 0.2,
        "activity_task_poller_behavior": poller,
        "no_remote_activities": True,
        "task_types": bridge_worker.WorkerTaskTypes(True, True, False, False),
        "sticky_queue_schedule_to_start_timeout_millis": 10_000,
        "max_heartbeat_throttle_interval_millis": 60_000,
        "default_heartbeat_throttle_interval_millis": 30_000,
        "max_activities_per_second": None,
        "max_task_queue_activities_per_second": None,
        "max_eager_activity_reservations_per_workflow_task": 3,
        "graceful_shutdown_period_millis": 0,
        "nondeterminism_as_workflow_fail": False,
        "nondeterminism_as_workflow_fail_for_types": set(),
        "nexus_task_poller_behavior": poller,
        "plugins": [],
        "storage_drivers": set(),
        "disable_payload_error_limit": True,
    }
    return bridge_worker.WorkerConfig(**{**fields, **changes})
