"""Metadata of a wrong type is refused with the same exceptions that the native module gives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from corewasm.bridge.config import read_metadata, split_headers


def test_a_value_that_is_neither_text_nor_bytes_names_the_field_and_has_a_cause() -> None:
    with pytest.raises(TypeError, match=r"failed to extract field SimpleNamespace\.metadata") as refused:
        read_metadata(SimpleNamespace(metadata={"my-int-key": 256}), "metadata")
    assert str(refused.value.__cause__).startswith("failed to extract enum RpcMetadataValue ('str | bytes')")


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="'int' object is not an instance of 'str'"):
        split_headers({5: "x"})  # type: ignore[dict-item]


def test_text_and_bytes_go_separate_ways() -> None:
    assert split_headers({"a": "text", "b-bin": b"\x00"}) == ({"a": "text"}, {"b-bin": b"\x00"})
