"""Login as a bot, with the token @BotFather gave (auth.importBotAuthorization)."""

from __future__ import annotations

import re

from telekeep.errors import ConfigError
from telekeep.login.doubt import sign_on
from telekeep.login.states import Event
from telekeep.mtproto.schema import functions
from telekeep.secret import Secret
from telekeep.upstream.fresh import Fresh

_TOKEN = re.compile(r"(\d{1,19}):[A-Za-z0-9_-]{20,}")


def bot_id(token: Secret) -> int:
    """The bot's user id, which its token begins with. Raises ConfigError, without the token, if it is none."""
    found = _TOKEN.fullmatch(token.reveal().decode("utf-8", "replace"))
    if found is None:
        raise ConfigError(
            "That is no bot token: it looks like 123456:ABC-DEF…, on one line.", remedy="Copy it again from @BotFather."
        )
    return int(found[1])


async def import_bot(fresh: Fresh, token: Secret) -> Event:
    """Log in as the bot."""
    application = fresh.application

    def request() -> functions.auth.ImportBotAuthorizationRequest:
        return functions.auth.ImportBotAuthorizationRequest(
            flags=0,
            api_id=application.api_id,
            api_hash=application.api_hash.reveal().decode(),
            bot_auth_token=token.reveal().decode(),
        )

    return await sign_on(fresh, request)
