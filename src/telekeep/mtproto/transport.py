"""How messages are cut out of a TCP stream: abridged, intermediate and full.

core.telegram.org/mtproto/mtproto-transports. No I/O: bytes come in by `Framing.feed`, bytes for the socket come out of
`Framing.frame`. The client's first bytes choose the transport; the server then speaks the same. (An obfuscated stream
would be unwrapped in front of `feed` and wrapped behind `frame`: its first bytes never look like one of these three.)
"""

from __future__ import annotations

import struct
from typing import Protocol
from zlib import crc32

MAX_FRAME = 1 << 20  # bytes; Telegram closes the connection on larger ones
_ENOUGH = 4  # bytes that tell the transports apart


class TransportError(ValueError):
    """The stream cannot be cut any further; the connection must be closed."""


class _Mode(Protocol):
    name: str

    def cut(self, data: bytearray, at: int) -> tuple[int, int, int] | None:
        """Where the frame at ``at`` has its payload and where it ends, or None until more has come."""

    def frame(self, payload: bytes) -> bytes: ...


class Abridged:
    """A length in words, in one byte or in 0x7f and three."""

    name = "abridged"

    def cut(self, data: bytearray, at: int) -> tuple[int, int, int] | None:
        if len(data) <= at:
            return None
        start, words = at + 1, data[at]
        if words >= 0x80:
            raise TransportError("quick acknowledgements are not spoken here")
        if words == 0x7F:
            start = at + 4
            if len(data) < start:
                return None
            words = int.from_bytes(data[at + 1 : start], "little")
        end = start + _bounded(words * 4)
        return (start, end, end) if len(data) >= end else None

    def frame(self, payload: bytes) -> bytes:
        words = len(payload) >> 2
        return (bytes((words,)) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")) + payload


class Intermediate:
    """A length in bytes, in four bytes."""

    name = "intermediate"

    def cut(self, data: bytearray, at: int) -> tuple[int, int, int] | None:
        start = at + 4
        if len(data) < start:
            return None
        end = start + _bounded(int.from_bytes(data[at:start], "little"))
        return (start, end, end) if len(data) >= end else None

    def frame(self, payload: bytes) -> bytes:
        return struct.pack("<I", len(payload)) + payload


class Full:
    """Length, sequence number and payload, followed by a CRC-32 over all of them."""

    name = "full"

    def __init__(self) -> None:
        self._received = self._sent = 0

    def cut(self, data: bytearray, at: int) -> tuple[int, int, int] | None:
        if len(data) < at + 4:
            return None
        size = _bounded(int.from_bytes(data[at : at + 4], "little"))
        if size < 16:
            raise TransportError("a full frame has at least 16 bytes")
        end = at + size
        if len(data) < end:
            return None
        sequence, checksum = struct.unpack_from("<I", data, at + 4)[0], struct.unpack_from("<I", data, end - 4)[0]
        if crc32(data[at : end - 4]) != checksum:
            raise TransportError("the checksum of a frame is wrong")
        if sequence != self._received:
            raise TransportError(f"frame {sequence} came where {self._received} was due")
        self._received += 1
        return at + 8, end - 4, end

    def frame(self, payload: bytes) -> bytes:
        head = struct.pack("<II", len(payload) + 12, self._sent) + payload
        self._sent += 1
        return head + struct.pack("<I", crc32(head))


def _bounded(size: int) -> int:
    if size > MAX_FRAME:
        raise TransportError(f"a frame of {size} bytes is too large")
    return size


class Framing:
    """The server's end of one TCP stream."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.mode: _Mode | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has come, and return the payloads that are complete. Raises TransportError."""
        self._data += data
        at = 0
        if self.mode is None:
            at = self._choose()
            if self.mode is None:
                return []
        payloads = []
        buffer = self._data
        while cut := self.mode.cut(buffer, at):
            start, stop, at = cut
            payloads.append(bytes(buffer[start:stop]))
        del buffer[:at]
        return payloads

    def _choose(self) -> int:
        head = bytes(self._data[:_ENOUGH])
        if head[:1] == b"\xef":
            self.mode = Abridged()
            return 1
        if len(head) < _ENOUGH:
            return 0
        if head == b"\xee" * 4:
            self.mode = Intermediate()
            return _ENOUGH
        if int.from_bytes(head, "little") > MAX_FRAME:  # padded intermediate, obfuscated, HTTP, TLS
            raise TransportError("the stream starts like no transport that is spoken here")
        self.mode = Full()
        return 0

    def frame(self, payload: bytes) -> bytes:
        """The bytes to send for one payload. Only after the client has chosen a transport."""
        if self.mode is None:
            raise TransportError("no transport was chosen yet")
        return self.mode.frame(payload)

    def refusal(self, code: int) -> bytes:
        """The bytes of a transport error: 404 (key unknown), 429 (too many connections), 444 (wrong data center)."""
        return self.frame(struct.pack("<i", -code))
