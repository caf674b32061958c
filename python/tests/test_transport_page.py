"""What docs/transport.md shows, runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from corewasm import bridge
from corewasm.transport import use_transport
from rpc_server import rpc_server
from test_bridge_client import OPTIONS, call, config

PAGE = Path(__file__).resolve().parents[2] / "docs" / "transport.md"


@pytest.fixture(autouse=True)
def default_afterwards() -> Iterator[None]:
    yield
    use_transport(None)


async def test_the_interceptor_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(sample, str(PAGE), "exec"), {"__name__": "sample"})

    async def answer(method: str, _body: bytes, context: Any) -> bytes:
        if not method.endswith("GetSystemInfo"):
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such namespace")
        return b""

    async with rpc_server(answer) as server:
        client = await bridge.connect_client(bridge.init_runtime(OPTIONS), config(server.port))
        with pytest.raises(bridge.RPCError, match="no such namespace"):
            await client.call_workflow_service(call())
    assert [each.metadata["team"] for each in server.received] == ["payments", "payments"]
    told = re.sub(r"[0-9.]+ s$", "T s", capsys.readouterr().out, flags=re.MULTILINE).splitlines()
    service = "/temporal.api.workflowservice.v1.WorkflowService"
    assert told == [
        f"{service}/GetSystemInfo 0 bytes, status 0, T s",
        f"{service}/DescribeNamespace 4 bytes, status 5, T s",
    ]
