"""The emulator: data centers listening on loopback, and the world they serve."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from telekeep.clock import Clock, SystemClock
from telekeep.doors import shut
from telekeep.emulator import faults, services
from telekeep.emulator.authorization import Authorization
from telekeep.emulator.broadcasting import Broadcasting
from telekeep.emulator.clock import MovableClock
from telekeep.emulator.front import Desk, Front
from telekeep.emulator.mischief import Mischief
from telekeep.emulator.registry import Registry
from telekeep.emulator.render.updates import is_numbered
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.stats import Stats
from telekeep.emulator.world import Account, World
from telekeep.mtproto import keys
from telekeep.mtproto.connection import Connection
from telekeep.mtproto.schema import types
from telekeep.session.model import AuthKey, Session, User
from telekeep.session.network import Address, Network


class Emulator(Broadcasting):
    """A Telegram on loopback.

    ``dcs``: the data centers, each on a port of its own; ``home``: where accounts live whose number does not say
    (99966XYYYY lives on X); ``media``: those that have a media-only address too (default: home); ``host``: a loopback
    address; ``clock``: what the world's time is read from (`advance` moves it). ``addresses``: listen exactly there
    instead, the home data center first.

    ``devices_lag``: seconds by which address and time of a login's last use, as shown under Devices, may lag behind.
    How often Telegram writes them down is not documented; 0, the default, is the strictest: whoever looks at its own
    login sees itself, and no trace of who used the key before.

    Stopped and started again, it is the same Telegram on the same ports, after an outage.
    """

    def __init__(
        self,
        *,
        dcs: tuple[int, ...] = (2, 4),
        home: int = 2,
        media: tuple[int, ...] | None = None,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
        name: str = "emulator",
        addresses: Iterable[Address] = (),
    ) -> None:
        wanted = tuple(addresses) or _addresses(dcs, home, (home,) if media is None else media, host)
        self.home_dc = wanted[0].dc_id
        self.devices_lag = 0.0
        self.stats = Stats()
        self.clock = MovableClock(clock or SystemClock())
        self._server_key = keys.of_this_process()
        self.network = Network(name, wanted, (self._server_key.pem,))
        self._registry = Registry()
        self.world = World(self)
        services.attach(self, self.world)
        self._mischief = Mischief(self, self.world, self._registry)
        self._desk = Desk(self, self.world, self._registry, self._mischief, self._server_key, SystemClock().wall)
        self._servers: list[asyncio.Server] = []

    def __repr__(self) -> str:
        listening = "listening" if self._servers else "stopped"
        dcs = sorted({each.dc_id for each in self.network.addresses})
        return f"<Emulator of DC {dcs} {listening}: {len(self.world.accounts)} accounts, {self.stats}>"

    # ---- life

    async def start(self) -> Emulator:
        """Listen. `network` then tells where. Raises OSError if an address is taken."""
        try:
            bound = [await self._listen(address) for address in self.network.addresses]
        except OSError:
            await self.stop()
            raise
        self.network = replace(self.network, addresses=tuple(bound))
        return self

    async def _listen(self, address: Address) -> Address:
        front = Front(self._desk, dc_id=address.dc_id, media=address.media)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(partial(Connection, front), address.host, address.port)
        self._servers.append(server)
        return replace(address, port=server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection and stop listening. What the world knows is kept."""
        servers, self._servers = self._servers, []
        await shut(*servers)
        lines = list(self._registry.lines)
        for line in lines:
            line.close("the emulator stops", abort=True)
        tasks = list(self._desk.waiting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(line.wait_closed() for line in lines), return_exceptions=True)
        for server in servers:
            await server.wait_closed()

    async def __aenter__(self) -> Emulator:
        return await self.start()

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ---- people and logins

    def add_account(self, phone: str | None = None, **details: Any) -> Account:
        """A new account: ``password``, ``first_name``, ``username``, ``messages`` (in its dialogs); see the world."""
        return self.world.add_account(phone, **details)

    def mint(self, account: Account, dc: int | None = None) -> Session:
        """A session that is logged in already, without handshake and code. ``dc``: default, where the account lives."""
        session = self.fresh_key(dc=dc or account.home_dc)
        authorization = self._registry.find(session.auth_key.id, session.dc.id)
        assert authorization is not None
        authorization.log_in(account.id, at=self.clock.wall())
        return replace(session, user=User(account.id, is_bot=account.is_bot, username=account.username))

    def fresh_key(self, dc: int) -> Session:
        """A session that is not logged in: a key of this data center, without handshake."""
        key = AuthKey(_random_key())
        self._registry.add(Authorization(key.reveal(), dc_id=dc, made_at=self.clock.wall()))
        return Session(self.network.dc(dc), key, network=self.network.name)

    def authorization_of(self, session: Session) -> Authorization | None:
        """The emulator's side of a session; None if it does not know the key."""
        return self._registry.find(session.auth_key.id, session.dc.id)

    def authorizations(self, account: Any) -> list[Authorization]:
        """The living logins of an account (or of a user id), oldest first."""
        return self._registry.of(account if isinstance(account, int) else account.id)

    def by_hash(self, account: Any, number: int) -> Authorization | None:
        """The living login of this account with this hash."""
        return next((each for each in self.authorizations(account) if each.hash == number), None)

    def end(self, authorization: Authorization, error: RpcError) -> None:
        """End an authorization and those exported from it: ``error`` answers every request from now on.

        A 406 also answers what is still waiting.
        """
        for each in [authorization, *self._registry.exported_from(authorization)]:
            each.ended = error
            if error.code == 406:
                self._answer_waiting(each, error)

    def _answer_waiting(self, authorization: Authorization, error: RpcError) -> None:
        packed = bytes(types.RpcError(error_code=error.code, error_message=error.message))
        for conversation in authorization.conversations.values():
            for message_id in list(conversation.running):
                conversation.answer(message_id, packed)

    # ---- updates

    def push(
        self,
        account_id: int,
        updates: Any | Callable[[Authorization], Any],
        *,
        skip: Any = None,
        only: Authorization | None = None,
    ) -> None:
        """See `telegram.Telegram.push`."""
        for authorization in [only] if only else self._registry.of(account_id):
            if authorization.ended is not None:
                continue
            line = next(reversed(authorization.listeners), None)
            if line is None or line is skip:
                continue
            made = updates(authorization) if callable(updates) else updates
            if is_numbered(made):
                authorization.seq += 1
                made.seq = authorization.seq
            authorization.listeners[line].push(bytes(made))

    # ---- what tests do to it

    def fault(
        self,
        kind: str,
        phone: str | None = None,
        method: str | None = None,
        seconds: float | None = None,
        times: int = 1,
        *,
        code: int | None = None,
        message: str | None = None,
    ) -> None:
        """Let something go wrong; see `faults.make` for the parameters, and `faults.KINDS`.

        What ends a login (revoke, unregister, expire, ban, duplicated, forget) does so at once, for good; with
        ``method``, at the next such request. ``close`` cuts open connections at once, too, which is one of its times.
        Everything else waits for its requests.

        Raises ValueError for an impossible fault, and ConfigError for a ``phone`` without an account, unless
        ``method`` is asked before there is one (`faults.BEFORE_AN_ACCOUNT`).
        """
        self._mischief.set(
            faults.make(kind, phone=phone, method=method, seconds=seconds, times=times, code=code, message=message)
        )

    def clear_faults(self) -> None:
        """Forget all faults that still wait. What has ended stays ended."""
        self._mischief.waiting.clear()

    def send(self, to: str, text: str = "hello", count: int = 1) -> None:
        """``count`` messages arrive for the account with this phone number, or in the channel with this @username."""
        self.world.send(to, text, count)

    def send_file(self, to: str, data: bytes, name: str = "file.bin", *, dc: int | None = None, text: str = "") -> None:
        """A file arrives for the account with this phone number. ``dc``: where it lies; default: the home one.

        Raises ValueError if there is no such data center.
        """
        if dc is not None and all(each.dc_id != dc for each in self.network.addresses):
            raise ValueError(f"there is no data center {dc} here")
        named = types.DocumentAttributeFilename(file_name=name)
        self.world.send_file(to, data, [named], dc_id=dc or self.home_dc, text=text)

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward."""
        self.clock.advance(seconds)

    def forget_conversations(self, account: Any) -> None:
        """Lose the MTProto sessions of an account, as servers do: the next message meets new_session_created."""
        for authorization in self.authorizations(account):
            authorization.forget_conversations()


def _addresses(dcs: tuple[int, ...], home: int, media: tuple[int, ...], host: str) -> tuple[Address, ...]:
    if home not in dcs:
        raise ValueError(f"the home data center {home} is not among {dcs}")
    if not set(media) <= set(dcs):
        raise ValueError(f"not all media data centers of {media} are among {dcs}")
    return (
        *(Address(dc_id, host, 0) for dc_id in sorted(dcs, key=lambda each: each != home)),
        *(Address(dc_id, host, 0, media=True) for dc_id in media),
    )


def _random_key() -> bytes:
    while True:
        key = os.urandom(256)
        if key[0]:  # see mtproto.exchange: no key starts with a zero byte
            return key
