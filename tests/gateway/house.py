"""A house: Ada's session, owned in this process, its gateway on loopback, and programs that borrow from it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from telethon import TelegramClient, events, functions, types
from telethon.crypto import AuthKey, rsa
from telethon.sessions import SQLiteSession, StringSession

from mtproto.client import RawClient
from telekeep.borrow.client import BorrowedClient, borrowed_client
from telekeep.borrow.loan import Loan
from telekeep.emulator import Emulator
from telekeep.emulator.world.peer import user
from telekeep.gateway import loans
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.grants import Grant
from telekeep.gateway.owner import Owner
from telekeep.gateway.shelf import Shelf
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.own import own
from telekeep.mtproto import keys
from telekeep.mtproto.rsa import ServerKey
from telekeep.vault.keys.file import KeyFile
from telekeep.work.owners import Owners
from upstream.place import PHONE, Place, Wire

# tries again for ten seconds at least: an owner that is opened again takes its time on a busy machine
QUICK = {"connection_retries": 200, "retry_delay": 0.05, "request_retries": 1, "flood_sleep_threshold": 0}


@cache
def gateway_key() -> ServerKey:
    """One RSA key for all gateways of this process: making one takes a tenth of a second."""
    return keys.make()


class House:
    """``owner`` lends what ``place`` keeps. ``open`` again after ``close``: the same home, port and loans."""

    def __init__(self, place: Place, log: list[str]) -> None:
        self.place = place
        self.log = log  # the TL methods that reached Telegram
        self.telegram: Emulator = place.telegram
        self.ada = place.ada
        self.codes = 0  # login codes that the test has Telegram send
        self.clients: list[TelegramClient] = []
        # Telethon keeps the addresses of the first network it met on the class: each house has a class of its own
        self._class: Any = type("TelegramClient", (TelegramClient,), {"_config": None})
        self._keeper: Keeper | None = None
        self._owner: Owner | None = None

    # ---- the owner

    @property
    def owner(self) -> Owner:
        assert self._owner is not None
        return self._owner

    @property
    def keeper(self) -> Keeper:
        if self._keeper is None:
            source = KeyFile(self.place.root / "config" / "key")
            home = self.place.root / "home"
            self._keeper = Keeper.open(home=home, network=self.place.network, key_source=source)
        return self._keeper

    async def open(self) -> Owner:
        shelf = Shelf(self.keeper.vault, "main", self.keeper.vault.load("main").auth_key.id)
        if shelf.endpoint() is None:
            shelf.keep_endpoint(_free_endpoint())
        self._owner = await own(self.keeper, "main")
        return self._owner

    async def close(self, grace: float = 1.0) -> None:
        if self._owner is not None:
            await self._owner.close(grace)
            self._owner = None
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    async def reopen(self) -> Owner:
        await self.close()
        return await self.open()

    @property
    def authorization(self) -> Any:
        """The emulator's side of the kept session."""
        (found,) = self.telegram.authorizations(self.ada)
        return found

    @property
    def has_login(self) -> bool:
        return bool(self.telegram.authorizations(self.ada))

    # ---- loans and programs

    def lend(self, grant: str = "full", *, seconds: float | None = None, label: str = "a program") -> loans.Loan:
        return self.owner.lend(label, Grant.parse(grant), seconds=seconds)

    def put_into(self, session: Any, loan: loans.Loan, dc: int | None = None) -> Any:
        """``session`` as a program would be given it for a loan."""
        addresses = self.owner.endpoint.addresses
        found = next(each for each in addresses if dc in (None, each.dc_id))
        session.set_dc(found.dc_id, found.host, found.port)
        session.auth_key = AuthKey(loan.key.reveal())
        return session

    def string(self, loan: loans.Loan) -> str:
        return str(self.put_into(StringSession(), loan).save())

    def session(self, string: str) -> StringSession:
        return StringSession(string)

    @asynccontextmanager
    async def behind(self, loan: loans.Loan | None = None) -> AsyncIterator[tuple[StringSession, Wire]]:
        """A session of a loan whose way to the gateway the test may freeze and cut."""
        home = self.owner.endpoint.home
        wire = Wire(home.host, home.port)
        await wire.mend()
        session = self.put_into(StringSession(), loan or self.lend())
        session.set_dc(home.id, home.host, wire.port)
        try:
            yield session, wire
        finally:
            await wire.cut()
            wire.close()

    def file(self, loan: loans.Loan, name: str = "away") -> str:
        """A session file for a loan."""
        path = self.place.root / name
        session = self.put_into(SQLiteSession(str(path)), loan)
        session.save()
        session.close()
        return str(path)

    def stock(self, session: Any = None, *, grant: str = "full", **options: Any) -> TelegramClient:
        """A stock client on a loan, not connected. ``session``: a loan, a path, or a new loan."""
        if session is None:
            session = self.lend(grant)
        if isinstance(session, loans.Loan):
            session = StringSession(self.string(session))
        client = self._class(session, 1, "0" * 32, **(QUICK | {"sequential_updates": True} | options))
        self.clients.append(client)
        return client

    @asynccontextmanager
    async def program(self, session: Any = None, **options: Any) -> AsyncIterator[TelegramClient]:
        """`stock`, started as programs do it."""
        async with self.stock(session, **options) as client:
            yield client

    def back(self, path: str) -> tuple[TelegramClient, Ear]:
        """A program that was away, not connected, and what it is told: that may be before its start has ended."""
        client = self.stock(path, catch_up=True)
        return client, Ear(client)

    def borrower(self, given: loans.Loan | None = None, *, grant: str = "full", **options: Any) -> BorrowedClient:
        """What telekeep.client() returns, without the daemon in between. Not connected. ``given``: the loan to use."""
        owners = Owners(self.keeper)

        def fetch(before: str | None) -> Loan:
            known = given or self.owner.register.loans.get(before or "")
            known = known or self.owner.lend("", Grant.parse(grant), lasting=False)
            return Loan.read(owners._given(self.owner, known))

        client = borrowed_client("main", fetch, home=self.place.root, **({"retry_delay": 0.05} | options))
        self.clients.append(client)
        return client

    async def raw(
        self, loan: loans.Loan | None = None, *, dc: int | None = None, begin: bool = True, **options: Any
    ) -> RawClient:
        """A client that breaks rules. ``begin``: with initConnection done."""
        addresses = self.owner.endpoint.addresses
        where = next(each for each in addresses if dc in (None, each.dc_id))
        key = (loan or self.lend()).key.reveal()
        client = await RawClient.open(where, key, **options)  # options: session_id, transport
        if begin:
            try:
                await client.call(functions.help.GetConfigRequest(), init=True)
            except BaseException:
                await client.close()
                raise
        return client

    # ---- what happens at Telegram

    def arrive(self, text: str = "hello", count: int = 1) -> None:
        self.telegram.send(PHONE, text, count)

    def bob(self) -> Any:
        """Somebody with a box of his own, whom Ada can write to."""
        return self.telegram.add_account("9996622222", first_name="Bob", username="bob")

    def writes(self, sender: Any, text: str) -> int:
        """A message from ``sender`` arrives. Its id in Ada's box."""
        sent = self.telegram.world.send_message(sender, user(self.ada.id), text)
        self.telegram.world.outlet(sent.deliveries)
        return int(self.ada.box.last_id)

    def edits(self, message_id: int, text: str) -> None:
        """Whoever wrote this message of Ada's changes it."""
        message, world = self.ada.box.message(message_id), self.telegram.world
        sender, theirs = world.accounts[message.sender], self._theirs(message)
        world.outlet(world.revisions.edit(sender, user(self.ada.id), theirs, text=text).deliveries)

    def deletes(self, *message_ids: int) -> None:
        """Whoever wrote these messages of Ada's takes them back."""
        messages, world = [self.ada.box.message(each) for each in message_ids], self.telegram.world
        sender = world.accounts[messages[0].sender]
        deleted = world.revisions.delete(sender, [self._theirs(each) for each in messages], revoke=True)
        assert deleted is not None
        world.outlet(deleted.deliveries)

    def _theirs(self, message: Any) -> int:
        """The id that a message has in its sender's box."""
        found = self.telegram.world.accounts[message.sender].box.copy_of(message)
        assert found is not None
        return int(found)


