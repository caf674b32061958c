# mypy: ignore-errors
from corewasm.abi.v1 import worker_pb2 as _worker_pb2
from corewasm.abi.v1 import telemetry_pb2 as _telemetry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TurnRequest(_message.Message):
    __slots__ = ("wall_clock_ns", "monotonic_ns", "entropy", "inputs")
    WALL_CLOCK_NS_FIELD_NUMBER: _ClassVar[int]
    MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    wall_clock_ns: int
    monotonic_ns: int
    entropy: bytes
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    def __init__(self, wall_clock_ns: _Optional[int] = ..., monotonic_ns: _Optional[int] = ..., entropy: _Optional[bytes] = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ...) -> None: ...

class TurnResponse(_message.Message):
    __slots__ = ("effects", "next_wakeup_ns", "input_errors", "request_error", "kept")
    EFFECTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_WAKEUP_NS_FIELD_NUMBER: _ClassVar[int]
    INPUT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ERROR_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    effects: _containers.RepeatedCompositeFieldContainer[Effect]
    next_wakeup_ns: int
    input_errors: _containers.RepeatedCompositeFieldContainer[InputError]
    request_error: str
    kept: KeptChanges
    def __init__(self, effects: _Optional[_Iterable[_Union[Effect, _Mapping]]] = ..., next_wakeup_ns: _Optional[int] = ..., input_errors: _Optional[_Iterable[_Union[InputError, _Mapping]]] = ..., request_error: _Optional[str] = ..., kept: _Optional[_Union[KeptChanges, _Mapping]] = ...) -> None: ...

class KeptChanges(_message.Message):
    __slots__ = ("keep", "forget")
    KEEP_FIELD_NUMBER: _ClassVar[int]
    FORGET_FIELD_NUMBER: _ClassVar[int]
    keep: _containers.RepeatedCompositeFieldContainer[Keep]
    forget: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, keep: _Optional[_Iterable[_Union[Keep, _Mapping]]] = ..., forget: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Keep(_message.Message):
    __slots__ = ("key", "state", "input", "value", "unchanged")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    state: bytes
    input: int
    value: int
    unchanged: bool
    def __init__(self, key: _Optional[bytes] = ..., state: _Optional[bytes] = ..., input: _Optional[int] = ..., value: _Optional[int] = ..., unchanged: _Optional[bool] = ...) -> None: ...

class Kept(_message.Message):
    __slots__ = ("key", "state", "body")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    state: bytes
    body: bytes
    def __init__(self, key: _Optional[bytes] = ..., state: _Optional[bytes] = ..., body: _Optional[bytes] = ...) -> None: ...

class Trapped(_message.Message):
    __slots__ = ("text", "panic", "at_ns", "alone")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PANIC_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    ALONE_FIELD_NUMBER: _ClassVar[int]
    text: str
    panic: str
    at_ns: _containers.RepeatedScalarFieldContainer[int]
    alone: bytes
    def __init__(self, text: _Optional[str] = ..., panic: _Optional[str] = ..., at_ns: _Optional[_Iterable[int]] = ..., alone: _Optional[bytes] = ...) -> None: ...

