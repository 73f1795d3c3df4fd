"""A stock `telethon.TelegramClient` on a loan: its address is a gateway on loopback, its key opens nothing else.

The loan is fetched from the daemon over its control socket when the client connects, and kept in memory only. If the
daemon is restarted, the client connects again by itself and asks for what it missed.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

from telethon import errors, types
from telethon.crypto import AuthKey, rsa
from telethon.network import MTProtoSender
from telethon.network.connection import ConnectionTcpAbridged
from telethon.sessions import MemorySession
from telethon.tl.types.updates import State

from telekeep.borrow.application import API_HASH, API_ID
from telekeep.borrow.aside import aside
from telekeep.borrow.dispatch import Dispatching
from telekeep.borrow.loan import Loan
from telekeep.borrow.random_ids import RandomIds
from telekeep.errors import ConfigError, LoanExpired, OwnerAbsent, TelekeepError

_RESCUES = 5.0  # seconds between two attempts to start a daemon that was killed


def persistent(client: Callable[[], BorrowedClient | None]) -> type[Any]:
    """A Telethon connection class: where nobody listens any more, it lets the ``client`` see to it, and tries again."""

    class ConnectionPersistent(ConnectionTcpAbridged):  # type: ignore[misc]  # Telethon carries no types
        async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:
            try:
                await super().connect(timeout=timeout, ssl=ssl)
            except ConnectionRefusedError:
                borrower = client()
                if borrower is None or not await borrower.rescue():
                    raise
                await super().connect(timeout=timeout, ssl=ssl)

    return ConnectionPersistent


class LoanSession(MemorySession):  # type: ignore[misc]  # Telethon carries no types
    """A session in memory that knows where the account's updates stand, so that nobody has to ask."""

    states: tuple[State, ...] = ()

    def get_update_states(self) -> Iterable[tuple[int, State]]:
        return [(0, state) for state in self.states]

    def set_update_state(self, entity_id: int, state: Any) -> None:
        """What Telethon's message box has come to: from there it goes on when it connects again."""
        if entity_id == 0 and state.pts:
            self.states = (state,)


