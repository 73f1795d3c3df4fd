"""The logins of a daemon's sessions: whether they stand, who else is logged in, renewed and forked. Each answers None,
or does nothing, for a session that this daemon does not own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from telekeep.errors import TelegramNetworkError, TelegramRateLimitError
from telekeep.keeper.deadline import SECONDS
from telekeep.keeper.devices import carry_out, no_devices
from telekeep.keeper.fork import check_other, fork_held
from telekeep.keeper.probe import ask_once_more
from telekeep.keeper.renew import renew_held
from telekeep.keeper.renewing.finish import finish
from telekeep.keeper.renewing.standing import Owned
from telekeep.work.owning import Owning

if TYPE_CHECKING:
    from telekeep.gateway.owner import Owner
    from telekeep.keeper.renewing.renewal import Renewal
    from telekeep.login.prompt import Prompt

_PROBE = 15.0  # seconds for Telegram to answer a probe


class Logins(Owning):
    """A part of `telekeep.work.owners.Owners`."""

    async def probe(self, name: str) -> dict[str, Any] | None:
        """Who Telegram says an owned session is, asked just now; None if it is not owned.

        Raises what Telegram answers instead, by its name.
        """
        found = await self.devices(name, all=False)
        return None if found is None else {"id": found["id"], "username": found["username"]}

    async def devices(self, name: str, all: bool = True) -> dict[str, Any] | None:
        """As `probe`, and who else is logged in to the account (None for a bot's, if not ``all`` is wanted, or if
        Telegram has asked not to be asked: ``unasked`` says until when).
        """
        owner = await self._current(name)
        if owner is None:
            return None
        found = unasked = None
        try:
            async with asyncio.timeout(_PROBE):
                user = await owner.ask_own_user()
                try:
                    found = await owner.ask_devices() if all and not user.bot else None
                except TelegramRateLimitError as wait:
                    unasked = wait.message
        except TimeoutError:
            raise TelegramNetworkError(
                "The daemon owns this session, and cannot reach Telegram just now.",
                remedy="It goes on trying by itself: check the connection, and `telekeep daemon logs`.",
            ) from None
        devices = found.facts() if found else None
        return {"id": user.id, "username": user.username, "devices": devices, "unasked": unasked}

    async def recheck(self, name: str) -> dict[str, Any] | None:
        """As `probe`, and if the key is set aside as dead, Telegram is asked once more: alone, under the lease. If it
        takes the key, the session is served again.
        """
        async with self.turn(name):
            owner = self._owners.get(name)
            if owner is None:
                return None
            is_over = owner.verdict is not None
            if is_over:  # then its connections are closed, and its lease is free
                await ask_once_more(self._keeper, name)
        if is_over:
            await self.owner(name)
        return await self.probe(name)

    async def device_order(self, name: str, **order: Any) -> dict[str, Any] | None:
        """Carry out what `telekeep.keeper.devices.carry_out` does, for a session that is owned; None if it is not."""
        owner = await self._current(name)
        if owner is None:
            return None
        if owner.me is not None and owner.me.bot:
            raise no_devices(name)
        try:
            async with asyncio.timeout(SECONDS):
                return await owner.through(lambda client: carry_out(client, self._keeper.clock, order))
        except TimeoutError:
            raise TelegramNetworkError("The daemon owns this session, and cannot reach Telegram just now.") from None

    async def renew(self, name: str, can: list[str], force: bool = False) -> dict[str, Any] | None:
        """Begin to renew an owned session; None if it is not owned. The answer is a question or the result, as in
        `telekeep.keeper.renewing.conversation`; ``can``: what whoever asks can answer.
        """
        owner = await self._standing(name)
        if owner is None:
            return None

        async def work(prompt: Prompt) -> Renewal:
            await finish(self._keeper, name)
            standing = Owned(self._keeper, owner, self.turn(name))
            return await renew_held(self._keeper, name, standing, prompt, force=force)

        return await self._renewing.begin(name, can, work)

    async def fork(self, name: str, other: str, can: list[str], force: bool = False) -> dict[str, Any] | None:
        """Begin to fork an owned session, to be kept as ``other``. As `renew`."""
        owner = await self._standing(name)
        if owner is None:
            return None

        async def work(prompt: Prompt) -> Renewal:
            check_other(self._keeper, other)
            await finish(self._keeper, other)
            standing = Owned(self._keeper, owner, self.turn(name))
            return await fork_held(self._keeper, other, standing, prompt, force=force)

        return await self._renewing.begin(name, can, work)

    async def renewal_answer(self, name: str, answer: str | bool | None = None) -> dict[str, Any]:
        """Go on with the answer to what `renew` or `fork` has asked; None: stop, and undo it."""
        return await self._renewing.answer(name, answer)

    # ---- inside

    async def _current(self, name: str) -> Owner | None:
        """The owner of the login that is kept as ``name``; None if it is not owned. One that has the key of the login
        before, because somebody has just logged in anew, is replaced first.
        """
        owner = self._owners.get(name)
        if owner is not None and owner.lease != self._keeper.vault.entry(name).lease:
            owner = await self.owner(name)
        return owner

    async def _standing(self, name: str) -> Owner | None:
        owner = await self._current(name)
        return owner if owner is not None and owner.verdict is None and owner.client.is_held else None
