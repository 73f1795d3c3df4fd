"""A sign-in whose answer was lost: look whether it was carried out before it is repeated, and repeat it once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from telekeep.errors import MaybeDone
from telekeep.login.states import Event, LoggedIn, SignUpWanted
from telekeep.mtproto.schema import types
from telekeep.upstream.fresh import Fresh, user_of


async def sign_on(fresh: Fresh, make: Callable[[], Any]) -> Event:
    """Send the request that ``make`` makes, one that answers auth.Authorization.

    If the line is lost before the answer, Telegram is asked who we are: already logged in is success, otherwise the
    request is made and sent once more. Raises MaybeDone if the line is lost again.
    """

    async def attempt() -> Event:
        made = make()
        return read_authorization(await fresh.ask(await made if isinstance(made, Awaitable) else made))

    try:
        return await attempt()
    except MaybeDone:
        user = await fresh.me()
        return LoggedIn(user) if user else await attempt()


def read_authorization(answer: Any) -> Event:
    """The event that an ``auth.Authorization`` is."""
    if isinstance(answer, types.auth.AuthorizationSignUpRequired):
        return SignUpWanted()
    return LoggedIn(user_of(answer.user))
