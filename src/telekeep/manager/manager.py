"""`TelegramSessionManager`: one account for programs that want an object to ask for a client, and how things are."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from telekeep.errors import (
    ConfigError,
    FloodWait,
    MaybeDone,
    TelegramNetworkError,
    TelekeepError,
)
from telekeep.guard.places import Name
from telekeep.guard.safety import DEFAULT
from telekeep.keeper.keeper import Keeper
from telekeep.manager.limits import Limit, iso, limit
from telekeep.manager.sources import Source, source
from telekeep.mtproto.schema import functions, types
from telekeep.pace.backoff import Backoff
from telekeep.settings import parse_api_id

_CLOSE_SECONDS = 12.0  # a client takes ten at most


class TelegramSessionManager:
    """One account: a client when it is asked for, and how things stand.

    ``api_id``, ``api_hash``: of the application. ``phone_number``: kept for who reads it; no code is ever asked for.
    ``session_file``: the name of a kept session, else a session file as `telethon.TelegramClient` names it. A kept one
    is borrowed from the daemon, or, with ``direct``, held by this process; a file is held by its lease, and its update
    state stays in it. ``timeout``: seconds to wait for a session that another process holds. ``home`` and ``network``
    as in `telekeep.Keeper.open`. ``options`` go to TelegramClient.

    Nothing here prompts, logs in, or reads standard input. What fails raises TelegramSessionError, TelegramAuthError,
    TelegramRateLimitError, SessionConflict or TelegramNetworkError, each with its remedy. ``max_retry_attempts``: how
    often it tries to reach Telegram before it gives up.
    """

    max_retry_attempts = 2

    def __init__(
        self,
        api_id: int | str,
        api_hash: str,
        phone_number: str | None = None,
        session_file: Name = DEFAULT,
        *,
        direct: bool = False,
        timeout: float = 30.0,
        home: Path | str | None = None,
        network: str | None = None,
        **options: Any,
    ) -> None:
        self.api_id = parse_api_id(str(api_id))
        self.api_hash = api_hash
        self.phone_number = phone_number
        self.session_file = session_file
        self._direct = direct
        self._timeout = timeout
        self._network = network
        self._options = {"api_id": self.api_id, "api_hash": api_hash, **options}
        self._keeper = Keeper.open(home=home, network=network)
        self._source: Source | None = None
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn: asyncio.Lock | None = None
        self._connected_at: float | None = None
        self._attempts = 0
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.session_file)!r})"

    # ---- the client

    async def get_client(self, force_reconnect: bool = False) -> Any:
        """The connected client, the same one as long as it is connected. ``force_reconnect``: connect it anew.

        While Telegram wants to be left alone for longer than is waited out (60 s), this raises FloodWait with the time
        that is left, and Telegram is not asked. A file that SQLite finds damaged is set aside
        (``x_corrupted_YYYYMMDD_HHMMSS.session``), and SessionCorrupt says so.

        Raises TelegramSessionError, TelegramAuthError, TelegramRateLimitError, SessionConflict, TelegramNetworkError,
        ConfigError; RuntimeError if the client is in use in another event loop that still runs.
        """
        async with await self._my_turn():
            if self._client is not None:
                if self._client.is_connected() and not force_reconnect:
                    return self._client
                await self._let_go()
            self._refuse_if_limited()
            backoff = Backoff(attempts=self.max_retry_attempts, first=1.0)
            failed = 0
            while True:
                self._attempts += 1
                try:
                    return await self._connected()
                except MaybeDone:
                    raise
                except TelegramNetworkError:
                    pause = backoff.pause(failed := failed + 1)
                    if pause is None:
                        raise
                await self._keeper.clock.sleep(pause)

    async def _connected(self) -> Any:
        client = self._found().client()
        try:
            await client.connect()
        except TelekeepError:
            raise
        except Exception as error:
            from telekeep.upstream.faults import named

            raise named(error, clock=self._keeper.clock) from error
        self._client = client
        self._connected_at = self._keeper.clock.wall()
        return client

    def _refuse_if_limited(self) -> None:
        found = self._limit()
        if found is not None and found.seconds > self._keeper.patience:
            raise FloodWait(seconds=found.seconds, until=found.until, method=found.method or None)

    async def close(self) -> None:
        """Disconnect, give the session back, and close the files. `get_client` opens it again."""
        async with await self._my_turn():
            await self._let_go()
            found, self._source = self._source, None
            if found is not None:
                found.close()
            self._keeper.close()

    async def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await client.disconnect()

    async def _my_turn(self) -> asyncio.Lock:
        """One connects at a time. A client that was left behind in an event loop that is gone is closed first."""
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():  # a forked child: the client is its parent's, and stays connected there
            self._pid, self._client, self._source, self._loop = os.getpid(), None, None, None
        if self._loop is not loop or self._turn is None:
            if self._client is not None:
                if self._loop is not None and not self._loop.is_closed():
                    raise RuntimeError(
                        "This manager's client is connected in another event loop that still runs. Make a manager for "
                        "each loop, or call close() there first."
                    )
                await self._let_go()
            self._loop, self._turn = loop, asyncio.Lock()
        return self._turn

    def _found(self) -> Source:
        if self._source is None:
            self._source = source(
                self._keeper, self.session_file,
                direct=self._direct, network=self._network, timeout=self._timeout, options=self._options,
            )  # fmt: skip
        return self._source

    # ---- how things are

    def is_rate_limited(self) -> bool:
        """Whether Telegram has told this account to wait, in whichever process, and the time is not over."""
        return self._limit() is not None

    def get_rate_limit_info(self) -> dict[str, Any] | None:
        """The longest such wait: ``remaining_seconds``, ``expires_at`` (ISO 8601, local), ``expires_human`` ("19.2
        hours remaining, until …"), ``expires_timestamp`` (wall-clock seconds), ``method``. None if there is none.
        """
        found = self._limit()
        return None if found is None else found.info()

    def _limit(self) -> Limit | None:
        """Raises StorageUnavailable if nobody can tell."""
        return limit(self._keeper.ledger, self._found().subjects(), clock=self._keeper.clock)

    def get_connection_status(self) -> dict[str, Any]:
        """``is_connected``, ``last_successful_connection`` (ISO 8601, None: never), ``connection_attempts`` since this
        manager was made, ``is_rate_limited``, ``rate_limit_info``.
        """
        found = self.get_rate_limit_info()
        return {
            "is_connected": self._client is not None and bool(self._client.is_connected()),
            "last_successful_connection": None if self._connected_at is None else iso(self._connected_at),
            "connection_attempts": self._attempts,
            "is_rate_limited": found is not None,
            "rate_limit_info": found,
        }

    async def health_check(self) -> dict[str, Any]:
        """Connect if need be, and ask Telegram who we are. Raises nothing that telekeep has a name for.

        ``healthy``, ``timestamp`` (ISO 8601), ``connection_status``, ``errors`` (sentences), ``user_info`` (id,
        username, first_name, is_bot; None if nobody knows), ``failures`` (the errors as their class, message, remedy
        and fields).
        """
        user, failure = None, None
        try:
            user = await self._asked()
        except TelekeepError as error:
            failure = error
        try:
            status = self.get_connection_status()
        except TelekeepError as error:
            failure, status = failure or error, {}
        failures = [] if failure is None else [_described(failure)]
        return {
            "healthy": failure is None,
            "timestamp": iso(self._keeper.clock.wall()),
            "connection_status": status,
            "errors": [" ".join(filter(None, (each["message"], each["remedy"]))) for each in failures],
            "user_info": user,
            "failures": failures,
        }

    async def _asked(self) -> dict[str, Any]:
        client = await self.get_client()
        try:
            found = await client(functions.users.GetUsersRequest([types.InputUserSelf()]))
        except TelekeepError:
            raise
        except Exception as error:
            from telekeep.upstream.faults import named

            raise named(error, clock=self._keeper.clock) from error
        if not found:
            raise ConfigError("Telegram does not say who this session is.")
        me = found[0]
        return {"id": me.id, "username": me.username, "first_name": me.first_name, "is_bot": bool(me.bot)}


def _described(error: TelekeepError) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": error.message, "remedy": error.remedy, **error.fields()}
