"""The serving side of a control socket: a table of verbs, each a function, sync or async.

Requests of one connection are answered in order; connections do not wait for one another. A sync verb runs in the
event loop and must be brief. Whoever sends nonsense is told so and harms nobody else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from inspect import isawaitable, signature
from pathlib import Path
from typing import Any

from telekeep.control import MAX_FRAME, FrameError, decode, failure, success
from telekeep.control.peer import Peer, peer_of
from telekeep.doors import shut
from telekeep.errors import ConfigError, GatewayError, TelekeepError

MOST_LINES = 256  # connections at once; one more is closed without an answer
_PATIENCE = 1.0  # seconds for a client to take its last answer
_BACKLOG = 128


class ControlServer:
    """Serves ``verbs`` at the Unix socket ``path``, for those whom ``admits`` lets in.

    ``who`` is what answers, in words: "the emulator". A verb is called with the fields of the request, and with the
    pid of the other process as ``peer_pid`` if it has such a parameter; what it returns must be JSON. Errors of
    telekeep travel as they are, those of ``foreseen`` as ConfigError in their own words; any other is handed to
    ``report`` and travels by its class alone, because what it says may hold a secret. ``before`` is awaited before
    each verb, with its name.
    """

    def __init__(
        self,
        path: Path,
        verbs: Mapping[str, Callable[..., Any]],
        *,
        who: str,
        admits: Callable[[Peer], bool] = lambda peer: True,
        before: Callable[[str], Awaitable[None]] | None = None,
        foreseen: tuple[type[Exception], ...] = (),
        report: Callable[[str, Exception], None] = lambda verb, error: None,
    ) -> None:
        self._path = path
        self._verbs = {name: _Verb(function) for name, function in verbs.items()}
        self._who = who
        self._admits = admits
        self._before = before
        self._foreseen = foreseen
        self._report = report
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._running: set[asyncio.Task[Any] | None] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._refusal: Callable[[], TelekeepError] | None = None
        self._closing = False

    @property
    def running(self) -> int:
        """How many verbs run at this moment."""
        return len(self._running)

    async def start(self) -> None:
        """Listen. A socket that a dead process left is replaced: the caller knows that no other serves it."""
        self._path.unlink(missing_ok=True)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.bind(str(self._path))
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._accept, sock=line, limit=MAX_FRAME, backlog=_BACKLOG)
        except BaseException:
            line.close()
            raise

    async def drain(self, seconds: float, refusal: Callable[[], TelekeepError]) -> bool:
        """Answer every further request with ``refusal()``, and wait up to ``seconds`` for the verbs that run.

        Returns whether all of them ended.
        """
        self._refusal = refusal
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Stop listening. Answers that were given are still sent; verbs that still run are cancelled."""
        self._closing = True
        await shut(self._server)
        for task, writer in self._serving.items():
            if task in self._running:
                task.cancel()  # it says so to its client
            else:
                writer.close()
        if self._serving:
            await asyncio.wait(self._serving, timeout=_PATIENCE)
        for task, writer in self._serving.items():  # their clients do not read
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client, in a task of our own: one that asyncio makes is cancelled with a noise on stderr."""
        peer = None
        with suppress(OSError):
            peer = peer_of(writer.get_extra_info("socket"))
        # One may have been accepted in the very moment of the end.
        if self._closing or len(self._serving) >= MOST_LINES or peer is None or not self._admits(peer):
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer, peer))
        self._serving[task] = writer
        task.add_done_callback(self._serving.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer) -> None:
        try:
            while line := await reader.readline():
                writer.write(await self._counted(line, peer))
                await writer.drain()
        except ValueError:  # a line beyond the limit: where the next one begins, nobody knows
            writer.write(failure(FrameError(f"a control frame has at most {MAX_FRAME} bytes")))
        except asyncio.CancelledError:
            if self._refusal is not None:
                writer.write(failure(self._refusal()))
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _counted(self, line: bytes, peer: Peer) -> bytes:
        task = asyncio.current_task()
        self._running.add(task)
        self._quiet.clear()
        try:
            return await self._answer(line, peer)
        finally:
            self._running.discard(task)
            if not self._running:
                self._quiet.set()

    async def _answer(self, line: bytes, peer: Peer) -> bytes:
        name: Any = None
        try:
            frame = decode(line)
            name = frame.pop("verb", None)
            if self._refusal is not None:
                raise self._refusal()
            verb = self._verbs.get(name) if isinstance(name, str) else None
            if verb is None:
                raise ConfigError(f"{self._who} has no verb {name!r}; it has {', '.join(self._verbs)}")
            call = verb.bound(frame, peer)
            if self._before is not None:
                await self._before(str(name))
            result = call()
            answer = success(await result if isawaitable(result) else result)
        except Exception as error:
            if isinstance(error, (FrameError, TelekeepError, *self._foreseen)):
                return failure(error)
            self._report(str(name), error)
            return failure(
                GatewayError(
                    f"Something unforeseen happened in {self._who} ({type(error).__name__}).",
                    remedy="Its log says where; it holds no secret.",
                )
            )
        if len(answer) > MAX_FRAME:
            return failure(GatewayError(f"The answer of {self._who} is too large."))
        return answer


class _Verb:
    """One verb, and which fields it takes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature = signature(function)
        self._asks_pid = "peer_pid" in self._signature.parameters

    def bound(self, fields: dict[str, Any], peer: Peer) -> Callable[[], Any]:
        """The call that ``fields`` ask for. Raises ConfigError if the verb does not take them."""
        if "peer_pid" in fields:
            raise ConfigError("The pid of a peer is what the kernel says, not a field.")
        given = {**fields, "peer_pid": peer.pid} if self._asks_pid else fields
        try:
            self._signature.bind(**given)
        except TypeError as error:
            raise ConfigError(f"The verb does not take these fields: {error}.") from None
        return lambda: self._function(**given)
