"""A server that speaks HTTP/2 frame by frame, for what a gRPC library would never do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
_PREFACE = 24

React = Callable[["Stream"], None]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


@dataclass
class Stream:
    """One request whose last byte is here."""

    number: int
    body: bytes
    writer: asyncio.StreamWriter

    def headers(self, *fields: tuple[bytes, bytes], end: bool = False) -> None:
        pairs = [(b":status", b"200"), (b"content-type", b"application/grpc"), *fields]
        block = b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in pairs)
        self.writer.write(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), self.number, block))

    def reset(self, code: int) -> None:
        self.writer.write(frame(RST_STREAM, 0, self.number, code.to_bytes(4, "big")))

    def go_away(self, code: int, text: bytes) -> None:
        self.writer.write(frame(GOAWAY, 0, 0, bytes(4) + code.to_bytes(4, "big") + text))
        self.writer.close()

    def cut(self) -> None:
        self.writer.transport.abort()


@dataclass
class Http2Server:
    react: React
    port: int = 0
    connections: int = 0
    streams: list[Stream] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(_PREFACE)
            writer.write(frame(SETTINGS, 0, 0))
            bodies: dict[int, bytes] = {}
            while True:
                head = await reader.readexactly(9)
                payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
                kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
                if kind == SETTINGS and not flags & ACK:
                    writer.write(frame(SETTINGS, ACK, 0))
                if kind == DATA:
                    bodies[number] = bodies.get(number, b"") + payload
                    if flags & END_STREAM:
                        self.streams.append(Stream(number, bodies[number], writer))
                        self.react(self.streams[-1])
                await writer.drain()


@asynccontextmanager
async def http2_server(react: React) -> AsyncIterator[Http2Server]:
    server = Http2Server(react)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
