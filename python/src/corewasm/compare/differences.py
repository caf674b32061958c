"""Differences between two protobuf messages, field by field: maps unordered, all else ordered."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


@dataclass(frozen=True)
class Difference:
    """One field that is not the same."""

    path: str
    native: str
    ours: str

    def __str__(self) -> str:
        return f"{self.path}: native {self.native}, corewasm {self.ours}"


@dataclass(frozen=True)
class Masks:
    """Field paths that may differ (shell patterns, no indexes) and lists whose order says nothing, with reasons."""

    reasons: Mapping[str, str]
    unordered: Mapping[str, str] = field(default_factory=dict)

    def covers(self, path: str) -> bool:
        """Whether the field at `path` may differ."""
        plain = _without_indexes(path)
        return any(fnmatch.fnmatchcase(plain, pattern) for pattern in self.reasons)


NO_MASKS = Masks({})


def differences(native: Message, ours: Message, masks: Masks = NO_MASKS, path: str = "") -> Iterator[Difference]:
    """Yield every unmasked difference, in field order."""
    for each in native.DESCRIPTOR.fields:
        where = f"{path}.{each.name}" if path else each.name
        if not masks.covers(where):
            yield from _field_differences(native, ours, cast("FieldDescriptor", each), masks, where)


def _field_differences(
    native: Message, ours: Message, field: FieldDescriptor, masks: Masks, path: str
) -> Iterator[Difference]:
    left, right = getattr(native, field.name), getattr(ours, field.name)
    if _is_map(field):
        yield from _map_differences(left, right, masks, path)
    elif _is_repeated(field):
        if _without_indexes(path) in masks.unordered:
            left, right = sorted(left), sorted(right)
        yield from _list_differences(left, right, masks, path)
    elif field.message_type is not None:
        yield from _message_differences(native, ours, field, masks, path)
    elif left != right or _presence(native, field) != _presence(ours, field):
        yield Difference(path, _shown(left), _shown(right))


def _message_differences(
    native: Message, ours: Message, field: FieldDescriptor, masks: Masks, path: str
) -> Iterator[Difference]:
    has_left, has_right = native.HasField(field.name), ours.HasField(field.name)
    if has_left != has_right:
        left, right = getattr(native, field.name), getattr(ours, field.name)
        yield Difference(path, _shown(left) if has_left else "absent", _shown(right) if has_right else "absent")
    elif has_left:
        yield from differences(getattr(native, field.name), getattr(ours, field.name), masks, path)


def _list_differences(left: Sequence[Any], right: Sequence[Any], masks: Masks, path: str) -> Iterator[Difference]:
    for index in range(max(len(left), len(right))):
        where = f"{path}[{index}]"
        if index >= len(left):
            yield Difference(where, "absent", _shown(right[index]))
        elif index >= len(right):
            yield Difference(where, _shown(left[index]), "absent")
        else:
            yield from _value_differences(left[index], right[index], masks, where)


def _map_differences(
    left: Mapping[Any, Any], right: Mapping[Any, Any], masks: Masks, path: str
) -> Iterator[Difference]:
    for key in sorted(set(left) | set(right), key=str):
        where = f"{path}[{key!r}]"
        if key not in left:
            yield Difference(where, "absent", _shown(right[key]))
        elif key not in right:
            yield Difference(where, _shown(left[key]), "absent")
        else:
            yield from _value_differences(left[key], right[key], masks, where)


def _value_differences(left: Any, right: Any, masks: Masks, path: str) -> Iterator[Difference]:
    if isinstance(left, Message):
        yield from differences(left, right, masks, path)
    elif left != right:
        yield Difference(path, _shown(left), _shown(right))


def _is_repeated(field: FieldDescriptor) -> bool:
    # `label` went away in protobuf 7, `is_repeated` came in 6.
    repeated = getattr(field, "is_repeated", None)
    return bool(repeated) if repeated is not None else getattr(field, "label", 0) == FieldDescriptor.LABEL_REPEATED


def _is_map(field: FieldDescriptor) -> bool:
    entry = field.message_type
    return entry is not None and entry.GetOptions().map_entry


def _presence(message: Message, field: FieldDescriptor) -> bool:
    return message.HasField(field.name) if field.has_presence else False


def _shown(value: Any) -> str:
    text = " ".join(str(value).split()) if isinstance(value, Message) else repr(value)
    text = text or "(empty)"
    return text if len(text) <= 300 else f"{text[:300]}..."


def _without_indexes(path: str) -> str:
    plain, depth = [], 0
    for character in path:
        depth += character == "["
        if depth == 0:
            plain.append(character)
        depth -= character == "]"
    return "".join(plain)
