# mypy: ignore-errors
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Activation(_message.Message):
    __slots__ = ("run_id", "jobs")
    class Job(_message.Message):
        __slots__ = ("remove_from_cache",)
        REMOVE_FROM_CACHE_FIELD_NUMBER: _ClassVar[int]
        remove_from_cache: bytes
        def __init__(self, remove_from_cache: _Optional[bytes] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    jobs: _containers.RepeatedCompositeFieldContainer[Activation.Job]
    def __init__(self, run_id: _Optional[str] = ..., jobs: _Optional[_Iterable[_Union[Activation.Job, _Mapping]]] = ...) -> None: ...

class ActivationCompletion(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ActivityTask(_message.Message):
    __slots__ = ("task_token", "start")
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    start: bytes
    def __init__(self, task_token: _Optional[bytes] = ..., start: _Optional[bytes] = ...) -> None: ...

class TaskCompletion(_message.Message):
    __slots__ = ("task_token",)
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ...) -> None: ...

class NexusTask(_message.Message):
    __slots__ = ("task",)
    class Poll(_message.Message):
        __slots__ = ("task_token",)
        TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
        task_token: bytes
        def __init__(self, task_token: _Optional[bytes] = ...) -> None: ...
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: NexusTask.Poll
    def __init__(self, task: _Optional[_Union[NexusTask.Poll, _Mapping]] = ...) -> None: ...

class WorkflowTask(_message.Message):
    __slots__ = ("task_token", "workflow_execution")
    class Execution(_message.Message):
        __slots__ = ("run_id",)
        RUN_ID_FIELD_NUMBER: _ClassVar[int]
        run_id: str
        def __init__(self, run_id: _Optional[str] = ...) -> None: ...
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_EXECUTION_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    workflow_execution: WorkflowTask.Execution
    def __init__(self, task_token: _Optional[bytes] = ..., workflow_execution: _Optional[_Union[WorkflowTask.Execution, _Mapping]] = ...) -> None: ...

class WorkflowTaskAnswer(_message.Message):
    __slots__ = ("task_token",)
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ...) -> None: ...

class WorkflowPollRequest(_message.Message):
    __slots__ = ("task_queue", "worker_instance_key")
    class TaskQueue(_message.Message):
        __slots__ = ("name", "kind")
        NAME_FIELD_NUMBER: _ClassVar[int]
        KIND_FIELD_NUMBER: _ClassVar[int]
        name: str
        kind: int
        def __init__(self, name: _Optional[str] = ..., kind: _Optional[int] = ...) -> None: ...
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    WORKER_INSTANCE_KEY_FIELD_NUMBER: _ClassVar[int]
    task_queue: WorkflowPollRequest.TaskQueue
    worker_instance_key: str
    def __init__(self, task_queue: _Optional[_Union[WorkflowPollRequest.TaskQueue, _Mapping]] = ..., worker_instance_key: _Optional[str] = ...) -> None: ...

class WorkflowTaskCompleted(_message.Message):
    __slots__ = ("workflow_task", "activity_tasks")
    WORKFLOW_TASK_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_TASKS_FIELD_NUMBER: _ClassVar[int]
    workflow_task: bytes
    activity_tasks: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, workflow_task: _Optional[bytes] = ..., activity_tasks: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PolledTask(_message.Message):
    __slots__ = ("task_token",)
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task_token: bytes
    def __init__(self, task_token: _Optional[bytes] = ...) -> None: ...
