"""The emulator's control socket: the verbs that ``telekeep emulator …`` and tests in other processes use.

=========  ====================================================================  ==========================
verb       fields                                                                result
=========  ====================================================================  ==========================
account    phone, password, messages, first_name, username                       id, phone
fault      kind, phone, method, seconds, times, code, message                    null
send       to, text, count                                                       null
advance    seconds                                                               now: wall seconds
stats                                                                            the counters
code       phone                                                                 the code last sent
stop                                                                             null; then it stops
=========  ====================================================================  ==========================
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telekeep.control import MAX_FRAME, FrameError, decode, failure, success
from telekeep.errors import ConfigError

if TYPE_CHECKING:
    from telekeep.emulator.cluster import Emulator

_PATIENCE = 1.0  # seconds for a client to take its last answer


class ControlServer:
    """Serves ``telegram`` at the Unix socket ``path``. ``stop``: called by the verb of that name."""

    def __init__(self, telegram: Emulator, path: Path, *, stop: Callable[[], None]) -> None:
        self._telegram = telegram
        self._path = path
        self._verbs: dict[str, Callable[..., Any]] = {
            "account": self._account,
            "fault": telegram.fault,
            "send": telegram.send,
            "advance": self._advance,
            "stats": telegram.stats.as_dict,
            "code": telegram.world.login_code,
            "stop": stop,
        }
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._closing = False

    async def start(self) -> None:
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, self._path, limit=MAX_FRAME)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop listening. Answers that were given are still sent."""
        self._closing = True
        self._server.close()
        for writer in self._serving.values():
            writer.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=_PATIENCE)
        for writer in self._serving.values():  # their clients do not read
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client, in a task of our own: one that asyncio makes is cancelled with a noise on stderr."""
        if self._closing:  # it was accepted in the very moment of the end
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving[task] = writer
        task.add_done_callback(self._serving.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(self._answer(line))
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line beyond the limit
            pass
        finally:
            writer.close()

    def _answer(self, line: bytes) -> bytes:
        try:
            frame = decode(line)
            name = frame.pop("verb", None)
            verb = self._verbs.get(str(name))
            if verb is None:
                raise ConfigError(f"the emulator has no verb {name!r}; it has {', '.join(self._verbs)}")
            return success(verb(**frame))
        except (FrameError, ConfigError, ValueError, TypeError) as error:
            return failure(error)

    def _account(self, **fields: Any) -> dict[str, Any]:
        account = self._telegram.add_account(**fields)
        return {"id": account.id, "phone": account.phone}

    def _advance(self, seconds: float) -> dict[str, float]:
        self._telegram.advance(seconds)
        return {"now": self._telegram.clock.wall()}