class BorrowedClient(Dispatching):
    """See the module. Made by `borrowed_client`, and otherwise stock: every method, event handlers, telethon.sync."""

    _fetch: Callable[[str | None], Loan]
    _was_killed: Callable[[], bool]
    _rescued_at = -math.inf
    _loan: Loan | None = None
    random_ids: RandomIds | None = None
    """What numbers its requests: None for Telethon, at random."""

    async def _call(self, sender: Any, request: Any, *args: Any, **options: Any) -> Any:
        if self.random_ids is not None:
            for each in request if isinstance(request, list | tuple) else (request,):
                self.random_ids.number(each)
        self._flood_waited_requests.clear()  # kept by a clock that can be set; the owner knows, and answers at once
        return await super()._call(sender, request, *args, **options)

    # ---- the public methods that differ

    def connect(self) -> Any:
        """Fetch the loan (starting the daemon if none runs), and connect to the gateway.

        Raises OwnerAbsent if there is no daemon and none can be started, and whatever the owner says: SessionNotFound,
        SessionBusy, SessionSealed, a TelegramAuthError, NotGranted.
        """
        return self._as_wanted(self._connect_on_loan())

    def start(self, *_args: Any, bot_token: str | None = None, **_options: Any) -> Any:
        """Connect, and return this client. Never prompts and never asks for a code: a loan is logged in."""
        return self._as_wanted(self._start_on_loan(bot_token), always=True)

    def set_proxy(self, proxy: Any) -> None:
        """Nothing: a loan's traffic does not leave this machine."""

    # ---- connecting

    async def _start_on_loan(self, bot_token: str | None) -> BorrowedClient:
        await self._connect_on_loan()
        loan = self._loan
        if bot_token and loan is not None and bot_token.partition(":")[0] != str(loan.user_id):
            await self.disconnect()
            raise ConfigError(
                f"This bot token is not that of the kept session {loan.name!r}.",
                remedy="Borrow the bot's own session, or leave the token away: a loan needs none.",
            )
        return self

    async def _connect_on_loan(self) -> None:
        if self.session is None:
            raise LoanExpired("This client has logged out, which ended its loan.", remedy="Make another client.")
        if self.is_connected():
            return
        before = self._loan and self._loan.id
        loan = self._loan = await aside(lambda: self._fetch(before))
        _trust(loan.server_key)
        dc, host, port = loan.addresses[0]
        self.session.set_dc(dc, host, port)
        self.session.auth_key = AuthKey(loan.key)
        self._sender.auth_key.key = loan.key
        if not self.session.states:
            pts, qts, date = loan.state
            self.session.states = (State(pts, qts, datetime.fromtimestamp(date, UTC), 0, unread_count=0),)
        self._mb_entity_cache.set_self_user(loan.user_id, loan.is_bot, loan.access_hash)
        self._authorized = True
        try:
            await super().connect()
        except Exception as error:
            await self.disconnect()
            raise await self._told(error, loan) from error

    async def _told(self, error: Exception, loan: Loan) -> Exception:
        """What a refusal by the gateway is called. Asked again, the daemon says itself what became of a login."""
        if isinstance(error, errors.BadRequestError) and "LOAN_" in str(error):
            self._loan = None
            return LoanExpired(f"The loan of {loan.name!r} has ended.")
        if isinstance(error, errors.UnauthorizedError | errors.AuthKeyError | errors.AuthKeyNotFound):
            try:
                await aside(lambda: self._fetch(loan.id))
            except TelekeepError as named:
                return named
        if isinstance(error, ConnectionError) and not isinstance(error, TelekeepError):
            _, host, port = loan.addresses[0]
            return OwnerAbsent(f"The gateway of {loan.name!r} does not answer on {host}:{port}.")
        return error

    async def rescue(self) -> bool:
        """If the daemon was killed, start it again. Whether it serves now. One that was stopped in order stays so."""
        loop, loan = asyncio.get_running_loop(), self._loan
        if loan is None or not self._was_killed() or loop.time() - self._rescued_at < _RESCUES:
            return False
        self._rescued_at = loop.time()
        try:
            await aside(lambda: self._fetch(loan.id))
        except TelekeepError as error:
            self._log[__name__].warning("The daemon does not serve yet: %s", error)
            return False
        return True

    async def _handle_auto_reconnect(self) -> None:
        await self.catch_up()  # Telethon itself would not ask what it missed

    async def _create_exported_sender(self, dc_id: int) -> Any:
        """A loan's key is known at every data center of its gateway: no handshake, and nothing to export."""
        assert self._loan is not None
        sender = MTProtoSender(AuthKey(self._loan.key), loggers=self._log, retries=None)
        dc = await self._get_dc(dc_id)
        await sender.connect(
            self._connection(dc.ip_address, dc.port, dc.id, loggers=self._log, proxy=None, local_addr=None)
        )
        return sender

    async def _get_dc(self, dc_id: int, cdn: bool = False) -> Any:
        assert self._loan is not None
        for dc, host, port in self._loan.addresses:
            if dc == dc_id:
                return types.DcOption(id=dc, ip_address=host, port=port)
        raise ValueError(f"The gateway has no data center {dc_id}")

    async def _switch_dc(self, new_dc: int) -> Any:
        """Telethon would throw the key away and log in anew."""
        raise errors.UserMigrateError(request=None, capture=new_dc)

    def _as_wanted(self, coroutine: Coroutine[Any, Any, Any], *, always: bool = False) -> Any:
        """A coroutine to await, or its result where Telethon would run the loop itself (telethon.sync)."""
        if self.loop.is_running() or not (always or "telethon.sync" in sys.modules):
            return coroutine
        return self.loop.run_until_complete(coroutine)


@cache
def _trust(pem: str) -> None:
    rsa.add_key(pem, old=False)


@cache
def _client_class(place: tuple[Path, str]) -> type[BorrowedClient]:
    """A class per home and session: Telethon caches a network's addresses on the class."""
    return type("BorrowedClient", (BorrowedClient,), {"_config": None, "_cdn_config": None, "__module__": __name__})


def borrowed_client(
    name: str,
    fetch: Callable[[str | None], Loan],
    *,
    home: Path,
    was_killed: Callable[[], bool] = lambda: False,
    **options: Any,
) -> BorrowedClient:
    """A client on a loan of the session ``name``. Not connected yet.

    ``fetch`` gets the loan from the daemon of ``home``; it is given the id of the one before, if there was one.
    ``was_killed``: whether that daemon is gone without having stopped in order; then it is started again.
    ``options`` are those of `telethon.TelegramClient`, without ``session``. Proxies, IPv6 and other connection classes
    mean nothing on loopback and are left out, as are api id and hash.
    """
    for meaningless in ("proxy", "use_ipv6", "connection", "local_addr", "api_id", "api_hash"):
        options.pop(meaningless, None)
    chosen = {
        "connection_retries": None,
        "retry_delay": 1,
        "flood_sleep_threshold": 0,
        "raise_last_call_error": True,
        **options,
    }
    chosen["catch_up"] = chosen.get("receive_updates", True)  # from where the loan stands
    made: list[ReferenceType[BorrowedClient]] = []
    client = _client_class((home, name))(
        LoanSession(), API_ID, API_HASH, connection=persistent(lambda: made[0]()), use_ipv6=False, **chosen
    )
    made.append(ref(client))
    client._fetch, client._was_killed = fetch, was_killed
    return client
