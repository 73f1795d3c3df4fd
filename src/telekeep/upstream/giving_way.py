"""How a held client gives way to another key of the same account (`telekeep.keeper.renewing`): what it knows is handed
on, the new key is let in, and its own authorization ends last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from telethon import functions

from telekeep.errors import TelegramNetworkError, TelekeepError
from telekeep.secret import Secret
from telekeep.session.model import MOST_TOKENS, Session
from telekeep.upstream.faults import named

END_SECONDS = 20.0  # for Telegram to confirm a logout


class Ended(NamedTuple):
    """How a logout went. ``confirmed``: Telegram has said so; Telethon takes its mere receipt for an answer (True), as
    Telegram does not always send one. ``token``: for a later login, if Telegram gave one.
    """

    confirmed: bool
    token: Secret | None


class GivingWay:
    """A part of `telekeep.upstream.held.HeldClient`. All of it needs a connection, and says so by its error."""

    _held_now: Any
    _message_box: Any
    _terms: Any
    session: Any
    disconnect: Any

    def session_now(self) -> Session:
        """The session as it is known at this moment: where updates stand and who was met, too."""
        hold = self._held_now()
        self.session.see_box(*self._message_box.session_state())
        record = hold.record
        session: Session = record.session
        return replace(session, user=record.user, state=record.state, peers=record.cast.all())

    def hand_on(self) -> None:
        """From now on another key is kept under our name: nothing of this one is written any more."""
        self._held_now().record.hand_on()

    def kept_again(self, generation: int) -> None:
        """What `hand_on` said is taken back: our key is kept again, as this generation."""
        self._held_now().record.kept_again(generation)

    def keep_tokens(self, tokens: Iterable[Secret]) -> None:
        """Keep login tokens of this account, before those that are known. Raises what the vault does, and LeaseLost."""
        record = self._held_now().record
        known = (*tokens, *record.session.login_tokens)
        record.keep(replace(record.session, login_tokens=tuple(dict.fromkeys(known))[:MOST_TOKENS]))

    async def end_authorization(self) -> Ended:
        """Log out, after `hand_on`, and disconnect.

        Raises what Telegram answers, by telekeep's names; we are disconnected then, too.
        """
        try:
            async with asyncio.timeout(END_SECONDS):  # while the line is being made anew, a call waits for it
                answer = await self._asked(functions.auth.LogOutRequest())
        except TimeoutError as error:
            if isinstance(error, TelekeepError):
                raise
            raise TelegramNetworkError(f"Telegram did not answer within {END_SECONDS:g} s.") from None
        finally:
            await self.disconnect()
        token = getattr(answer, "future_auth_token", None)
        return Ended(answer is not True, Secret(token) if token else None)

    async def accept_login(self, token: bytes) -> None:
        """Let in whoever shows this login token. Raises what Telegram answers, by telekeep's names."""
        await self._asked(functions.auth.AcceptLoginTokenRequest(token))

    async def has_password(self) -> bool:
        """Whether the account has a two-step verification password. Raises as `accept_login`."""
        return bool((await self._asked(functions.account.GetPasswordRequest())).has_password)

    async def _asked(self, request: Any) -> Any:
        try:
            return await self(request)  # type: ignore[operator]  # Telethon's own
        except TelekeepError:
            raise
        except Exception as error:
            raise named(error, clock=self._terms.clock) from error