class InputError(_message.Message):
    __slots__ = ("input_index", "kind", "message")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[InputError.Kind]
        UNKNOWN_MESSAGE: _ClassVar[InputError.Kind]
        BAD_HANDLE: _ClassVar[InputError.Kind]
        MALFORMED: _ClassVar[InputError.Kind]
        OVERSIZED: _ClassVar[InputError.Kind]
        BAD_STATE: _ClassVar[InputError.Kind]
    KIND_UNSPECIFIED: InputError.Kind
    UNKNOWN_MESSAGE: InputError.Kind
    BAD_HANDLE: InputError.Kind
    MALFORMED: InputError.Kind
    OVERSIZED: InputError.Kind
    BAD_STATE: InputError.Kind
    INPUT_INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    input_index: int
    kind: InputError.Kind
    message: str
    def __init__(self, input_index: _Optional[int] = ..., kind: _Optional[_Union[InputError.Kind, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ("open", "client_connect", "client_update_headers", "client_update_api_key", "client_close", "client_call", "call_cancelled", "rpc_result", "worker_open", "replay_worker_open", "worker_validate", "worker_replace_client", "worker_initiate_shutdown", "worker_finalize_shutdown", "worker_poll", "worker_complete", "worker_heartbeat", "worker_request_eviction", "undelivered", "history_push", "history_close", "orphaned_rpc_result", "worker_drop", "slot_reserved", "resource_sample", "repetition")
    class Repetition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FIRST: _ClassVar[Input.Repetition]
        UNANSWERED: _ClassVar[Input.Repetition]
        TRAPPED: _ClassVar[Input.Repetition]
    FIRST: Input.Repetition
    UNANSWERED: Input.Repetition
    TRAPPED: Input.Repetition
    OPEN_FIELD_NUMBER: _ClassVar[int]
    CLIENT_CONNECT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_UPDATE_HEADERS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_UPDATE_API_KEY_FIELD_NUMBER: _ClassVar[int]
    CLIENT_CLOSE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_CALL_FIELD_NUMBER: _ClassVar[int]
    CALL_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    RPC_RESULT_FIELD_NUMBER: _ClassVar[int]
    WORKER_OPEN_FIELD_NUMBER: _ClassVar[int]
    REPLAY_WORKER_OPEN_FIELD_NUMBER: _ClassVar[int]
    WORKER_VALIDATE_FIELD_NUMBER: _ClassVar[int]
    WORKER_REPLACE_CLIENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_INITIATE_SHUTDOWN_FIELD_NUMBER: _ClassVar[int]
    WORKER_FINALIZE_SHUTDOWN_FIELD_NUMBER: _ClassVar[int]
    WORKER_POLL_FIELD_NUMBER: _ClassVar[int]
    WORKER_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    WORKER_HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    WORKER_REQUEST_EVICTION_FIELD_NUMBER: _ClassVar[int]
    UNDELIVERED_FIELD_NUMBER: _ClassVar[int]
    HISTORY_PUSH_FIELD_NUMBER: _ClassVar[int]
    HISTORY_CLOSE_FIELD_NUMBER: _ClassVar[int]
    ORPHANED_RPC_RESULT_FIELD_NUMBER: _ClassVar[int]
    WORKER_DROP_FIELD_NUMBER: _ClassVar[int]
    SLOT_RESERVED_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    REPETITION_FIELD_NUMBER: _ClassVar[int]
    open: Open
    client_connect: ClientConnect
    client_update_headers: ClientUpdateHeaders
    client_update_api_key: ClientUpdateApiKey
    client_close: ClientClose
    client_call: ClientCall
    call_cancelled: CallCancelled
    rpc_result: RpcResult
    worker_open: _worker_pb2.WorkerOpen
    replay_worker_open: _worker_pb2.ReplayWorkerOpen
    worker_validate: _worker_pb2.WorkerValidate
    worker_replace_client: _worker_pb2.WorkerReplaceClient
    worker_initiate_shutdown: _worker_pb2.WorkerInitiateShutdown
    worker_finalize_shutdown: _worker_pb2.WorkerFinalizeShutdown
    worker_poll: _worker_pb2.WorkerPoll
    worker_complete: _worker_pb2.WorkerComplete
    worker_heartbeat: _worker_pb2.WorkerHeartbeat
    worker_request_eviction: _worker_pb2.WorkerRequestEviction
    undelivered: _worker_pb2.Undelivered
    history_push: _worker_pb2.HistoryPush
    history_close: _worker_pb2.HistoryClose
    orphaned_rpc_result: OrphanedRpcResult
    worker_drop: _worker_pb2.WorkerDrop
    slot_reserved: _worker_pb2.SlotReserved
    resource_sample: _worker_pb2.ResourceSample
    repetition: Input.Repetition
    def __init__(self, open: _Optional[_Union[Open, _Mapping]] = ..., client_connect: _Optional[_Union[ClientConnect, _Mapping]] = ..., client_update_headers: _Optional[_Union[ClientUpdateHeaders, _Mapping]] = ..., client_update_api_key: _Optional[_Union[ClientUpdateApiKey, _Mapping]] = ..., client_close: _Optional[_Union[ClientClose, _Mapping]] = ..., client_call: _Optional[_Union[ClientCall, _Mapping]] = ..., call_cancelled: _Optional[_Union[CallCancelled, _Mapping]] = ..., rpc_result: _Optional[_Union[RpcResult, _Mapping]] = ..., worker_open: _Optional[_Union[_worker_pb2.WorkerOpen, _Mapping]] = ..., replay_worker_open: _Optional[_Union[_worker_pb2.ReplayWorkerOpen, _Mapping]] = ..., worker_validate: _Optional[_Union[_worker_pb2.WorkerValidate, _Mapping]] = ..., worker_replace_client: _Optional[_Union[_worker_pb2.WorkerReplaceClient, _Mapping]] = ..., worker_initiate_shutdown: _Optional[_Union[_worker_pb2.WorkerInitiateShutdown, _Mapping]] = ..., worker_finalize_shutdown: _Optional[_Union[_worker_pb2.WorkerFinalizeShutdown, _Mapping]] = ..., worker_poll: _Optional[_Union[_worker_pb2.WorkerPoll, _Mapping]] = ..., worker_complete: _Optional[_Union[_worker_pb2.WorkerComplete, _Mapping]] = ..., worker_heartbeat: _Optional[_Union[_worker_pb2.WorkerHeartbeat, _Mapping]] = ..., worker_request_eviction: _Optional[_Union[_worker_pb2.WorkerRequestEviction, _Mapping]] = ..., undelivered: _Optional[_Union[_worker_pb2.Undelivered, _Mapping]] = ..., history_push: _Optional[_Union[_worker_pb2.HistoryPush, _Mapping]] = ..., history_close: _Optional[_Union[_worker_pb2.HistoryClose, _Mapping]] = ..., orphaned_rpc_result: _Optional[_Union[OrphanedRpcResult, _Mapping]] = ..., worker_drop: _Optional[_Union[_worker_pb2.WorkerDrop, _Mapping]] = ..., slot_reserved: _Optional[_Union[_worker_pb2.SlotReserved, _Mapping]] = ..., resource_sample: _Optional[_Union[_worker_pb2.ResourceSample, _Mapping]] = ..., repetition: _Optional[_Union[Input.Repetition, str]] = ...) -> None: ...

class Effect(_message.Message):
    __slots__ = ("rpc_start", "rpc_cancel", "call_resolved", "log", "define_instrument", "define_attributes", "metric_records", "slot_reserve", "slot_reserve_cancel", "slot_try_reserve", "slot_mark_used", "slot_release", "handle_closed")
    RPC_START_FIELD_NUMBER: _ClassVar[int]
    RPC_CANCEL_FIELD_NUMBER: _ClassVar[int]
    CALL_RESOLVED_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    DEFINE_INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    DEFINE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    METRIC_RECORDS_FIELD_NUMBER: _ClassVar[int]
    SLOT_RESERVE_FIELD_NUMBER: _ClassVar[int]
    SLOT_RESERVE_CANCEL_FIELD_NUMBER: _ClassVar[int]
    SLOT_TRY_RESERVE_FIELD_NUMBER: _ClassVar[int]
    SLOT_MARK_USED_FIELD_NUMBER: _ClassVar[int]
    SLOT_RELEASE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_CLOSED_FIELD_NUMBER: _ClassVar[int]
    rpc_start: RpcStart
    rpc_cancel: RpcCancel
    call_resolved: CallResolved
    log: _telemetry_pb2.LogRecord
    define_instrument: _telemetry_pb2.DefineInstrument
    define_attributes: _telemetry_pb2.DefineAttributes
    metric_records: _telemetry_pb2.MetricRecords
    slot_reserve: _worker_pb2.SlotReserve
    slot_reserve_cancel: _worker_pb2.SlotReserveCancel
    slot_try_reserve: _worker_pb2.SlotTryReserve
    slot_mark_used: _worker_pb2.SlotMarkUsed
    slot_release: _worker_pb2.SlotRelease
    handle_closed: HandleClosed
    def __init__(self, rpc_start: _Optional[_Union[RpcStart, _Mapping]] = ..., rpc_cancel: _Optional[_Union[RpcCancel, _Mapping]] = ..., call_resolved: _Optional[_Union[CallResolved, _Mapping]] = ..., log: _Optional[_Union[_telemetry_pb2.LogRecord, _Mapping]] = ..., define_instrument: _Optional[_Union[_telemetry_pb2.DefineInstrument, _Mapping]] = ..., define_attributes: _Optional[_Union[_telemetry_pb2.DefineAttributes, _Mapping]] = ..., metric_records: _Optional[_Union[_telemetry_pb2.MetricRecords, _Mapping]] = ..., slot_reserve: _Optional[_Union[_worker_pb2.SlotReserve, _Mapping]] = ..., slot_reserve_cancel: _Optional[_Union[_worker_pb2.SlotReserveCancel, _Mapping]] = ..., slot_try_reserve: _Optional[_Union[_worker_pb2.SlotTryReserve, _Mapping]] = ..., slot_mark_used: _Optional[_Union[_worker_pb2.SlotMarkUsed, _Mapping]] = ..., slot_release: _Optional[_Union[_worker_pb2.SlotRelease, _Mapping]] = ..., handle_closed: _Optional[_Union[HandleClosed, _Mapping]] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("log_filter", "metrics", "worker_heartbeat_interval_ns", "disable_environment_info", "host_name", "process_id", "environment", "keep", "kept", "trapped")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LOG_FILTER_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    WORKER_HEARTBEAT_INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    DISABLE_ENVIRONMENT_INFO_FIELD_NUMBER: _ClassVar[int]
    HOST_NAME_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    TRAPPED_FIELD_NUMBER: _ClassVar[int]
    log_filter: _telemetry_pb2.LogFilter
    metrics: _telemetry_pb2.MetricsOptions
    worker_heartbeat_interval_ns: int
    disable_environment_info: bool
    host_name: str
    process_id: str
    environment: _containers.ScalarMap[str, str]
    keep: bool
    kept: _containers.RepeatedCompositeFieldContainer[Kept]
    trapped: Trapped
    def __init__(self, log_filter: _Optional[_Union[_telemetry_pb2.LogFilter, _Mapping]] = ..., metrics: _Optional[_Union[_telemetry_pb2.MetricsOptions, _Mapping]] = ..., worker_heartbeat_interval_ns: _Optional[int] = ..., disable_environment_info: _Optional[bool] = ..., host_name: _Optional[str] = ..., process_id: _Optional[str] = ..., environment: _Optional[_Mapping[str, str]] = ..., keep: _Optional[bool] = ..., kept: _Optional[_Iterable[_Union[Kept, _Mapping]]] = ..., trapped: _Optional[_Union[Trapped, _Mapping]] = ...) -> None: ...

class ClientConnect(_message.Message):
    __slots__ = ("client", "call", "config", "adopt")
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    ADOPT_FIELD_NUMBER: _ClassVar[int]
    client: int
    call: int
    config: ClientConfig
    adopt: bool
    def __init__(self, client: _Optional[int] = ..., call: _Optional[int] = ..., config: _Optional[_Union[ClientConfig, _Mapping]] = ..., adopt: _Optional[bool] = ...) -> None: ...

class ClientConfig(_message.Message):
    __slots__ = ("client_name", "client_version", "identity", "headers", "binary_headers", "api_key", "retry", "payloads_warn_size", "memo_warn_size", "gzip", "skip_get_system_info", "disable_error_code_metric_tags", "target_url")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class BinaryHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    CLIENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BINARY_HEADERS_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    PAYLOADS_WARN_SIZE_FIELD_NUMBER: _ClassVar[int]
    MEMO_WARN_SIZE_FIELD_NUMBER: _ClassVar[int]
    GZIP_FIELD_NUMBER: _ClassVar[int]
    SKIP_GET_SYSTEM_INFO_FIELD_NUMBER: _ClassVar[int]
    DISABLE_ERROR_CODE_METRIC_TAGS_FIELD_NUMBER: _ClassVar[int]
    TARGET_URL_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    client_version: str
    identity: str
    headers: _containers.ScalarMap[str, str]
    binary_headers: _containers.ScalarMap[str, bytes]
    api_key: str
    retry: RetryConfig
    payloads_warn_size: int
    memo_warn_size: int
    gzip: bool
    skip_get_system_info: bool
    disable_error_code_metric_tags: bool
    target_url: str
    def __init__(self, client_name: _Optional[str] = ..., client_version: _Optional[str] = ..., identity: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., binary_headers: _Optional[_Mapping[str, bytes]] = ..., api_key: _Optional[str] = ..., retry: _Optional[_Union[RetryConfig, _Mapping]] = ..., payloads_warn_size: _Optional[int] = ..., memo_warn_size: _Optional[int] = ..., gzip: _Optional[bool] = ..., skip_get_system_info: _Optional[bool] = ..., disable_error_code_metric_tags: _Optional[bool] = ..., target_url: _Optional[str] = ...) -> None: ...

class RetryConfig(_message.Message):
    __slots__ = ("initial_interval_ns", "randomization_factor", "multiplier", "max_interval_ns", "max_elapsed_ns", "max_retries")
    INITIAL_INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    RANDOMIZATION_FACTOR_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    MAX_INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_ELAPSED_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    initial_interval_ns: int
    randomization_factor: float
    multiplier: float
    max_interval_ns: int
    max_elapsed_ns: int
    max_retries: int
    def __init__(self, initial_interval_ns: _Optional[int] = ..., randomization_factor: _Optional[float] = ..., multiplier: _Optional[float] = ..., max_interval_ns: _Optional[int] = ..., max_elapsed_ns: _Optional[int] = ..., max_retries: _Optional[int] = ...) -> None: ...

class ClientUpdateHeaders(_message.Message):
    __slots__ = ("client", "headers", "binary_headers")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class BinaryHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BINARY_HEADERS_FIELD_NUMBER: _ClassVar[int]
    client: int
    headers: _containers.ScalarMap[str, str]
    binary_headers: _containers.ScalarMap[str, bytes]
    def __init__(self, client: _Optional[int] = ..., headers: _Optional[_Mapping[str, str]] = ..., binary_headers: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class ClientUpdateApiKey(_message.Message):
    __slots__ = ("client", "api_key")
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    client: int
    api_key: str
    def __init__(self, client: _Optional[int] = ..., api_key: _Optional[str] = ...) -> None: ...

class ClientClose(_message.Message):
    __slots__ = ("client",)
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    client: int
    def __init__(self, client: _Optional[int] = ...) -> None: ...

class ClientCall(_message.Message):
    __slots__ = ("client", "call", "service", "rpc", "body", "retry", "headers", "binary_headers", "timeout_ns")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class BinaryHeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BINARY_HEADERS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_NS_FIELD_NUMBER: _ClassVar[int]
    client: int
    call: int
    service: str
    rpc: str
    body: bytes
    retry: bool
    headers: _containers.ScalarMap[str, str]
    binary_headers: _containers.ScalarMap[str, bytes]
    timeout_ns: int
    def __init__(self, client: _Optional[int] = ..., call: _Optional[int] = ..., service: _Optional[str] = ..., rpc: _Optional[str] = ..., body: _Optional[bytes] = ..., retry: _Optional[bool] = ..., headers: _Optional[_Mapping[str, str]] = ..., binary_headers: _Optional[_Mapping[str, bytes]] = ..., timeout_ns: _Optional[int] = ...) -> None: ...

class CallCancelled(_message.Message):
    __slots__ = ("call",)
    CALL_FIELD_NUMBER: _ClassVar[int]
    call: int
    def __init__(self, call: _Optional[int] = ...) -> None: ...

class MetadataEntry(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class RpcStart(_message.Message):
    __slots__ = ("rpc", "client", "uri", "body", "metadata", "timeout_ns", "gzip", "worker")
    RPC_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_NS_FIELD_NUMBER: _ClassVar[int]
    GZIP_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    rpc: int
    client: int
    uri: str
    body: bytes
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    timeout_ns: int
    gzip: bool
    worker: int
    def __init__(self, rpc: _Optional[int] = ..., client: _Optional[int] = ..., uri: _Optional[str] = ..., body: _Optional[bytes] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ..., timeout_ns: _Optional[int] = ..., gzip: _Optional[bool] = ..., worker: _Optional[int] = ...) -> None: ...

class RpcCancel(_message.Message):
    __slots__ = ("rpc",)
    RPC_FIELD_NUMBER: _ClassVar[int]
    rpc: int
    def __init__(self, rpc: _Optional[int] = ...) -> None: ...

class RpcResult(_message.Message):
    __slots__ = ("rpc", "response", "status")
    RPC_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    rpc: int
    response: GrpcResponse
    status: GrpcStatus
    def __init__(self, rpc: _Optional[int] = ..., response: _Optional[_Union[GrpcResponse, _Mapping]] = ..., status: _Optional[_Union[GrpcStatus, _Mapping]] = ...) -> None: ...

class GrpcResponse(_message.Message):
    __slots__ = ("body", "metadata")
    BODY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    def __init__(self, body: _Optional[bytes] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ...) -> None: ...

class GrpcStatus(_message.Message):
    __slots__ = ("code", "message", "details", "metadata", "transport")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    details: bytes
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    transport: bool
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., details: _Optional[bytes] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ..., transport: _Optional[bool] = ...) -> None: ...

class OrphanedRpcResult(_message.Message):
    __slots__ = ("worker", "uri", "result")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    worker: int
    uri: str
    result: RpcResult
    def __init__(self, worker: _Optional[int] = ..., uri: _Optional[str] = ..., result: _Optional[_Union[RpcResult, _Mapping]] = ...) -> None: ...

class CallResolved(_message.Message):
    __slots__ = ("call", "value", "error")
    CALL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    call: int
    value: bytes
    error: CallError
    def __init__(self, call: _Optional[int] = ..., value: _Optional[bytes] = ..., error: _Optional[_Union[CallError, _Mapping]] = ...) -> None: ...

class CallError(_message.Message):
    __slots__ = ("kind", "message", "rpc_code", "details")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[CallError.Kind]
        RPC: _ClassVar[CallError.Kind]
        SHUTDOWN: _ClassVar[CallError.Kind]
        VALUE: _ClassVar[CallError.Kind]
        RUNTIME: _ClassVar[CallError.Kind]
        CANCELLED: _ClassVar[CallError.Kind]
    KIND_UNSPECIFIED: CallError.Kind
    RPC: CallError.Kind
    SHUTDOWN: CallError.Kind
    VALUE: CallError.Kind
    RUNTIME: CallError.Kind
    CANCELLED: CallError.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RPC_CODE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    kind: CallError.Kind
    message: str
    rpc_code: int
    details: bytes
    def __init__(self, kind: _Optional[_Union[CallError.Kind, str]] = ..., message: _Optional[str] = ..., rpc_code: _Optional[int] = ..., details: _Optional[bytes] = ...) -> None: ...

class HandleClosed(_message.Message):
    __slots__ = ("client", "worker")
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    client: int
    worker: int
    def __init__(self, client: _Optional[int] = ..., worker: _Optional[int] = ...) -> None: ...
