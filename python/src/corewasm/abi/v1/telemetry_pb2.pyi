# mypy: ignore-errors
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LogLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOG_LEVEL_UNSPECIFIED: _ClassVar[LogLevel]
    TRACE: _ClassVar[LogLevel]
    DEBUG: _ClassVar[LogLevel]
    INFO: _ClassVar[LogLevel]
    WARN: _ClassVar[LogLevel]
    ERROR: _ClassVar[LogLevel]
    OFF: _ClassVar[LogLevel]
LOG_LEVEL_UNSPECIFIED: LogLevel
TRACE: LogLevel
DEBUG: LogLevel
INFO: LogLevel
WARN: LogLevel
ERROR: LogLevel
OFF: LogLevel

class LogFilter(_message.Message):
    __slots__ = ("default_level", "directives")
    DEFAULT_LEVEL_FIELD_NUMBER: _ClassVar[int]
    DIRECTIVES_FIELD_NUMBER: _ClassVar[int]
    default_level: LogLevel
    directives: _containers.RepeatedCompositeFieldContainer[LogDirective]
    def __init__(self, default_level: _Optional[_Union[LogLevel, str]] = ..., directives: _Optional[_Iterable[_Union[LogDirective, _Mapping]]] = ...) -> None: ...

class LogDirective(_message.Message):
    __slots__ = ("target", "level")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    target: str
    level: LogLevel
    def __init__(self, target: _Optional[str] = ..., level: _Optional[_Union[LogLevel, str]] = ...) -> None: ...

class LogRecord(_message.Message):
    __slots__ = ("target", "message", "wall_clock_ns", "level", "fields", "span_contexts")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    WALL_CLOCK_NS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    SPAN_CONTEXTS_FIELD_NUMBER: _ClassVar[int]
    target: str
    message: str
    wall_clock_ns: int
    level: LogLevel
    fields: _containers.ScalarMap[str, str]
    span_contexts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, target: _Optional[str] = ..., message: _Optional[str] = ..., wall_clock_ns: _Optional[int] = ..., level: _Optional[_Union[LogLevel, str]] = ..., fields: _Optional[_Mapping[str, str]] = ..., span_contexts: _Optional[_Iterable[str]] = ...) -> None: ...

class MetricsOptions(_message.Message):
    __slots__ = ("enabled", "prefix", "attach_service_name")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    ATTACH_SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    prefix: str
    attach_service_name: bool
    def __init__(self, enabled: _Optional[bool] = ..., prefix: _Optional[str] = ..., attach_service_name: _Optional[bool] = ...) -> None: ...

class DefineInstrument(_message.Message):
    __slots__ = ("instrument", "kind", "name", "description", "unit", "buckets")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[DefineInstrument.Kind]
        COUNTER: _ClassVar[DefineInstrument.Kind]
        HISTOGRAM: _ClassVar[DefineInstrument.Kind]
        HISTOGRAM_DURATION: _ClassVar[DefineInstrument.Kind]
        GAUGE: _ClassVar[DefineInstrument.Kind]
        GAUGE_F64: _ClassVar[DefineInstrument.Kind]
    KIND_UNSPECIFIED: DefineInstrument.Kind
    COUNTER: DefineInstrument.Kind
    HISTOGRAM: DefineInstrument.Kind
    HISTOGRAM_DURATION: DefineInstrument.Kind
    GAUGE: DefineInstrument.Kind
    GAUGE_F64: DefineInstrument.Kind
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    instrument: int
    kind: DefineInstrument.Kind
    name: str
    description: str
    unit: str
    buckets: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, instrument: _Optional[int] = ..., kind: _Optional[_Union[DefineInstrument.Kind, str]] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., unit: _Optional[str] = ..., buckets: _Optional[_Iterable[float]] = ...) -> None: ...

class DefineAttributes(_message.Message):
    __slots__ = ("attributes", "extends", "key_values")
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    EXTENDS_FIELD_NUMBER: _ClassVar[int]
    KEY_VALUES_FIELD_NUMBER: _ClassVar[int]
    attributes: int
    extends: int
    key_values: _containers.RepeatedCompositeFieldContainer[MetricKeyValue]
    def __init__(self, attributes: _Optional[int] = ..., extends: _Optional[int] = ..., key_values: _Optional[_Iterable[_Union[MetricKeyValue, _Mapping]]] = ...) -> None: ...

class MetricKeyValue(_message.Message):
    __slots__ = ("key", "text", "integer", "float", "boolean")
    KEY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    FLOAT_FIELD_NUMBER: _ClassVar[int]
    BOOLEAN_FIELD_NUMBER: _ClassVar[int]
    key: str
    text: str
    integer: int
    float: float
    boolean: bool
    def __init__(self, key: _Optional[str] = ..., text: _Optional[str] = ..., integer: _Optional[int] = ..., float: _Optional[float] = ..., boolean: _Optional[bool] = ...) -> None: ...

class MetricRecords(_message.Message):
    __slots__ = ("packed",)
    PACKED_FIELD_NUMBER: _ClassVar[int]
    packed: bytes
    def __init__(self, packed: _Optional[bytes] = ...) -> None: ...
