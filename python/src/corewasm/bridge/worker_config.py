"""From the SDK's worker configuration to Core's message. Alternatives are told apart by the attributes they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from corewasm.abi import worker
from corewasm.bridge.config import milliseconds, read, read_optional
from corewasm.bridge.slots import CustomSlotSupplier

_SLOT_FIELDS = {
    worker.WORKFLOW_SLOT: ("workflow_slot_supplier", "workflow_slots"),
    worker.ACTIVITY_SLOT: ("activity_slot_supplier", "activity_slots"),
    worker.LOCAL_ACTIVITY_SLOT: ("local_activity_slot_supplier", "local_activity_slots"),
    worker.NEXUS_SLOT: ("nexus_slot_supplier", "nexus_slots"),
}
_U32_MAX = 2**32 - 1


def worker_config(config: object) -> worker.WorkerConfig:
    """Core's message.

    Raises:
        ValueError: suppliers that do not go together.
        TypeError: an alternative that is none.
    """
    result = worker.WorkerConfig(
        namespace=read(config, "namespace", str),
        task_queue=read(config, "task_queue", str),
        identity_override=read_optional(config, "identity_override", str) or "",
        max_cached_workflows=_small(config, "max_cached_workflows"),
        workflow_pollers=_pollers(config, "workflow_task_poller_behavior"),
        activity_pollers=_pollers(config, "activity_task_poller_behavior"),
        nexus_pollers=_pollers(config, "nexus_task_poller_behavior"),
        nonsticky_to_sticky_poll_ratio=read(config, "nonsticky_to_sticky_poll_ratio", float),
        sticky_queue_schedule_to_start_timeout_ns=milliseconds(config, "sticky_queue_schedule_to_start_timeout_millis"),
        max_heartbeat_throttle_interval_ns=milliseconds(config, "max_heartbeat_throttle_interval_millis"),
        default_heartbeat_throttle_interval_ns=milliseconds(config, "default_heartbeat_throttle_interval_millis"),
        max_activities_per_second=read_optional(config, "max_activities_per_second", float),
        max_task_queue_activities_per_second=read_optional(config, "max_task_queue_activities_per_second", float),
        max_eager_activity_reservations_per_workflow_task=read(
            config, "max_eager_activity_reservations_per_workflow_task", int, 3
        ),
        graceful_shutdown_period_ns=milliseconds(config, "graceful_shutdown_period_millis"),
        nondeterminism_as_workflow_fail=read(config, "nondeterminism_as_workflow_fail", bool),
        nondeterminism_as_workflow_fail_for_types=_sorted(config, "nondeterminism_as_workflow_fail_for_types"),
        versioning=_versioning(read(config, "versioning_strategy", object)),
        plugins=list(read(config, "plugins", Iterable)),  # type: ignore[type-abstract]
        storage_drivers=_sorted(config, "storage_drivers"),
        disable_payload_error_limit=read(config, "disable_payload_error_limit", bool, False),
    )
    _task_types(result, read(config, "task_types", object))
    _slots(result, read(config, "tuner", object))
    return result


def custom_suppliers(config: object) -> dict[int, CustomSlotSupplier]:
    """The suppliers that are users' own, by kind of slot."""
    tuner = read(config, "tuner", object)
    suppliers = {kind: read(tuner, field, object) for kind, (field, _) in _SLOT_FIELDS.items()}
    return {kind: each for kind, each in suppliers.items() if isinstance(each, CustomSlotSupplier)}


def has_resource_based_slots(config: worker.WorkerConfig) -> bool:
    """Whether Core wants to know of the machine's load."""
    kinds = (getattr(config, field).WhichOneof("kind") for _, field in _SLOT_FIELDS.values())
    return "resource_based" in kinds


def _small(config: object, name: str) -> int:
    return min(read(config, name, int), _U32_MAX)


def _sorted(config: object, name: str) -> list[str]:
    return sorted(read(config, name, Iterable, ()))  # type: ignore[type-abstract]


def _task_types(result: worker.WorkerConfig, types: object) -> None:
    for name in ("enable_workflows", "enable_local_activities", "enable_remote_activities", "enable_nexus"):
        setattr(result, name, read(types, name, bool))


def _pollers(config: object, name: str) -> worker.PollerBehavior:
    behavior: Any = read(config, name, object)
    if hasattr(behavior, "simple_maximum"):
        return worker.PollerBehavior(simple_maximum=_small(behavior, "simple_maximum"))
    if hasattr(behavior, "minimum"):
        numbers = {each: _small(behavior, each) for each in ("minimum", "maximum", "initial")}
        return worker.PollerBehavior(autoscaling=worker.AutoscalingPollers(**numbers))
    raise TypeError(f"failed to extract field {type(config).__name__}.{name}: no poller behavior")


def _versioning(strategy: Any) -> worker.Versioning:
    if hasattr(strategy, "build_id_no_versioning"):
        return worker.Versioning(none=read(strategy, "build_id_no_versioning", str))
    if hasattr(strategy, "version"):
        version = read(strategy, "version", object)
        deployment = worker.DeploymentVersioning(
            deployment_name=read(version, "deployment_name", str),
            build_id=read(version, "build_id", str),
            use_worker_versioning=read(strategy, "use_worker_versioning", bool),
            default_versioning_behavior=read(strategy, "default_versioning_behavior", int),
        )
        return worker.Versioning(deployment=deployment)
    if hasattr(strategy, "build_id_with_versioning"):
        return worker.Versioning(legacy_build_id=read(strategy, "build_id_with_versioning", str))
    raise TypeError("failed to extract field WorkerConfig.versioning_strategy: no versioning strategy")


def _slots(result: worker.WorkerConfig, tuner: object) -> None:
    options: set[tuple[float, float]] = set()
    for supplier_name, field in _SLOT_FIELDS.values():
        message = _supplier(tuner, supplier_name)
        getattr(result, field).CopyFrom(message)
        if message.HasField("resource_based"):
            options.add((message.resource_based.target_memory_usage, message.resource_based.target_cpu_usage))
    if len(options) > 1:
        raise ValueError("All resource-based slot suppliers must have the same ResourceBasedTunerOptions")


def _supplier(tuner: object, name: str) -> worker.SlotSupplier:
    supplier: Any = read(tuner, name, object)
    if isinstance(supplier, CustomSlotSupplier):
        return worker.SlotSupplier(custom=worker.CustomSlots())
    if hasattr(supplier, "num_slots"):
        return worker.SlotSupplier(fixed=_small(supplier, "num_slots"))
    if not hasattr(supplier, "minimum_slots"):
        raise TypeError(f"failed to extract field TunerHolder.{name}: no slot supplier")
    target = read(supplier, "tuner_config", object)
    resource_based = worker.ResourceBasedSlots(
        minimum=_small(supplier, "minimum_slots"),
        maximum=_small(supplier, "maximum_slots"),
        ramp_throttle_ns=milliseconds(supplier, "ramp_throttle_ms"),
        target_memory_usage=read(target, "target_memory_usage", float),
        target_cpu_usage=read(target, "target_cpu_usage", float),
    )
    return worker.SlotSupplier(resource_based=resource_based)
