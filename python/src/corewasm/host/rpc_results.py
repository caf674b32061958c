"""From what a transport brings to what Core takes. A user's transport may bring anything; Core waits for every RPC."""

from __future__ import annotations

import traceback

from corewasm.abi import turn
from corewasm.transport import RpcFailure, UnaryResponse, too_large

LARGEST_INPUT_BYTES = 128 * 1024 * 1024
_INTERNAL = 13
_LARGEST_CODE = 16


class WronglyTyped(TypeError):
    """A transport brought something else than the protocol says."""


def answered(start: turn.RpcStart, transport: object, response: object) -> turn.RpcResult:
    """The end of an RPC that `transport` has answered with `response`."""
    try:
        if not isinstance(response, UnaryResponse):
            raise WronglyTyped(f"{_a(response)}, not a UnaryResponse")
        _expect("body", response.body, bytes)
        size = len(response.body)
        if size > LARGEST_INPUT_BYTES:
            return failed(start, transport, too_large(size, LARGEST_INPUT_BYTES))
        message = turn.GrpcResponse(body=response.body, metadata=_entries(response.metadata))
    except WronglyTyped as error:
        return failed(start, transport, RpcFailure(_INTERNAL, f"{_named(transport)} answered {start.uri} with {error}"))
    return turn.RpcResult(rpc=start.rpc, response=message)


def failed(start: turn.RpcStart, transport: object, failure: RpcFailure) -> turn.RpcResult:
    """The end of an RPC that `transport` has failed."""
    try:
        status = _status(failure)
    except WronglyTyped as error:
        text = f"{_named(transport)} failed {start.uri} with {error}"
        status = _status(RpcFailure(_INTERNAL, text))
    return turn.RpcResult(rpc=start.rpc, status=status)


def broken(start: turn.RpcStart, transport: object, error: BaseException) -> turn.RpcResult:
    """The end of an RPC from which something else came out than an `RpcFailure`."""
    text = "".join(traceback.format_exception_only(error)).strip()
    return failed(start, transport, RpcFailure(_INTERNAL, f"{_named(transport)} failed {start.uri}: {text}"))


def refusal(result: turn.RpcResult, why: turn.InputError) -> turn.RpcResult:
    """What Core is told in place of a result that it did not take."""
    if why.kind == turn.InputError.OVERSIZED:
        return turn.RpcResult(rpc=result.rpc, status=_status(too_large(result.ByteSize(), LARGEST_INPUT_BYTES)))
    return turn.RpcResult(rpc=result.rpc, status=_status(RpcFailure(_INTERNAL, f"Core refused it: {why.message}")))


def _status(failure: RpcFailure) -> turn.GrpcStatus:
    code = failure.code
    _expect("code", code, int)
    if not 1 <= code <= _LARGEST_CODE:
        raise WronglyTyped(f"the code {code}, not one from 1 to {_LARGEST_CODE}")
    _expect("message", failure.message, str)
    _expect("details", failure.details, bytes)
    return turn.GrpcStatus(
        code=code,
        message=failure.message.encode(errors="replace").decode(),
        details=failure.details,
        metadata=_entries(failure.metadata),
        transport=bool(failure.transport),
    )


def _entries(metadata: object) -> list[turn.MetadataEntry]:
    if isinstance(metadata, (str, bytes, dict)) or not hasattr(metadata, "__iter__"):
        raise WronglyTyped(f"metadata that is {_a(metadata)}, not a sequence of pairs")
    return [_entry(pair) for pair in metadata]


def _entry(pair: object) -> turn.MetadataEntry:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise WronglyTyped(f"metadata that holds {_a(pair)}, not pairs")
    key, value = pair
    if not isinstance(key, str) or not key.isascii() or not isinstance(value, bytes):
        raise WronglyTyped(f"metadata that holds {_a(key)} and {_a(value)}, not an ASCII str and bytes")
    return turn.MetadataEntry(key=key, value=value)


def _expect(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise WronglyTyped(f"a {what} that is {_a(value)}, not {kind.__name__}")


def _named(transport: object) -> str:
    if transport is None:
        return "the factory of transports"
    return f"the transport {type(transport).__name__}"


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
