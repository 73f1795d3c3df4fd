"""Renewal: another authorization of the same account takes the place of the one that is kept, and nobody notices.

In this order, so that at every moment one of the two is in force and in use, and the vault has the key of both:

1. Whatever an earlier renewal has left is finished. A backup is made.
2. A new authorization is made beside the old one, and proved: the same user, and it answers.
3. Dialogs and contacts are fetched with it: access hashes belong to an authorization.
4. Only now do borrowers wait. When nothing of theirs is under way, the new one is kept as a new generation and
   connects; they go on with their old loans, and what they wait for goes out by the new one.
5. The old one logs itself out.

Whatever fails before 5, Ctrl-C included, leaves the old one in force and in use, and ends the new one. What a crash
leaves is the business of `telekeep.keeper.renewing.finish`.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from telekeep.errors import (
    AuthKeyDuplicated,
    AuthKeyRevoked,
    ConfigError,
    NeedsLogin,
    PasswordNeeded,
    SessionConflict,
    SessionExpired,
    TelekeepError,
)
from telekeep.events import Renewed
from telekeep.keeper.auth import budget_of
from telekeep.keeper.backup import back_up_first
from telekeep.keeper.client import hold
from telekeep.keeper.renewing import ending
from telekeep.keeper.renewing.finish import finish
from telekeep.keeper.renewing.making import Making, described
from telekeep.keeper.renewing.plan import Kind
from telekeep.keeper.renewing.renewal import Renewal, by_daemon
from telekeep.keeper.renewing.standing import Held, Over, Standing
from telekeep.login import flow
from telekeep.login.approved import Approved
from telekeep.login.prompt import Prompt, Question
from telekeep.login.runner import Login
from telekeep.session.model import Application
from telekeep.settings import require_application

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.session.model import Session, User
    from telekeep.upstream.fresh import Fresh
    from telekeep.vault.record import Entry

_log = logging.getLogger(__name__)
_BUSY_SECONDS = 1.0  # for a daemon that lends it to nobody to hand it over
_OVER = (AuthKeyRevoked, AuthKeyDuplicated, SessionExpired, NeedsLogin)


async def renew(keeper: Keeper, name: str, prompt: Prompt, *, force: bool = False) -> Renewal:
    """Renew ``name``: by the daemon, if it owns it, else in this process, under its lease.

    A living authorization lets the new one in, without a code; a bot's token is asked for. One that is over cannot:
    then a login by phone and code follows, if somebody is there to type it. ``force``: go on even if some people and
    chats cannot be found again.

    Raises SessionBusy while somebody else holds it, PasswordNeeded, LoginRefused, LoginCancelled, LoginBudgetSpent,
    TelegramRateLimitError, TelegramNetworkError, and what the vault says. Whatever is raised, what was kept is kept.
    """
    found = await by_daemon(keeper, prompt, "renew", name, force=force)
    if found is not None:
        return found
    await finish(keeper, name)
    async with AsyncExitStack() as stack:
        return await renew_held(keeper, name, await standing_of(keeper, name, stack), prompt, force=force)


async def renew_held(keeper: Keeper, name: str, standing: Standing, prompt: Prompt, *, force: bool = False) -> Renewal:
    """Renew ``name``, whose authorization ``standing`` holds. As `renew`."""
    vault, old = keeper.vault, standing.session
    back_up_first(keeper, [name], step="before renew")
    await check_prompt(standing, prompt)
    application = application_of(keeper, old)
    async with Making(keeper, Kind.RENEWAL, name, old, application, purpose=standing.purpose) as making:
        await making.prove(lambda fresh: log_in(keeper, fresh, standing, prompt))
        await making.meet(standing.session.peers, prompt, force=force)

        def put(now: Session) -> Entry:
            entry = vault.entry(name)
            if entry.lease != _lease_of(old):
                raise SessionConflict(f"Another login was kept as {name} meanwhile. It was not touched.")
            session = making.session_from(now)
            return vault.keep(name, session, fence=making.lease.fence, expected=entry.generation)

        def back() -> Entry:
            as_it_was = replace(old, state=None, peers=())  # these are there still, newer than here
            return vault.keep(name, as_it_was, fence=standing.fence, expected=vault.entry(name).generation)

        await standing.swap(making, put, back)
        making.keep_it()
        ended, why = await _retired(keeper, name, standing, making, old)
        entry = vault.entry(name)
        _log.info("%r was renewed", name)
        keeper.events.report(Renewed(name, keeper.clock.wall(), entry.generation))
        return Renewal(
            name,
            entry.generation,
            old.auth_key.fingerprint,
            making.session.auth_key.fingerprint,
            len(making.session_from().peers),
            tuple(map(described, making.lost)),
            ended,
            why,
        )


async def _retired(
    keeper: Keeper, name: str, standing: Standing, making: Making, old: Session
) -> tuple[bool, str | None]:
    try:
        if not await standing.retire():
            await _make_sure(keeper, old)
    except _OVER:
        pass  # it was over before
    except TelekeepError as error:
        _log.warning("%r was renewed, but its old authorization is not ended yet: %s", name, error)
        return False, error.message
    ending.set_aside(keeper, old)
    making.drop()
    return True, None


async def _make_sure(keeper: Keeper, old: Session) -> None:
    lease = keeper.leases.try_acquire(old.auth_key.id, purpose="renewal")
    try:
        await ending.end(keeper, old, lease)
    finally:
        lease.release()


async def standing_of(keeper: Keeper, name: str, stack: AsyncExitStack) -> Standing:
    """Whoever holds ``name`` from now on, in this process, until ``stack`` is closed. Raises SessionBusy."""
    client = hold(keeper, name, timeout=_BUSY_SECONDS, purpose="renewal", asks=True, receive_updates=False)
    try:
        await client.connect()
    except _OVER as error:
        _log.warning("%r cannot be renewed by itself: %s", name, error)
        session, fence = keeper.vault.load(name), keeper.vault.entry(name).fence
        lease = keeper.leases.try_acquire(session.auth_key.id, floor=fence, purpose="renewal")
        stack.callback(lease.release)
        return Over(session, lease)
    stack.push_async_callback(client.disconnect)
    return Held(keeper, name, client)


async def check_prompt(standing: Standing, prompt: Prompt) -> None:
    """Refuse before anything is made, if an answer will be needed that nobody could give."""
    user = standing.session.user
    if user is not None and user.is_bot:
        if not prompt.can(Question.BOT_TOKEN):
            raise ConfigError(
                "A bot's authorization is renewed by a login with its token, which telekeep does not keep.",
                remedy="Give it with --bot-token-file FILE, or set TELEGRAM_BOT_TOKEN.",
            )
    elif not standing.can_approve:
        if not prompt.can(Question.CODE):
            raise NeedsLogin(
                "Telegram does not take this login any more, so it cannot let another one in: a code is needed.",
                remedy="Run `telekeep renew NAME` in a terminal, where somebody can type it.",
            )
    elif not prompt.can(Question.PASSWORD) and await standing.has_password():
        raise PasswordNeeded


async def log_in(keeper: Keeper, fresh: Fresh, standing: Standing, prompt: Prompt) -> User:
    """Log in over ``fresh``: let in by the authorization that stands, with a bot's token, or by phone and code."""
    session, budget, clock = standing.session, budget_of(keeper), keeper.clock
    if session.user is not None and session.user.is_bot:
        return await Login(fresh, prompt, budget, clock).run(flow.by_bot_token())
    if standing.can_approve:
        return await Approved(fresh, prompt, budget, clock, accept=standing.accept).run(flow.by_qr())
    return await Login(fresh, prompt, budget, clock, tokens=session.login_tokens).run(flow.by_phone())


def application_of(keeper: Keeper, session: Session) -> Application:
    """Api id and hash that the old login was made with, else the settings'. Raises ConfigError."""
    return session.application or Application(*require_application(keeper.settings))


def _lease_of(session: Session) -> str:
    from telekeep.lease.lease import lease_name

    return lease_name(session.auth_key.id)
