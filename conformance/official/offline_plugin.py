"""A pytest plugin that keeps only what needs no server."""

from __future__ import annotations

import pytest

_SERVER_FIXTURES = {"env", "client", "worker", "env_type"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect every item that asks for a server, a client of one, or a worker on one."""
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        (dropped if fixtures & _SERVER_FIXTURES else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)
