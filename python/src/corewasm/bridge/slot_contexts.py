"""What a user's slot supplier is told. Read-only, with exactly the attributes that the SDK's protocols check for."""

from __future__ import annotations

from typing import Any, TypeAlias

from corewasm.abi import worker

_KINDS = {
    worker.WORKFLOW_SLOT: "workflow",
    worker.ACTIVITY_SLOT: "activity",
    worker.LOCAL_ACTIVITY_SLOT: "local-activity",
    worker.NEXUS_SLOT: "nexus",
}


class _ReadOnly:
    __slots__ = ()

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of '{type(self).__name__}' objects is not writable")


class WorkflowSlotInfo(_ReadOnly):
    """A workflow task's slot."""

    __slots__ = ("is_sticky", "workflow_type")


class ActivitySlotInfo(_ReadOnly):
    """An activity's slot."""

    __slots__ = ("activity_type",)


class LocalActivitySlotInfo(_ReadOnly):
    """A local activity's slot."""

    __slots__ = ("activity_type",)


class NexusSlotInfo(_ReadOnly):
    """A Nexus task's slot."""

    __slots__ = ("operation", "service")


SlotInfo: TypeAlias = "WorkflowSlotInfo | ActivitySlotInfo | LocalActivitySlotInfo | NexusSlotInfo"


class SlotReserveCtx(_ReadOnly):
    """For whom a slot is wanted."""

    __slots__ = (
        "is_sticky",
        "slot_type",
        "task_queue",
        "worker_build_id",
        "worker_deployment_version",
        "worker_identity",
    )

    def __init__(self, context: worker.SlotReserveContext) -> None:
        versioned = bool(context.build_id or context.deployment_name)
        version = {"deployment_name": context.deployment_name, "build_id": context.build_id}
        super().__init__(
            slot_type=_KINDS[context.kind],
            task_queue=context.task_queue,
            worker_identity=context.worker_identity,
            worker_build_id=context.build_id,
            worker_deployment_version=version if versioned else None,
            is_sticky=context.is_sticky,
        )


class SlotMarkUsedCtx(_ReadOnly):
    """What a slot is used for."""

    __slots__ = ("permit", "slot_info")

    def __init__(self, info: SlotInfo | None, permit: Any) -> None:
        super().__init__(slot_info=info, permit=permit)


class SlotReleaseCtx(_ReadOnly):
    """What a slot was used for; no info if it was not."""

    __slots__ = ("permit", "slot_info")

    def __init__(self, info: SlotInfo | None, permit: Any) -> None:
        super().__init__(slot_info=info, permit=permit)


def slot_info(info: worker.SlotInfo) -> SlotInfo | None:
    """The SDK's object for Core's message."""
    kind = info.WhichOneof("kind")
    if kind == "workflow":
        return WorkflowSlotInfo(workflow_type=info.workflow.workflow_type, is_sticky=info.workflow.is_sticky)
    if kind == "activity":
        return ActivitySlotInfo(activity_type=info.activity.activity_type)
    if kind == "local_activity":
        return LocalActivitySlotInfo(activity_type=info.local_activity.activity_type)
    if kind == "nexus":
        return NexusSlotInfo(service=info.nexus.service, operation=info.nexus.operation)
    return None
