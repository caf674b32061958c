"""The exceptions that the SDK knows, and how an error of Core becomes one of them."""

from __future__ import annotations

import asyncio

from corewasm.abi import turn


class RPCError(Exception):
    """An RPC ended with another status than OK. Its arguments: code, message, the raw status details."""


class PollShutdownError(Exception):
    """A poll ended because the worker is shut down for its kind of task. No arguments."""


RPCError.__module__ = PollShutdownError.__module__ = "temporal_sdk_bridge"


def error_of(error: turn.CallError) -> BaseException:
    """The exception for a failed call."""
    if error.kind == turn.CallError.RPC:
        return RPCError(error.rpc_code, error.message, error.details)
    if error.kind == turn.CallError.SHUTDOWN:
        return PollShutdownError()
    if error.kind == turn.CallError.VALUE:
        return ValueError(error.message)
    if error.kind == turn.CallError.CANCELLED:
        return asyncio.CancelledError()
    return RuntimeError(error.message)
