"""Does a data center answer? Asked without any key: a connection, and the first step of a key exchange.

``req_pq_multi`` (core.telegram.org/mtproto/auth_key) carries 16 random bytes and nothing of ours; ``resPQ`` returns
them, under a message id whose upper half is Telegram's time in seconds (core.telegram.org/mtproto/description). Whoever
answers need not be Telegram: nothing is believed but that the line works, and, roughly, what time it is there.
"""

from __future__ import annotations

import asyncio
import os
import struct
from typing import NamedTuple

from telekeep.clock import Clock
from telekeep.errors import TelegramNetworkError

_REQ_PQ_MULTI, _RES_PQ = 0xBE7E8EF1, 0x05162463
_INTERMEDIATE = b"\xee\xee\xee\xee"
_LONGEST = 1024  # bytes of an answer; resPQ has about 90


class Answer(NamedTuple):
    """``seconds``: from the first packet to the answer; ``time``: what time it is there, in wall-clock seconds."""

    seconds: float
    time: float


async def knock(host: str, port: int, *, clock: Clock, seconds: float = 10.0) -> Answer:
    """Connect, and wait up to ``seconds`` for Telegram to answer.

    Raises TelegramNetworkError: nobody is there, or whoever is there does not speak MTProto.
    """
    began = clock.boot()
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                there = await _asked(reader, writer, clock.wall())
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise TelegramNetworkError(f"{host}:{port} has not answered within {seconds:g} s.") from None
    except (asyncio.IncompleteReadError, ValueError, struct.error):
        raise TelegramNetworkError(f"What answers at {host}:{port} does not speak as Telegram does.") from None
    except OSError as error:
        raise TelegramNetworkError(f"{host}:{port} cannot be reached: {error.strerror or error}.") from None
    return Answer(clock.boot() - began, there)


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, now: float) -> float:
    nonce = os.urandom(16)
    body = struct.pack("<I", _REQ_PQ_MULTI) + nonce
    message_id = int(now * (1 << 32)) & ~3
    plain = struct.pack("<qQI", 0, message_id, len(body)) + body
    writer.write(_INTERMEDIATE + struct.pack("<I", len(plain)) + plain)
    (length,) = struct.unpack("<I", await reader.readexactly(4))
    if not 40 <= length <= _LONGEST:
        raise ValueError("no resPQ has this size")
    answer = await reader.readexactly(length)
    key_id, answer_id, _, constructor = struct.unpack_from("<qQII", answer)
    if key_id or constructor != _RES_PQ or answer[24:40] != nonce:
        raise ValueError("no resPQ")
    return float(answer_id >> 32)
