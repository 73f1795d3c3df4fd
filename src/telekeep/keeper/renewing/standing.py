"""Whoever holds the authorization that a new one takes the place of, or that lets a new one in.

`Held`: this process, which took the lease for it. `Owned`: the daemon's owner, whose borrowers go on. `Over`: nobody,
because Telegram does not take it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from telekeep.errors import AuthKeyRevoked
from telekeep.keeper.own import owning
from telekeep.lease.holder import DAEMON

if TYPE_CHECKING:
    from telekeep.gateway.owner import Owner
    from telekeep.keeper.keeper import Keeper
    from telekeep.keeper.renewing.making import Making
    from telekeep.lease.lease import Lease
    from telekeep.secret import Secret
    from telekeep.session.model import Session
    from telekeep.upstream.held import HeldClient
    from telekeep.upstream.owned import OwnedClient
    from telekeep.vault.record import Entry

Put = Callable[["Session"], "Entry"]
"""Keeps the new session in the place of the old one, which stands as it is given."""


class Standing(Protocol):
    """The old authorization, held."""

    @property
    def session(self) -> Session:
        """It, as it is known at this moment."""

    @property
    def fence(self) -> int:
        """The fencing token it is held under."""

    @property
    def can_approve(self) -> bool:
        """Whether it can let another in."""

    @property
    def purpose(self) -> str | None:
        """What the new one will be held for; None if for nothing but the renewal."""

    async def accept(self, token: bytes) -> None:
        """Let in whoever shows this login token."""

    async def has_password(self) -> bool:
        """Whether the account has a two-step verification password."""

    async def swap(self, making: Making, put: Put, back: Callable[[], Entry]) -> None:
        """Have the new authorization take over; it works when this returns. Raises whatever stands in the way: then
        the old one is in force, and in use, as before.
        """

    async def retire(self) -> bool:
        """End the old authorization with its own key, after `swap`. Whether Telegram has confirmed it."""


class Held:
    """Held by ``client`` in this process, for nothing else."""

    can_approve = True
    purpose = None

    def __init__(self, keeper: Keeper, name: str, client: HeldClient) -> None:
        self._keeper = keeper
        self._name = name
        self._client = client
        self._entry: Entry
        self._making: Making

    @property
    def session(self) -> Session:
        return self._client.session_now()

    @property
    def fence(self) -> int:
        return self._client.fence

    async def accept(self, token: bytes) -> None:
        await self._client.accept_login(token)

    async def has_password(self) -> bool:
        return await self._client.has_password()

    async def swap(self, making: Making, put: Put, back: Callable[[], Entry]) -> None:
        now = self._client.session_now()
        await making.meet_late(now.peers)
        self._entry, self._making = put(now), making
        self._client.hand_on()
        try:
            if await making.fresh.me() is None:
                raise AuthKeyRevoked("Telegram took the new authorization back at once. The old one is in force.")
        except BaseException:
            self._client.kept_again(back().generation)
            raise

    async def retire(self) -> bool:
        confirmed, token = await self._client.end_authorization()
        if token is not None:
            kept = self._keeper.vault.load(self._name)
            self._keeper.vault.keep(
                self._name, _with(kept, token), fence=self._making.lease.fence, expected=self._entry.generation
            )
        return confirmed


class Owned:
    """Held by ``owner``, which lends it. ``turn``: nobody else may open or close the session during the swap."""

    can_approve = True
    purpose = DAEMON

    def __init__(self, keeper: Keeper, owner: Owner, turn: asyncio.Lock) -> None:
        self._keeper = keeper
        self._owner = owner
        self._turn = turn
        self._old: OwnedClient

    @property
    def session(self) -> Session:
        return self._owner.client.session_now()

    @property
    def fence(self) -> int:
        return self._owner.client.fence

    async def accept(self, token: bytes) -> None:
        await self._owner.client.accept_login(token)

    async def has_password(self) -> bool:
        return await self._owner.client.has_password()

    async def swap(self, making: Making, put: Put, back: Callable[[], Entry]) -> None:
        old = self._owner.client

        async def prepare(now: Session) -> OwnedClient:
            await making.meet_late(now.peers)
            await making.fresh.close()  # one key, one connection
            put(now)
            old.hand_on()
            try:
                return owning(self._keeper, self._owner.name, given=making.lease)
            except BaseException:
                undo()
                raise

        def undo() -> None:
            old.kept_again(back().generation)

        async with self._turn:
            await making.meet_late(self.session.peers)  # most of them now, while nobody waits
            self._old = await self._owner.succeed(prepare, undo)
        making.give_lease()

    async def retire(self) -> bool:
        confirmed, token = await self._old.end_authorization()
        if token is not None:
            self._owner.client.keep_tokens([token])
        return confirmed


class Over:
    """Nobody can use it any more; its lease is ours, so that nobody tries."""

    can_approve = False
    purpose = None

    def __init__(self, session: Session, lease: Lease) -> None:
        self.session = session
        self._lease = lease

    @property
    def fence(self) -> int:
        return self._lease.fence

    async def accept(self, token: bytes) -> None:
        raise AuthKeyRevoked

    async def has_password(self) -> bool:
        return False  # nobody knows; it is asked for if need be

    async def swap(self, making: Making, put: Put, back: Callable[[], Entry]) -> None:
        put(self.session)
        try:
            if await making.fresh.me() is None:
                raise AuthKeyRevoked("Telegram took the new authorization back at once.")
        except BaseException:
            back()
            raise

    async def retire(self) -> bool:
        return True  # it is over already


def _with(session: Session, token: Secret) -> Session:
    return replace(session, login_tokens=(token, *session.login_tokens), state=None, peers=())
