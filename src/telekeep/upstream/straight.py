"""A Telethon connection without the queues, tasks and stream reader that Telethon puts between a socket and its user.

Each of them costs a turn of the event loop for every packet: half of what a small call takes [measured by ``make
bench``]. Who sends waits for the socket here; packets are cut out of the stream as they come in, and whoever may take
one at once (`telekeep.upstream.carrier`) does so in the same turn.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any
from zlib import crc32

from telethon.errors import InvalidBufferError, InvalidChecksumError
from telethon.network.connection import ConnectionTcpFull

_HEAD = struct.Struct("<ii")  # length of the whole, sequence number
_CHECKSUM = struct.Struct("<I")
_SHORTEST = _HEAD.size + _CHECKSUM.size
_MOST = 64  # packets that nobody has fetched; then nothing more is read


class ConnectionStraight(ConnectionTcpFull):  # type: ignore[misc]  # Telethon carries no types
    """See the module. The same transport on the wire.

    ``taker`` is offered each packet first; it says whether it took it.
    """

    taker: Callable[[bytes], bool] | None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._send_queue = self._recv_queue = None  # nobody uses them here, and they take 5 kB
        self.taker = None
        self._intake: Any = None

    async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:
        await self._connect(timeout=timeout, ssl=ssl)
        self._connected = True
        self._send_task = self._recv_task = None
        self._intake = Intake(self._writer.transport, self._reader, self._offered)

    def _offered(self, packet: bytes) -> bool:
        return self.taker is not None and self.taker(packet)

    def post(self, data: bytes) -> None:
        """Send a packet without waiting for the socket. Every packet passes here."""
        if not self._connected:
            raise ConnectionError("Not connected")
        self._send(data)

    def send(self, data: bytes) -> Any:
        self.post(data)
        return self._writer.drain()

    @property
    def is_free(self) -> bool:
        """Whether it is connected, and its socket takes what is sent."""
        return self._connected and not self._writer.transport.get_write_buffer_size()

    async def recv(self) -> Any:
        if self._connected:
            try:
                return await self._intake.next()
            except (InvalidBufferError, InvalidChecksumError):
                raise
            except (OSError, asyncio.IncompleteReadError) as error:
                if self._connected:  # else it was us
                    self._log.warning("Server closed the connection: %s", error)
                    await self.disconnect()
                raise
            except Exception:
                await self.disconnect()
                raise
        raise ConnectionError("Not connected")


class Intake(asyncio.Protocol):
    """Cuts packets out of what comes in on ``transport``, and keeps those that ``offered(packet)`` does not take.

    Everything but the data goes on to the protocol of asyncio's streams that was there before, which the writer needs.
    """

    def __init__(self, transport: Any, reader: Any, offered: Callable[[bytes], bool]) -> None:
        self._transport = transport
        self._streams = transport.get_protocol()
        if not getattr(self._streams, "_drain_waiters", True):
            self._streams._drain_waiters = []  # asyncio's is a deque, 600 bytes, and hardly ever has anything in it
        self._offered = offered
        self._data = bytearray()
        self._packets: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        transport.set_protocol(self)
        if reader._buffer:
            self.data_received(bytes(reader._buffer))
        if reader.at_eof() or transport.is_closing():
            self._end(_closed())

    async def next(self) -> bytes:
        """The next packet. Raises what ended the stream."""
        while not self._packets:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if len(self._packets) == _MOST:
            self._transport.resume_reading()
        return self._packets.pop(0)

    # ---- asyncio's side

    def data_received(self, data: bytes) -> None:
        self._data += data
        try:
            while self._error is None and (packet := self._cut()) is not None:
                if self._packets or not self._offered(packet):
                    self._packets.append(packet)
                    if len(self._packets) == _MOST:
                        self._transport.pause_reading()
        except Exception as error:
            self._end(error)
        if self._packets:
            self._wake()

    def eof_received(self) -> Any:
        self._end(_closed())
        return self._streams.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error or _closed())
        self._streams.connection_lost(error)

    def pause_writing(self) -> None:
        self._streams.pause_writing()

    def resume_writing(self) -> None:
        self._streams.resume_writing()

    # ---- inside

    def _cut(self) -> bytes | None:
        """The first packet, once it is there. Raises what Telethon's own codec does."""
        data = self._data
        if len(data) < _SHORTEST:
            return None
        length, sequence = _HEAD.unpack_from(data)
        if length < 0 and sequence < 0:  # seen: -429 three times over (Telethon#4042)
            raise InvalidBufferError(bytes(data[8:12]))
        if length < _SHORTEST:
            raise InvalidBufferError(bytes(data[:8]))
        if len(data) < length:
            return None
        end = length - _CHECKSUM.size
        with memoryview(data) as whole:
            packet, checksum, found = bytes(whole[8:end]), _CHECKSUM.unpack_from(whole, end)[0], crc32(whole[:end])
        del data[:length]
        if checksum != found:
            raise InvalidChecksumError(checksum, found)
        return packet

    def _end(self, error: Exception) -> None:
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _closed() -> Exception:
    return asyncio.IncompleteReadError(b"", _HEAD.size)
