"""Clients that open and then do nothing: connections without a handshake, streams whose window is never opened."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _HEADERS, _DATA = 4, 1, 0
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_INITIAL_WINDOW_SIZE = 4

#: What the half-open ones have sent before they fell silent.
BEGINNINGS = (b"", PREFACE[:7], PREFACE, b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nHost: ")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One HTTP/2 frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def headers(fields: Sequence[tuple[str, str]]) -> bytes:
    """A header block of literals without indexing (RFC 7541, section 6.2.2); each text below 127 bytes."""
    block = b""
    for name, value in fields:
        block += b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return block


def closed_call(path: str, token: str, message: bytes | None) -> bytes:
    """All that a client sends of a call whose answers it will never have room for: its window is one byte.

    message: of the request; None never sends one.
    """
    settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, 1)
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "127.0.0.1"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", f"Bearer {token}"),
    )
    opened = (
        PREFACE
        + frame(_SETTINGS, 0, 0, settings)
        + frame(_SETTINGS, _ACK, 0, b"")
        + frame(_HEADERS, _END_HEADERS, 1, headers(fields))
    )
    if message is None:
        return opened
    return opened + frame(_DATA, _END_STREAM, 1, b"\x00" + len(message).to_bytes(4, "big") + message)


@dataclass
class Silent:
    """A connection that has sent its beginning and waits."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    opened: float

    async def closed_after(self, limit: float) -> float | None:
        """Seconds from its opening until the server closed it; None if it has not in time."""
        left = self.opened + limit - time.perf_counter()
        try:
            async with asyncio.timeout(max(0.0, left)):
                while await self.reader.read(1 << 16):
                    pass
        except TimeoutError:
            return None
        except ConnectionError:
            pass
        return time.perf_counter() - self.opened

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


async def silent(target: str, beginning: bytes) -> Silent:
    """Opens a connection, sends, and falls silent."""
    host, _, port = target.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 10)
    writer.write(beginning)
    await writer.drain()
    return Silent(reader, writer, time.perf_counter())
