"""A history of 100 MB is replayed as native replays it, to its end and to where lang does not follow it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.differential import cores

MEGABYTES = 100
_NONDETERMINISM, _LANG_REQUESTED = "NONDETERMINISM", "LANG_REQUESTED"


def outlines(core: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    source, target = folder / "megabytes.json", folder / f"{core}.json"
    source.write_text(json.dumps(MEGABYTES))
    cores.run_child(core, "conformance.vectors.large_child", source, target)
    found: dict[str, list[dict[str, Any]]] = json.loads(target.read_text())
    return found


@pytest.mark.timeout(300)
def test_a_large_history_ends_as_on_native_core(tmp_path: Path) -> None:
    ours = outlines("corewasm", tmp_path)
    assert ours == outlines("native", tmp_path)
    assert sum(activation["bytes"] for activation in ours["followed"]) > MEGABYTES << 20
    assert _LANG_REQUESTED in ours["followed"][-1]["evicted"][0]
    assert _NONDETERMINISM in ours["not_followed"][-1]["evicted"][0]
    assert len(ours["not_followed"]) == len(ours["followed"])
