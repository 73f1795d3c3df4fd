"""A login that is ended with its own key, over a connection of its own, under its lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telekeep.login.undone import undo
from telekeep.session.model import Application, Session, User
from telekeep.settings import require_application
from telekeep.upstream.endpoints import home_of
from telekeep.upstream.fresh import Fresh

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.lease.lease import Lease


def with_key(keeper: Keeper, session: Session) -> Fresh:
    """A connection with the key of ``session``, not made yet. Only for who holds its lease."""
    application = session.application or Application(*require_application(keeper.settings))
    begin = home_of(session, keeper.network), session.auth_key
    return Fresh(keeper.network, application, clock=keeper.clock, begin=begin)


async def user_of(keeper: Keeper, session: Session, lease: Lease) -> User | None:
    """Whom Telegram takes the key of ``session`` for; None if for nobody. Raises LeaseLost, and what Telegram says."""
    lease.check()
    async with with_key(keeper, session) as fresh:
        return await fresh.me()


async def end(keeper: Keeper, session: Session, lease: Lease) -> None:
    """Log out with the key of ``session``, and see to it that nobody connects with it again.

    Raises LeaseLost, and TelegramNetworkError if Telegram cannot be asked: then the login may stand.
    """
    lease.check()
    async with with_key(keeper, session) as fresh:
        await undo(fresh)
    set_aside(keeper, session)


def set_aside(keeper: Keeper, session: Session) -> None:
    """The authorization of this key was ended on purpose: a generation that holds it is of no use."""
    keeper.vault.quarantine(session.auth_key.id, "AuthKeyRevoked", checked=True, evidence="Ended by telekeep itself.")
