"""The official SDK on our Core, against a real server.

COREWASM_LIVE_CORE=native runs the same tests on native Core: they must pass there too.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

if os.environ.get("COREWASM_LIVE_CORE", "corewasm") == "corewasm":
    import corewasm

    corewasm.install()

from temporalio.client import Client

from tools.temporal_server import ServerHandle, running_server


@pytest.fixture(scope="session")
def server() -> Iterator[ServerHandle]:
    """One server for the session."""
    with running_server() as handle:
        yield handle


@pytest_asyncio.fixture
async def client(server: ServerHandle) -> AsyncIterator[Client]:
    """A client of that server."""
    yield await Client.connect(server.address)


@pytest.fixture
def name() -> str:
    """A name no other test uses: for task queues and workflow ids."""
    return f"live-{uuid.uuid4()}"
