"""A key that comes from another place for good: kept only once Telegram has said that nobody else speaks with it.

Whether another program still uses a key, only Telegram knows, and it can be asked only with that key: one request, on
one connection, under the lease. If the other one still runs, Telegram may end the login for both (406
AUTH_KEY_DUPLICATED); so a person has to say first that it was stopped.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from telekeep.errors import AuthKeyDuplicated, NeedsLogin
from telekeep.keeper.renewing.ending import with_key
from telekeep.keeper.transfer import import_session, read_foreign, take
from telekeep.mtproto.schema import functions, types
from telekeep.session.model import Session
from telekeep.upstream.fresh import Refusal, user_of

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.session.model import User
    from telekeep.vault.record import Entry

WARNING = (
    "Two places must not use one key: Telegram ends it for both, for good. If the other place goes on, let this one "
    "have a login of its own: `telekeep fork NAME --as OTHER` where the session is kept, or `telekeep auth NAME` here."
)
QUESTION = (
    "Was every program that used this key stopped, for good? Telegram is asked once; if one still runs, it may end."
)


async def move_in(keeper: Keeper, source: bytes | Session, *, name: str, replace: bool = False) -> Entry:
    """Keep the session in ``source`` as ``name``, once Telegram takes its key from here and from nowhere else.

    To be called after a person has answered `QUESTION`. Parameters and errors as of
    `telekeep.keeper.transfer.import_session`, and those of `prove_stopped`; then nothing is kept.
    """
    session = source if isinstance(source, Session) else read_foreign(keeper, source)
    keeper.vault_for_writing().unlock()
    user = await prove_stopped(keeper, session)
    return import_session(keeper, _of(session, user), name=name, replace=replace)


async def prove_stopped(keeper: Keeper, session: Session) -> User:
    """Ask Telegram once who we are, with the key of ``session``, alone. Returns whose it is.

    Raises AuthKeyDuplicated if it was in use elsewhere (then it is over, and set aside here), the other
    TelegramAuthErrors if it was over before, SessionBusy if a program of this machine uses it, TelegramNetworkError.
    """
    key_id = session.auth_key.id
    with ExitStack() as held:
        take(keeper, key_id, held, floor=0, purpose="moving in")
        async with with_key(keeper, session) as fresh:
            try:
                users = await fresh.ask(functions.users.GetUsersRequest([types.InputUserSelf()]))
            except AuthKeyDuplicated as error:
                keeper.vault.quarantine(key_id, type(error).__name__, checked=True, evidence="Seen on moving it in.")
                raise AuthKeyDuplicated(
                    "This key was still in use elsewhere, and Telegram has ended it for both. Nothing was kept.",
                    remedy="Log in anew: `telekeep auth NAME`; and stop the other program, which cannot go on either.",
                ) from None
            except Refusal:
                raise NeedsLogin from None
    if not users:
        raise NeedsLogin
    return user_of(users[0])


def _of(session: Session, user: User) -> Session:
    return replace(session, user=user)
