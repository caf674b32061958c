"""The table of engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEAD = """\
| engine | version | compile, ms | from its cache, ms | instantiate, ms | turns per second | idle instance, KiB |
|---|---|--:|--:|--:|--:|--:|
"""


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown, a row for each engine in the order given."""
    return _HEAD + "".join(_row(name, each) for name, each in results.items())


def _row(name: str, figures: Mapping[str, Any]) -> str:
    cached = "" if figures["cached_ms"] is None else f"{figures['cached_ms']:.0f}"
    cells = [
        name,
        figures["version"],
        f"{figures['compile_ms']:.0f}",
        cached,
        f"{figures['instantiate_ms']:.2f}",
        f"{figures['turns_per_second']:,}",
        f"{figures['idle_bytes'] / 1024:.0f}",
    ]
    return "| " + " | ".join(cells) + " |\n"
