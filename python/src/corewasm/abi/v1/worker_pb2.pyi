# mypy: ignore-errors
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TaskKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_KIND_UNSPECIFIED: _ClassVar[TaskKind]
    WORKFLOW: _ClassVar[TaskKind]
    ACTIVITY: _ClassVar[TaskKind]
    NEXUS: _ClassVar[TaskKind]

class SlotKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SLOT_KIND_UNSPECIFIED: _ClassVar[SlotKind]
    WORKFLOW_SLOT: _ClassVar[SlotKind]
    ACTIVITY_SLOT: _ClassVar[SlotKind]
    LOCAL_ACTIVITY_SLOT: _ClassVar[SlotKind]
    NEXUS_SLOT: _ClassVar[SlotKind]
TASK_KIND_UNSPECIFIED: TaskKind
WORKFLOW: TaskKind
ACTIVITY: TaskKind
NEXUS: TaskKind
SLOT_KIND_UNSPECIFIED: SlotKind
WORKFLOW_SLOT: SlotKind
ACTIVITY_SLOT: SlotKind
LOCAL_ACTIVITY_SLOT: SlotKind
NEXUS_SLOT: SlotKind

class WorkerOpen(_message.Message):
    __slots__ = ("worker", "client", "call", "config", "ledger")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    worker: int
    client: int
    call: int
    config: WorkerConfig
    ledger: WorkerLedger
    def __init__(self, worker: _Optional[int] = ..., client: _Optional[int] = ..., call: _Optional[int] = ..., config: _Optional[_Union[WorkerConfig, _Mapping]] = ..., ledger: _Optional[_Union[WorkerLedger, _Mapping]] = ...) -> None: ...

class ReplayWorkerOpen(_message.Message):
    __slots__ = ("worker", "call", "config")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    worker: int
    call: int
    config: WorkerConfig
    def __init__(self, worker: _Optional[int] = ..., call: _Optional[int] = ..., config: _Optional[_Union[WorkerConfig, _Mapping]] = ...) -> None: ...

