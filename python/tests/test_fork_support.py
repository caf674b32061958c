"""The gRPC library's fork handlers: off, unless the user wants them, and nobody else sees that we say so."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import asyncio, os
os_environ = dict(os.environ)
from corewasm.transport import RpcFailure, TransportOptions, UnaryRequest, make_transport

async def main():
    transport = make_transport(TransportOptions("127.0.0.1", 1))
    try:
        await transport.unary(UnaryRequest("/a.Service/Method", b"", timeout=10.0))
    except RpcFailure:
        pass
    ends = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            os._exit(0)
        ends.append(os.waitpid(child, 0)[1])
    print(sum(end != 0 for end in ends), dict(os.environ) == os_environ, os.getenv("GRPC_ENABLE_FORK_SUPPORT"))
    await transport.close()

asyncio.run(main())
"""


def run(**environment: str) -> tuple[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], capture_output=True, text=True, env={**others, **environment}
    )
    return found.stdout.strip(), found.stderr


def test_children_that_use_no_grpc_meet_none_of_its_handlers() -> None:
    assert run() == ("0 True None", "")


def test_a_user_who_wants_them_has_them() -> None:
    said, complaints = run(GRPC_ENABLE_FORK_SUPPORT="1")
    assert said.endswith(" True 1")
    assert "fork" in complaints


def test_the_library_is_told_and_the_environment_of_others_is_not() -> None:
    script = (
        "import os, subprocess\n"
        "from corewasm.transport.grpc_channel import first_use\n"
        "with first_use():\n"
        "    print('GRPC_ENABLE_FORK_SUPPORT' in os.environ)\n"
        "print(subprocess.check_output(['env'], text=True).count('GRPC_ENABLE_FORK_SUPPORT'))\n"
    )
    others = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=others, check=True)
    assert found.stdout.split() == ["False", "0"]
