"""The turn envelope (docs/abi.md) as Python messages, and the version of it that this host speaks."""

from corewasm.abi.v1 import telemetry_pb2 as telemetry
from corewasm.abi.v1 import turn_pb2 as turn
from corewasm.abi.v1 import worker_pb2 as worker

ABI_MAJOR = 1
"""The only major version that this host understands. A module of another one is refused when it is loaded."""

__all__ = ["ABI_MAJOR", "telemetry", "turn", "worker"]