class WorkerConfig(_message.Message):
    __slots__ = ("namespace", "task_queue", "identity_override", "max_cached_workflows", "workflow_slots", "activity_slots", "local_activity_slots", "nexus_slots", "workflow_pollers", "activity_pollers", "nexus_pollers", "nonsticky_to_sticky_poll_ratio", "enable_workflows", "enable_local_activities", "enable_remote_activities", "enable_nexus", "sticky_queue_schedule_to_start_timeout_ns", "max_heartbeat_throttle_interval_ns", "default_heartbeat_throttle_interval_ns", "max_activities_per_second", "max_task_queue_activities_per_second", "max_eager_activity_reservations_per_workflow_task", "graceful_shutdown_period_ns", "nondeterminism_as_workflow_fail", "nondeterminism_as_workflow_fail_for_types", "versioning", "plugins", "storage_drivers", "disable_payload_error_limit", "skip_client_worker_set_check", "ignore_evicts_on_shutdown", "fetching_concurrency", "local_timeout_buffer_ns")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    MAX_CACHED_WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_SLOTS_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_SLOTS_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_SLOTS_FIELD_NUMBER: _ClassVar[int]
    NEXUS_SLOTS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_POLLERS_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_POLLERS_FIELD_NUMBER: _ClassVar[int]
    NEXUS_POLLERS_FIELD_NUMBER: _ClassVar[int]
    NONSTICKY_TO_STICKY_POLL_RATIO_FIELD_NUMBER: _ClassVar[int]
    ENABLE_WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    ENABLE_LOCAL_ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    ENABLE_REMOTE_ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    ENABLE_NEXUS_FIELD_NUMBER: _ClassVar[int]
    STICKY_QUEUE_SCHEDULE_TO_START_TIMEOUT_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_HEARTBEAT_THROTTLE_INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_HEARTBEAT_THROTTLE_INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_ACTIVITIES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MAX_EAGER_ACTIVITY_RESERVATIONS_PER_WORKFLOW_TASK_FIELD_NUMBER: _ClassVar[int]
    GRACEFUL_SHUTDOWN_PERIOD_NS_FIELD_NUMBER: _ClassVar[int]
    NONDETERMINISM_AS_WORKFLOW_FAIL_FIELD_NUMBER: _ClassVar[int]
    NONDETERMINISM_AS_WORKFLOW_FAIL_FOR_TYPES_FIELD_NUMBER: _ClassVar[int]
    VERSIONING_FIELD_NUMBER: _ClassVar[int]
    PLUGINS_FIELD_NUMBER: _ClassVar[int]
    STORAGE_DRIVERS_FIELD_NUMBER: _ClassVar[int]
    DISABLE_PAYLOAD_ERROR_LIMIT_FIELD_NUMBER: _ClassVar[int]
    SKIP_CLIENT_WORKER_SET_CHECK_FIELD_NUMBER: _ClassVar[int]
    IGNORE_EVICTS_ON_SHUTDOWN_FIELD_NUMBER: _ClassVar[int]
    FETCHING_CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    LOCAL_TIMEOUT_BUFFER_NS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    task_queue: str
    identity_override: str
    max_cached_workflows: int
    workflow_slots: SlotSupplier
    activity_slots: SlotSupplier
    local_activity_slots: SlotSupplier
    nexus_slots: SlotSupplier
    workflow_pollers: PollerBehavior
    activity_pollers: PollerBehavior
    nexus_pollers: PollerBehavior
    nonsticky_to_sticky_poll_ratio: float
    enable_workflows: bool
    enable_local_activities: bool
    enable_remote_activities: bool
    enable_nexus: bool
    sticky_queue_schedule_to_start_timeout_ns: int
    max_heartbeat_throttle_interval_ns: int
    default_heartbeat_throttle_interval_ns: int
    max_activities_per_second: float
    max_task_queue_activities_per_second: float
    max_eager_activity_reservations_per_workflow_task: int
    graceful_shutdown_period_ns: int
    nondeterminism_as_workflow_fail: bool
    nondeterminism_as_workflow_fail_for_types: _containers.RepeatedScalarFieldContainer[str]
    versioning: Versioning
    plugins: _containers.RepeatedScalarFieldContainer[str]
    storage_drivers: _containers.RepeatedScalarFieldContainer[str]
    disable_payload_error_limit: bool
    skip_client_worker_set_check: bool
    ignore_evicts_on_shutdown: bool
    fetching_concurrency: int
    local_timeout_buffer_ns: int
    def __init__(self, namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., identity_override: _Optional[str] = ..., max_cached_workflows: _Optional[int] = ..., workflow_slots: _Optional[_Union[SlotSupplier, _Mapping]] = ..., activity_slots: _Optional[_Union[SlotSupplier, _Mapping]] = ..., local_activity_slots: _Optional[_Union[SlotSupplier, _Mapping]] = ..., nexus_slots: _Optional[_Union[SlotSupplier, _Mapping]] = ..., workflow_pollers: _Optional[_Union[PollerBehavior, _Mapping]] = ..., activity_pollers: _Optional[_Union[PollerBehavior, _Mapping]] = ..., nexus_pollers: _Optional[_Union[PollerBehavior, _Mapping]] = ..., nonsticky_to_sticky_poll_ratio: _Optional[float] = ..., enable_workflows: _Optional[bool] = ..., enable_local_activities: _Optional[bool] = ..., enable_remote_activities: _Optional[bool] = ..., enable_nexus: _Optional[bool] = ..., sticky_queue_schedule_to_start_timeout_ns: _Optional[int] = ..., max_heartbeat_throttle_interval_ns: _Optional[int] = ..., default_heartbeat_throttle_interval_ns: _Optional[int] = ..., max_activities_per_second: _Optional[float] = ..., max_task_queue_activities_per_second: _Optional[float] = ..., max_eager_activity_reservations_per_workflow_task: _Optional[int] = ..., graceful_shutdown_period_ns: _Optional[int] = ..., nondeterminism_as_workflow_fail: _Optional[bool] = ..., nondeterminism_as_workflow_fail_for_types: _Optional[_Iterable[str]] = ..., versioning: _Optional[_Union[Versioning, _Mapping]] = ..., plugins: _Optional[_Iterable[str]] = ..., storage_drivers: _Optional[_Iterable[str]] = ..., disable_payload_error_limit: _Optional[bool] = ..., skip_client_worker_set_check: _Optional[bool] = ..., ignore_evicts_on_shutdown: _Optional[bool] = ..., fetching_concurrency: _Optional[int] = ..., local_timeout_buffer_ns: _Optional[int] = ...) -> None: ...

