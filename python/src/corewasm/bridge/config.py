"""Reads the SDK's configuration objects: by attribute name, at the call, whatever their class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_U64_MAX = 2**64 - 1
_MISSING: Any = object()


def read(config: object, name: str, kind: type[T], default: Any = _MISSING) -> T:
    """A field of this type. `default` stands in for one that an older SDK does not have.

    Raises:
        AttributeError: no such field and no default.
        TypeError: a value of another type.
    """
    value = getattr(config, name) if default is _MISSING else getattr(config, name, default)
    return _checked(config, name, value, kind)


def read_optional(config: object, name: str, kind: type[T]) -> T | None:
    """A field of this type or None; None too if an older SDK does not have it."""
    value = getattr(config, name, None)
    return None if value is None else _checked(config, name, value, kind)


def milliseconds(config: object, name: str) -> int:
    """A field in milliseconds, as nanoseconds: at most 2^64 - 1, 584 years."""
    return _nanoseconds(read(config, name, int))


def optional_milliseconds(config: object, name: str) -> int | None:
    """A field in milliseconds or None, as nanoseconds: at most 2^64 - 1, 584 years."""
    value = read_optional(config, name, int)
    return None if value is None else _nanoseconds(value)


def checked_metadata(metadata: object) -> dict[str, str | bytes]:
    """Metadata of a call or a connection: names to text or bytes.

    Raises:
        TypeError: not a dictionary, or a name or value of another type.
    """
    if not isinstance(metadata, Mapping):
        raise TypeError(f"'{type(metadata).__name__}' object is not an instance of 'dict'")
    for key, value in metadata.items():
        if not isinstance(key, str):
            raise TypeError(f"'{type(key).__name__}' object is not an instance of 'str'")
        if not isinstance(value, str | bytes):
            found = type(value).__name__
            raise TypeError(
                "failed to extract enum RpcMetadataValue ('str | bytes')\n"
                f"- value of {key}: '{found}' object is not an instance of 'str' or 'bytes'"
            )
    return dict(metadata)


def read_metadata(config: object, name: str) -> dict[str, str | bytes]:
    """A field with gRPC metadata.

    Raises:
        TypeError: as `checked_metadata`, which then is the cause.
    """
    try:
        return checked_metadata(getattr(config, name))
    except TypeError as error:
        raise TypeError(f"failed to extract field {type(config).__name__}.{name}") from error


def split_headers(metadata: Mapping[str, str | bytes]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Headers with text, and headers with bytes.

    Raises:
        TypeError: as `checked_metadata`.
    """
    items = checked_metadata(metadata).items()
    texts = {key: value for key, value in items if isinstance(value, str)}
    return texts, {key: value for key, value in items if isinstance(value, bytes)}


def _nanoseconds(milliseconds: int) -> int:
    # The SDK takes timedeltas of any length, and so does native Core.
    return min(milliseconds * 1_000_000, _U64_MAX)


def _checked(config: object, name: str, value: Any, kind: type[T]) -> T:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    good = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if not good:
        expected, found = kind.__name__, type(value).__name__
        raise TypeError(f"failed to extract field {type(config).__name__}.{name}: '{found}' is not '{expected}'")
    if kind is int and not 0 <= value <= _U64_MAX:
        raise OverflowError(f"failed to extract field {type(config).__name__}.{name}: {value} is out of range")
    checked: T = value
    return checked
