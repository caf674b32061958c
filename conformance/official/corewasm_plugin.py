"""A pytest plugin that puts corewasm under the SDK before any test imports it; xdist passes `-p` on."""

from __future__ import annotations

import corewasm

corewasm.install()


def pytest_report_header() -> str:
    """Name the Core in use, so that no one compares native with native."""
    from temporalio.bridge import temporal_sdk_bridge

    return f"core: {temporal_sdk_bridge.__name__} from {temporal_sdk_bridge.__file__}"