class SlotSupplier(_message.Message):
    __slots__ = ("fixed", "resource_based", "custom")
    FIXED_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_BASED_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_FIELD_NUMBER: _ClassVar[int]
    fixed: int
    resource_based: ResourceBasedSlots
    custom: CustomSlots
    def __init__(self, fixed: _Optional[int] = ..., resource_based: _Optional[_Union[ResourceBasedSlots, _Mapping]] = ..., custom: _Optional[_Union[CustomSlots, _Mapping]] = ...) -> None: ...

class ResourceBasedSlots(_message.Message):
    __slots__ = ("minimum", "maximum", "ramp_throttle_ns", "target_memory_usage", "target_cpu_usage")
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    RAMP_THROTTLE_NS_FIELD_NUMBER: _ClassVar[int]
    TARGET_MEMORY_USAGE_FIELD_NUMBER: _ClassVar[int]
    TARGET_CPU_USAGE_FIELD_NUMBER: _ClassVar[int]
    minimum: int
    maximum: int
    ramp_throttle_ns: int
    target_memory_usage: float
    target_cpu_usage: float
    def __init__(self, minimum: _Optional[int] = ..., maximum: _Optional[int] = ..., ramp_throttle_ns: _Optional[int] = ..., target_memory_usage: _Optional[float] = ..., target_cpu_usage: _Optional[float] = ...) -> None: ...

