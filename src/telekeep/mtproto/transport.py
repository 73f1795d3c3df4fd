"""How messages are cut out of a TCP stream: abridged, intermediate, padded intermediate and full, or one of the first
three obfuscated.

core.telegram.org/mtproto/mtproto-transports. No I/O: bytes come in by `Framing.feed`, bytes for the socket come out of
`Framing.frame`. The client's first bytes choose the transport; the server then speaks the same.
"""

from __future__ import annotations

import os
import struct
from typing import Final, Protocol
from zlib import crc32

from telekeep.mtproto.obfuscation import HEADER, Disguise, unmasked

MAX_FRAME = 1 << 20  # bytes; Telegram closes the connection on larger ones
_MARK = 4  # bytes that tell the transports apart, but full and obfuscated
_ENOUGH = 8  # bytes that tell those apart: a full stream goes on with sequence number 0, an obfuscated one never does
_FOREIGN: Final = (
    b"HEAD",
    b"POST",
    b"GET ",
    b"OPTI",
    b"PVrG",
    b"\x16\x03\x01\x02",
)  # HTTP, TLS: no client obfuscates so


class TransportError(ValueError):
    """The stream cannot be cut any further; the connection must be closed."""


_ENVELOPE = 24  # auth key id and message key


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


class Padded(Intermediate):
    """Intermediate with up to 15 random bytes behind each payload."""

    name = "padded intermediate"

    def cut(self, data: bytearray, at: int) -> tuple[int, int, int] | None:
        found = super().cut(data, at)
        if found is None:
            return None
        start, stop, end = found
        if any(data[start : start + 8]):  # encrypted, so its length is known modulo 16; a plain message tells its own
            stop -= (stop - start - _ENVELOPE) % 16
        return start, stop, end

    def frame(self, payload: bytes) -> bytes:
        # Telethon takes only what exceeds a multiple of 4 for padding.
        return super().frame(payload + os.urandom(os.urandom(1)[0] & 3))


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


_TAGGED: Final[dict[bytes, type[Abridged | Intermediate]]] = {
    b"\xef" * 4: Abridged,
    b"\xee" * 4: Intermediate,
    b"\xdd" * 4: Padded,
}


class Framing:
    """The server's end of one TCP stream."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._disguise: Disguise | None = None
        self.mode: _Mode | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has come, and return the payloads that are complete. Raises TransportError."""
        self._data += self._disguise.incoming.apply(data) if self._disguise else data
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
        """Choose the transport by the first bytes, once there are enough of them. How many to skip."""
        data = self._data
        if data[:1] == b"\xef":
            self.mode = Abridged()
            return 1
        head = bytes(data[:_MARK])
        if head in _TAGGED:
            self.mode = _TAGGED[head]()
            return _MARK
        if head in _FOREIGN:
            raise TransportError("the stream starts like no transport that is spoken here")
        if len(data) < _ENOUGH:
            return 0
        if not any(data[_MARK:_ENOUGH]):
            self.mode = Full()
            return 0
        return self._unmask() if len(data) >= HEADER else 0

    def _unmask(self) -> int:
        data = self._data
        disguise = unmasked(bytes(data[:HEADER]))
        mode = _TAGGED.get(disguise.tag)
        if mode is None:
            raise TransportError("the stream starts like no transport that is spoken here, obfuscated or not")
        self._disguise, self.mode = disguise, mode()
        data[HEADER:] = disguise.incoming.apply(bytes(data[HEADER:]))
        return HEADER

    def frame(self, payload: bytes) -> bytes:
        """The bytes to send for one payload. Only after the client has chosen a transport."""
        if self.mode is None:
            raise TransportError("no transport was chosen yet")
        framed = self.mode.frame(payload)
        return self._disguise.outgoing.apply(framed) if self._disguise else framed

    def refusal(self, code: int) -> bytes:
        """The bytes of a transport error: 404 (key unknown), 429 (too many connections), 444 (wrong data center)."""
        return self.frame(struct.pack("<i", -code))
