"""The two-step verification password: SRP (core.telegram.org/api/srp). The password itself never leaves the machine."""

from __future__ import annotations

import asyncio
from typing import Any

from telekeep.errors import TelegramAuthError
from telekeep.login.doubt import sign_on
from telekeep.login.states import Event, HintFetched
from telekeep.mtproto.schema import functions
from telekeep.secret import Secret
from telekeep.upstream.fresh import Fresh, Refusal, password_proof


async def fetch_hint(fresh: Fresh) -> Event:
    """What the owner wrote down to be reminded by."""
    settings = await fresh.ask(functions.account.GetPasswordRequest(), repeat=True)
    return HintFetched(settings.hint or None)


async def check_password(fresh: Fresh, password: Secret) -> Event:
    """Prove that we know the password.

    Raises Refusal for a wrong one, TelegramAuthError if Telegram's parameters are none that can be trusted.
    """

    async def proof() -> Any:
        settings = await fresh.ask(functions.account.GetPasswordRequest(), repeat=True)
        try:  # 100,000 rounds and big numbers: a tenth of a second in which the connection must be served
            return functions.auth.CheckPasswordRequest(await asyncio.to_thread(password_proof, settings, password))
        except ValueError:
            raise TelegramAuthError(
                "Telegram's parameters for the password check are none that can be trusted.",
                remedy="Try another network; if it stays so, log in with an official app and report it.",
            ) from None

    try:
        return await sign_on(fresh, proof)
    except Refusal as refusal:
        if refusal.name not in ("SRP_ID_INVALID", "SRP_PASSWORD_CHANGED"):
            raise
    return await sign_on(fresh, proof)  # the parameters were out of date: once more with new ones