def _free_endpoint() -> Endpoint:
    while True:
        found = Endpoint.fresh({2, 4}, 2, server_key=gateway_key())
        try:
            for each in found.addresses:
                with socket.socket() as trial:
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    trial.bind((each.host, each.port))
        except OSError:
            continue
        return found


def trust() -> None:
    """What a start-up hook does for a program: it knows the gateway's RSA key."""
    rsa.add_key(gateway_key().pem, old=False)


_READ = types.UpdateReadHistoryInbox | types.UpdateReadHistoryOutbox | types.UpdateReadChannelInbox


class Ear:
    """What a client is told, in order: ("new", id, text), ("edited", id, text), ("deleted", id), ("read", id)."""

    def __init__(self, client: TelegramClient) -> None:
        self.heard: list[tuple[Any, ...]] = []
        client.add_event_handler(self._take, events.Raw())

    async def _take(self, update: Any) -> None:
        if isinstance(update, types.UpdateNewMessage | types.UpdateNewChannelMessage):
            self.heard.append(("new", update.message.id, update.message.message))
        elif isinstance(update, types.UpdateEditMessage | types.UpdateEditChannelMessage):
            self.heard.append(("edited", update.message.id, update.message.message))
        elif isinstance(update, types.UpdateDeleteMessages | types.UpdateDeleteChannelMessages) and update.messages:
            self.heard += [("deleted", each) for each in update.messages]
        elif isinstance(
            update, types.UpdateReadHistoryInbox | types.UpdateReadHistoryOutbox | types.UpdateReadChannelInbox
        ):
            self.heard.append(("read", update.max_id))
        elif isinstance(update, types.UpdateShortMessage | types.UpdateShortChatMessage):
            self.heard.append(("new", update.id, update.message))

    @property
    def texts(self) -> list[str]:
        return [each[2] for each in self.heard if each[0] == "new"]

    def __len__(self) -> int:
        return len(self.heard)
