"""A connection on a key that nobody is logged in with yet: what a login is made over.

It never prompts, never sleeps out a flood wait, and never sends a call twice unless told that it may. Keys are made on
connecting and forgotten with the object; only `Fresh.session` takes one out, when somebody is logged in with it. No
forked child has a part in the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from telethon import TelegramClient, events, functions, types
from telethon.crypto import AuthKey as TelethonKey
from telethon.errors import NetworkMigrateError, PhoneMigrateError, RPCError, UserMigrateError
from telethon.errors.rpcerrorlist import rpc_errors_dict
from telethon.password import compute_check
from telethon.sessions import MemorySession

from telekeep.clock import Clock
from telekeep.errors import ConfigError, MaybeDone, TelegramAuthError, TelegramNetworkError, TelekeepError
from telekeep.mtproto.schema import method_name
from telekeep.secret import Secret
from telekeep.session.model import (
    MOST_TOKENS,
    Application,
    AuthKey,
    DataCenter,
    Peer,
    PeerKind,
    Session,
    UpdateState,
    User,
)
from telekeep.session.network import Network
from telekeep.upstream.endpoints import option, trust
from telekeep.upstream.faults import named
from telekeep.upstream.unshared import ConnectionUnshared, refusal

CONNECT_SECONDS = 30.0  # in all; Telethon gives a single attempt ten, and the key exchange no limit at all
ANSWER_SECONDS = 30.0
CLOSE_SECONDS = 10.0

# Telegram's answers that a login has a move for; every other error is named by `telekeep.upstream.faults`.
ANSWERABLE = frozenset(
    {
        "PHONE_NUMBER_INVALID",
        "PHONE_CODE_INVALID",
        "PHONE_CODE_EMPTY",
        "PHONE_CODE_EXPIRED",
        "SEND_CODE_UNAVAILABLE",
        "PHONE_NUMBER_UNOCCUPIED",
        "SESSION_PASSWORD_NEEDED",
        "PASSWORD_HASH_INVALID",
        "PASSWORD_EMPTY",
        "SRP_ID_INVALID",
        "SRP_PASSWORD_CHANGED",
        "AUTH_TOKEN_EXPIRED",
        "AUTH_TOKEN_INVALID",
        "AUTH_TOKEN_INVALIDX",
        "AUTH_RESTART",
        "ACCESS_TOKEN_INVALID",
        "ACCESS_TOKEN_EXPIRED",
    }
)
_LOG = logging.getLogger("telekeep.upstream.fresh")
_LOG.addHandler(logging.NullHandler())  # what Telethon says of lost lines is for logs, not for the terminal
_NAMES = {kind: name for name, kind in rpc_errors_dict.items() if name in ANSWERABLE}
_MIGRATIONS = (PhoneMigrateError, NetworkMigrateError, UserMigrateError)


class Refusal(Exception):
    """Telegram answered with an error that the login can go on from: its ``name``, one of `ANSWERABLE`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Fresh:
    """A lazily made connection to ``network`` as ``application``, logged in as nobody.

    It begins at the network's first data center and follows Telegram to another one where an account lives
    elsewhere. Use it as an async context manager, or `close` it. ``begin``: the data center to begin at, and the key to
    begin with if there is one already. ``on_key(dc, key)`` is called before anything is asked with a key for the first
    time: a login can be made with it from then on.
    """

    def __init__(
        self,
        network: Network,
        application: Application,
        *,
        clock: Clock,
        begin: tuple[DataCenter, AuthKey | None] | None = None,
        on_key: Callable[[DataCenter, AuthKey], None] | None = None,
    ) -> None:
        self.network = network
        self.application = application
        self.tokens: tuple[Secret, ...] = ()  # for later logins without a code, as Telegram gives them; newest first
        self._clock = clock
        self._begin = begin
        self._on_key = on_key
        self._told_of: bytes | None = None
        self._updates = False
        self._client: Any = None
        self._scan = asyncio.Event()

    async def __aenter__(self) -> Fresh:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def want_updates(self) -> None:
        """From now on receive updates: Telegram says with one that a QR code was scanned. Begins with a new key."""
        if not self._updates:
            await self.close()
            self._updates = True

    async def scanned(self) -> None:
        """Wait until Telegram says that a login token was accepted."""
        await self._scan.wait()
        self._scan.clear()

    async def ask(self, request: Any, *, repeat: bool = False) -> Any:
        """Send ``request`` and return the answer. ``repeat``: it may be sent again if the line is lost.

        Raises Refusal for `ANSWERABLE` errors, MaybeDone if the line was lost or silent after sending,
        TelegramNetworkError if there is none, and what `named` makes of everything else.
        """
        method = method_name(type(request))
        for last in (False, True):
            client = await self._connected()
            try:
                return await self._answer(client, request)
            except _Lost:
                if last or not repeat:
                    raise MaybeDone(
                        f"The line to Telegram was lost before it answered {method}.",
                        remedy="Try again; if a code arrives meanwhile, it belongs to the attempt that was cut off.",
                    ) from None
            except TelekeepError:
                raise
            except Exception as error:
                raise self._read(error, method) from None
        raise AssertionError("unreachable")

    async def _answer(self, client: Any, request: Any) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._note_key(client)
                try:
                    return self._noted(await client(request))
                except _MIGRATIONS:  # Telethon has moved to where it was told to and leaves the rest to us
                    self._note_key(client)
                    return self._noted(await client(request))
        except (OSError, EOFError):  # a TimeoutError is an OSError
            raise _Lost from None
        except asyncio.CancelledError:  # Telethon cancels what was pending when a line dies of a missing pong
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _Lost from None

    def _note_key(self, client: Any) -> None:
        key = client.session.auth_key.key
        if self._on_key is not None and key != self._told_of:
            self._on_key(self._dc(client.session), AuthKey(key))
        self._told_of = key

    def _noted(self, answer: Any) -> Any:
        token = getattr(getattr(answer, "authorization", answer), "future_auth_token", None)
        if token:
            self.tokens = (Secret(token), *self.tokens)[:MOST_TOKENS]
        return answer

    @staticmethod
    def _dc(kept: Any) -> DataCenter:
        return DataCenter(kept.dc_id, kept.server_address, kept.port)

    async def _connected(self) -> Any:
        if self._client is None:
            self._client = self._make_client()
        client = self._client
        if client.is_connected():
            return client
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connect(client)
        except (OSError, EOFError):
            raise refusal(client._sender) or TelegramNetworkError(
                "Timeout connecting to Telegram.",
                remedy="Please try again: check the connection, try another network or Telegram's own app first.",
            ) from None
        except Exception as error:
            raise named(error, method="initConnection", clock=self._clock) from None
        return client

    async def _connect(self, client: Any) -> None:
        for last in (False, True):
            try:
                await client.disconnect()  # ends what a lost line left running
                await client.connect()
            except (OSError, EOFError):
                if last:
                    raise
            else:
                return
            finally:  # how a line ends is told by the calls it takes with it, not by this future
                client.disconnected.add_done_callback(lambda line: line.cancelled() or line.exception())

    def _make_client(self) -> Any:
        trust(self.network)
        kept = MemorySession()
        home, key = self._begin or (self.network.first_dc, None)
        kept.set_dc(home.id, home.host, home.port)
        if key is not None:
            kept.auth_key = TelethonKey(key.reveal())
        client = _Client(
            self.network,
            kept,
            self.application.api_id,
            self.application.api_hash.reveal().decode(),
            base_logger=_LOG,
            connection=ConnectionUnshared,  # once logged in, a forked child that kept it open would cost the key
            device_model="telekeep",  # how the login is listed under Devices
            connection_retries=1,  # Telethon agrees on one key in 256 wrongly, notices, and must ask for another
            retry_delay=0.2,
            request_retries=0,
            auto_reconnect=False,  # it would send again whatever was pending: another code, for example
            raise_last_call_error=True,
            flood_sleep_threshold=0,
            receive_updates=self._updates,
        )
        if self._updates:
            client.add_event_handler(self._on_login_token, events.Raw(types.UpdateLoginToken))
        return client

    async def _on_login_token(self, _update: Any) -> None:
        self._scan.set()

    def _read(self, error: Exception, method: str) -> Refusal | TelekeepError:
        name = _NAMES.get(type(error))
        if name is None and isinstance(error, RPCError):
            name = error.message  # an error that this Telethon has no class for keeps the server's own word
        if name in ANSWERABLE:
            return Refusal(name)
        return named(error, method=method, clock=self._clock)

    async def move(self, dc_id: int) -> None:
        """Go to another data center, with a new key. Raises TelegramNetworkError if it cannot be reached."""
        client = await self._connected()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client._switch_dc(dc_id)  # as Telethon's own QR login does: there is no public name for it
        except (OSError, EOFError, ValueError):
            raise TelegramNetworkError(f"Telegram's data center {dc_id} cannot be reached.") from None
        except Exception as error:
            raise named(error, method="initConnection", clock=self._clock) from None

    async def me(self) -> User | None:
        """Whom Telegram takes this key for; None if nobody is logged in with it."""
        try:
            [user] = await self.ask(functions.users.GetUsersRequest([types.InputUserSelf()]), repeat=True)
        except (Refusal, TelegramAuthError):
            return None
        return user_of(user)

    async def session(self) -> Session:
        """Prove the authorization with two calls, and return the session: key, data center, user, update state.

        Raises whatever Telegram says if it does not hold.
        """
        [user] = await self.ask(functions.users.GetUsersRequest([types.InputUserSelf()]), repeat=True)
        state = await self.ask(functions.updates.GetStateRequest(), repeat=True)
        kept = self._client.session
        return Session(
            dc=self._dc(kept),
            auth_key=AuthKey(kept.auth_key.key),
            user=user_of(user),
            state=UpdateState(state.pts, state.qts, int(state.date.timestamp()), state.seq),
            peers=(Peer(PeerKind.USER, user.id, user.access_hash, user.username, user.phone, user.first_name),),
            application=self.application,
            network=self.network.name,
            login_tokens=self.tokens,
        )

    async def log_out(self) -> bool:
        """End the authorization that was just made, within ten seconds. Returns whether Telegram confirmed it."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.ask(functions.auth.LogOutRequest())
        except Exception:
            return False
        return True

    async def end(self) -> bool:
        """End the authorization of this key. Returns whether there was one.

        Raises TelegramNetworkError if Telegram cannot be asked, or knows it still: Telethon takes the mere receipt of a
        logout for its answer.
        """
        try:
            await self.ask(functions.auth.LogOutRequest(), repeat=True)
        except (Refusal, TelegramAuthError):
            return False
        if await self.me() is not None:
            raise TelegramNetworkError("Telegram has taken the logout, and still knows the authorization.")
        return True

    async def close(self) -> None:
        """Disconnect within ten seconds and forget the key. Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.disconnect()
            except OSError:
                pass  # the line was dead already; there is nothing to flush


class _Client(TelegramClient):  # type: ignore[misc]  # Telethon has no types
    """A stock client that goes where ``network`` says.

    Telethon's own look-up takes the first address that help.getConfig lists for a data center, a media-only one too,
    and remembers the list for all clients of the process, whatever their network.
    """

    def __init__(self, network: Network, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._network = network

    async def _get_dc(self, dc_id: int, cdn: bool = False) -> Any:
        try:
            return option(self._network, dc_id)
        except ConfigError:  # Telegram may have opened one since this was written
            return await super()._get_dc(dc_id, cdn)


class _Lost(Exception):
    """The line was lost, or stayed silent, after the request was handed over."""


def user_of(user: Any) -> User:
    """Our user of a ``types.User``."""
    return User(user.id, bool(user.bot), user.username)


def password_proof(settings: Any, password: Secret) -> Any:
    """InputCheckPasswordSRP for ``account.getPassword``'s ``settings``. Slow. ValueError for unsafe parameters."""
    return compute_check(settings, password.reveal().decode())
