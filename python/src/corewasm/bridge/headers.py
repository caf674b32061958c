"""A connection's own headers: checked when they are set, with the texts of the native module's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from corewasm.bridge.config import split_headers
from corewasm.transport import text_headers_are_ascii

T = TypeVar("T")

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_HEADER_TEXT = re.compile(r"[\t\x20-\x7e\x80-\ud7ff\ue000-\U0010ffff]*\Z")
_VISIBLE_ASCII = re.compile(r"[\x20-\x7e]*\Z")
_LIBRARYS_NAME = re.compile(r"[0-9A-Za-z_.-]+\Z")
_MORE = "A transport of your own may send more (docs/transport.md)"
_WHY = f"the gRPC library sends visible ASCII only. {_MORE}"
_WHY_NAME = f"the gRPC library sends names of letters, digits, '-', '_' and '.' only. {_MORE}"


def checked_headers(metadata: Mapping[str, str | bytes]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Headers with text and with bytes.

    Raises:
        ValueError: a key or value that gRPC cannot send.
    """
    headers, binary_headers = split_headers(metadata)
    return checked_texts(headers), checked_binaries(binary_headers)


def checked_texts(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with text, their names in lower case. Raises ValueError as above."""
    for key, value in headers.items():
        if not _HEADER_NAME.match(key) or key.lower().endswith("-bin"):
            raise ValueError(f"Invalid ASCII header key '{key}': invalid gRPC metadata key name")
        if _name_cannot_be_sent(key):
            raise ValueError(f"Invalid ASCII header key '{key}': {_WHY_NAME}")
        if not _HEADER_TEXT.match(value):
            raise ValueError(f"Invalid ASCII header value for key '{key}': failed to parse metadata value")
        if _cannot_be_sent(value):
            raise ValueError(f"Invalid ASCII header value for key '{key}': failed to parse metadata value: {_WHY}")
    return _lower(headers)


def checked_api_key(api_key: str | None) -> str | None:
    """A key that is sent as it stands, or as by native Core not at all: one with control characters.

    Raises:
        ValueError: Core would send it, and the gRPC library cannot.
    """
    if api_key is not None and _HEADER_TEXT.match(api_key) and _cannot_be_sent(api_key):
        raise ValueError(f"Invalid API key: failed to parse metadata value: {_WHY}")
    return api_key


def checked_binaries(headers: Mapping[str, bytes]) -> dict[str, bytes]:
    """Headers with bytes, their names in lower case. Raises ValueError as above."""
    for key in headers:
        if not _HEADER_NAME.match(key) or not key.lower().endswith("-bin"):
            raise ValueError(f"Invalid binary header key '{key}': invalid gRPC metadata key name")
        if _name_cannot_be_sent(key):
            raise ValueError(f"Invalid binary header key '{key}': {_WHY_NAME}")
    return _lower(headers)


def call_headers(metadata: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Headers of one call. Raises ValueError, with other texts than those of a connection's headers."""
    headers: dict[str, str] = {}
    binary_headers: dict[str, bytes] = {}
    for key, value in metadata.items():
        if not _HEADER_NAME.match(key):
            raise ValueError("Invalid metadata key: invalid gRPC metadata key name")
        if _name_cannot_be_sent(key):
            raise ValueError(f"Invalid metadata key: {key}: {_WHY_NAME}")
        if key.lower().endswith("-bin"):
            if not isinstance(value, bytes):
                raise ValueError(f"Invalid metadata value for binary key {key}: expected bytes")
            binary_headers[key.lower()] = value
        elif not isinstance(value, str):
            raise ValueError(f"Invalid metadata value for ASCII key {key}: expected str")
        elif not _HEADER_TEXT.match(value):
            raise ValueError("Invalid metadata value: failed to parse metadata value")
        elif _cannot_be_sent(value):
            raise ValueError(f"Invalid metadata value: failed to parse metadata value for key {key}: {_WHY}")
        else:
            headers[key.lower()] = value
    return headers, binary_headers


def _cannot_be_sent(value: str) -> bool:
    return text_headers_are_ascii() and not _VISIBLE_ASCII.match(value)


def _name_cannot_be_sent(key: str) -> bool:
    return text_headers_are_ascii() and not _LIBRARYS_NAME.match(key)


def _lower(headers: Mapping[str, T]) -> dict[str, T]:
    return {key.lower(): value for key, value in headers.items()}