class CustomSlots(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PollerBehavior(_message.Message):
    __slots__ = ("simple_maximum", "autoscaling")
    SIMPLE_MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    AUTOSCALING_FIELD_NUMBER: _ClassVar[int]
    simple_maximum: int
    autoscaling: AutoscalingPollers
    def __init__(self, simple_maximum: _Optional[int] = ..., autoscaling: _Optional[_Union[AutoscalingPollers, _Mapping]] = ...) -> None: ...

class AutoscalingPollers(_message.Message):
    __slots__ = ("minimum", "maximum", "initial")
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    INITIAL_FIELD_NUMBER: _ClassVar[int]
    minimum: int
    maximum: int
    initial: int
    def __init__(self, minimum: _Optional[int] = ..., maximum: _Optional[int] = ..., initial: _Optional[int] = ...) -> None: ...

class Versioning(_message.Message):
    __slots__ = ("none", "deployment", "legacy_build_id")
    NONE_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    LEGACY_BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    none: str
    deployment: DeploymentVersioning
    legacy_build_id: str
    def __init__(self, none: _Optional[str] = ..., deployment: _Optional[_Union[DeploymentVersioning, _Mapping]] = ..., legacy_build_id: _Optional[str] = ...) -> None: ...

class DeploymentVersioning(_message.Message):
    __slots__ = ("deployment_name", "build_id", "use_worker_versioning", "default_versioning_behavior")
    DEPLOYMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    USE_WORKER_VERSIONING_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VERSIONING_BEHAVIOR_FIELD_NUMBER: _ClassVar[int]
    deployment_name: str
    build_id: str
    use_worker_versioning: bool
    default_versioning_behavior: int
    def __init__(self, deployment_name: _Optional[str] = ..., build_id: _Optional[str] = ..., use_worker_versioning: _Optional[bool] = ..., default_versioning_behavior: _Optional[int] = ...) -> None: ...

class WorkerValidate(_message.Message):
    __slots__ = ("worker", "call")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    worker: int
    call: int
    def __init__(self, worker: _Optional[int] = ..., call: _Optional[int] = ...) -> None: ...

class WorkerReplaceClient(_message.Message):
    __slots__ = ("worker", "client", "call")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    worker: int
    client: int
    call: int
    def __init__(self, worker: _Optional[int] = ..., client: _Optional[int] = ..., call: _Optional[int] = ...) -> None: ...

class WorkerInitiateShutdown(_message.Message):
    __slots__ = ("worker",)
    WORKER_FIELD_NUMBER: _ClassVar[int]
    worker: int
    def __init__(self, worker: _Optional[int] = ...) -> None: ...

class WorkerFinalizeShutdown(_message.Message):
    __slots__ = ("worker", "call")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    worker: int
    call: int
    def __init__(self, worker: _Optional[int] = ..., call: _Optional[int] = ...) -> None: ...

class WorkerDrop(_message.Message):
    __slots__ = ("worker",)
    WORKER_FIELD_NUMBER: _ClassVar[int]
    worker: int
    def __init__(self, worker: _Optional[int] = ...) -> None: ...

class WorkerPoll(_message.Message):
    __slots__ = ("worker", "kind", "call")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    worker: int
    kind: TaskKind
    call: int
    def __init__(self, worker: _Optional[int] = ..., kind: _Optional[_Union[TaskKind, str]] = ..., call: _Optional[int] = ...) -> None: ...

class WorkerComplete(_message.Message):
    __slots__ = ("worker", "kind", "call", "body")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    worker: int
    kind: TaskKind
    call: int
    body: bytes
    def __init__(self, worker: _Optional[int] = ..., kind: _Optional[_Union[TaskKind, str]] = ..., call: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class WorkerHeartbeat(_message.Message):
    __slots__ = ("worker", "body")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    worker: int
    body: bytes
    def __init__(self, worker: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class WorkerRequestEviction(_message.Message):
    __slots__ = ("worker", "run_id")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    worker: int
    run_id: str
    def __init__(self, worker: _Optional[int] = ..., run_id: _Optional[str] = ...) -> None: ...

class Undelivered(_message.Message):
    __slots__ = ("worker", "kind", "value")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    worker: int
    kind: TaskKind
    value: bytes
    def __init__(self, worker: _Optional[int] = ..., kind: _Optional[_Union[TaskKind, str]] = ..., value: _Optional[bytes] = ...) -> None: ...

class HistoryPush(_message.Message):
    __slots__ = ("worker", "call", "workflow_id", "history")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    worker: int
    call: int
    workflow_id: str
    history: bytes
    def __init__(self, worker: _Optional[int] = ..., call: _Optional[int] = ..., workflow_id: _Optional[str] = ..., history: _Optional[bytes] = ...) -> None: ...

class HistoryClose(_message.Message):
    __slots__ = ("worker",)
    WORKER_FIELD_NUMBER: _ClassVar[int]
    worker: int
    def __init__(self, worker: _Optional[int] = ...) -> None: ...

class WorkerLedger(_message.Message):
    __slots__ = ("runs", "activity_tasks", "nexus_tasks", "permits", "workflow_tasks", "trapped_run_id", "panic_text", "shutdown_initiated", "sticky_queue", "worker_instance_key")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXUS_TASKS_FIELD_NUMBER: _ClassVar[int]
    PERMITS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TASKS_FIELD_NUMBER: _ClassVar[int]
    TRAPPED_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    PANIC_TEXT_FIELD_NUMBER: _ClassVar[int]
    SHUTDOWN_INITIATED_FIELD_NUMBER: _ClassVar[int]
    STICKY_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKER_INSTANCE_KEY_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[HeldRun]
    activity_tasks: _containers.RepeatedScalarFieldContainer[bytes]
    nexus_tasks: _containers.RepeatedScalarFieldContainer[bytes]
    permits: _containers.RepeatedCompositeFieldContainer[HeldPermit]
    workflow_tasks: _containers.RepeatedScalarFieldContainer[bytes]
    trapped_run_id: str
    panic_text: str
    shutdown_initiated: bool
    sticky_queue: str
    worker_instance_key: str
    def __init__(self, runs: _Optional[_Iterable[_Union[HeldRun, _Mapping]]] = ..., activity_tasks: _Optional[_Iterable[bytes]] = ..., nexus_tasks: _Optional[_Iterable[bytes]] = ..., permits: _Optional[_Iterable[_Union[HeldPermit, _Mapping]]] = ..., workflow_tasks: _Optional[_Iterable[bytes]] = ..., trapped_run_id: _Optional[str] = ..., panic_text: _Optional[str] = ..., shutdown_initiated: _Optional[bool] = ..., sticky_queue: _Optional[str] = ..., worker_instance_key: _Optional[str] = ...) -> None: ...

class HeldRun(_message.Message):
    __slots__ = ("run_id", "activation_outstanding")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_OUTSTANDING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    activation_outstanding: bool
    def __init__(self, run_id: _Optional[str] = ..., activation_outstanding: _Optional[bool] = ...) -> None: ...

class HeldPermit(_message.Message):
    __slots__ = ("permit", "kind")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    permit: int
    kind: SlotKind
    def __init__(self, permit: _Optional[int] = ..., kind: _Optional[_Union[SlotKind, str]] = ...) -> None: ...

class SlotReserve(_message.Message):
    __slots__ = ("request", "worker", "context")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    request: int
    worker: int
    context: SlotReserveContext
    def __init__(self, request: _Optional[int] = ..., worker: _Optional[int] = ..., context: _Optional[_Union[SlotReserveContext, _Mapping]] = ...) -> None: ...

class SlotReserveContext(_message.Message):
    __slots__ = ("kind", "task_queue", "worker_identity", "deployment_name", "build_id", "is_sticky")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKER_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    IS_STICKY_FIELD_NUMBER: _ClassVar[int]
    kind: SlotKind
    task_queue: str
    worker_identity: str
    deployment_name: str
    build_id: str
    is_sticky: bool
    def __init__(self, kind: _Optional[_Union[SlotKind, str]] = ..., task_queue: _Optional[str] = ..., worker_identity: _Optional[str] = ..., deployment_name: _Optional[str] = ..., build_id: _Optional[str] = ..., is_sticky: _Optional[bool] = ...) -> None: ...

class SlotReserveCancel(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: int
    def __init__(self, request: _Optional[int] = ...) -> None: ...

class SlotTryReserve(_message.Message):
    __slots__ = ("request", "worker", "context")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    request: int
    worker: int
    context: SlotReserveContext
    def __init__(self, request: _Optional[int] = ..., worker: _Optional[int] = ..., context: _Optional[_Union[SlotReserveContext, _Mapping]] = ...) -> None: ...

class SlotReserved(_message.Message):
    __slots__ = ("request", "permit")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    request: int
    permit: int
    def __init__(self, request: _Optional[int] = ..., permit: _Optional[int] = ...) -> None: ...

class SlotMarkUsed(_message.Message):
    __slots__ = ("permit", "info")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    permit: int
    info: SlotInfo
    def __init__(self, permit: _Optional[int] = ..., info: _Optional[_Union[SlotInfo, _Mapping]] = ...) -> None: ...

class SlotRelease(_message.Message):
    __slots__ = ("permit", "info")
    PERMIT_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    permit: int
    info: SlotInfo
    def __init__(self, permit: _Optional[int] = ..., info: _Optional[_Union[SlotInfo, _Mapping]] = ...) -> None: ...

class SlotInfo(_message.Message):
    __slots__ = ("workflow", "activity", "local_activity", "nexus")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    NEXUS_FIELD_NUMBER: _ClassVar[int]
    workflow: WorkflowSlot
    activity: ActivitySlot
    local_activity: ActivitySlot
    nexus: NexusSlot
    def __init__(self, workflow: _Optional[_Union[WorkflowSlot, _Mapping]] = ..., activity: _Optional[_Union[ActivitySlot, _Mapping]] = ..., local_activity: _Optional[_Union[ActivitySlot, _Mapping]] = ..., nexus: _Optional[_Union[NexusSlot, _Mapping]] = ...) -> None: ...

class WorkflowSlot(_message.Message):
    __slots__ = ("workflow_type", "is_sticky")
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    IS_STICKY_FIELD_NUMBER: _ClassVar[int]
    workflow_type: str
    is_sticky: bool
    def __init__(self, workflow_type: _Optional[str] = ..., is_sticky: _Optional[bool] = ...) -> None: ...

class ActivitySlot(_message.Message):
    __slots__ = ("activity_type",)
    ACTIVITY_TYPE_FIELD_NUMBER: _ClassVar[int]
    activity_type: str
    def __init__(self, activity_type: _Optional[str] = ...) -> None: ...

class NexusSlot(_message.Message):
    __slots__ = ("service", "operation")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    service: str
    operation: str
    def __init__(self, service: _Optional[str] = ..., operation: _Optional[str] = ...) -> None: ...

class ResourceSample(_message.Message):
    __slots__ = ("memory_usage", "cpu_usage")
    MEMORY_USAGE_FIELD_NUMBER: _ClassVar[int]
    CPU_USAGE_FIELD_NUMBER: _ClassVar[int]
    memory_usage: float
    cpu_usage: float
    def __init__(self, memory_usage: _Optional[float] = ..., cpu_usage: _Optional[float] = ...) -> None: ...
