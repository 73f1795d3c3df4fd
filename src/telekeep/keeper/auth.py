"""From nothing to a kept session: log in on a new key, prove it, seal it.

In this order, so that at every moment either the old session stands untouched or the new one is safe:

1. What can fail without Telegram is tried first: settings, vault, an existing record, the budget.
2. The login runs on a new key, which nobody else has. Until it ends, giving up costs nothing: the key is forgotten.
3. The new authorization is proved over the same connection, and its user compared with the one kept before.
4. Its lease is taken and the record written as a new generation, in one durable step. Only now is the old one replaced.

Whatever fails between 2 and 4, Ctrl-C included, logs the new authorization out again, so that none is left behind that
nobody holds the key of. Only a machine that dies within these two calls leaves one: it is listed under Devices, and
ends there. The old authorization is never logged out by a login.
"""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum

from telekeep.errors import ConfigError, SessionCorrupt, StorageUnavailable, VaultRolledBack
from telekeep.events import LoggedIn
from telekeep.keeper.backup import back_up_first
from telekeep.keeper.keeper import Keeper
from telekeep.login import flow
from telekeep.login.budget import LoginBudget
from telekeep.login.prompt import Given, Prompt
from telekeep.login.runner import Login
from telekeep.secret import Secret
from telekeep.session.model import Application, User
from telekeep.settings import require_application
from telekeep.upstream.fresh import Fresh
from telekeep.vault.record import DAMAGED, KEPT, REMOVED, Entry, check_name
from telekeep.vault.vault import Vault


class Way(StrEnum):
    """How to log in."""

    PHONE = "phone"
    QR = "qr"
    BOT = "bot"


_BEGIN = {Way.PHONE: flow.by_phone, Way.QR: flow.by_qr, Way.BOT: flow.by_bot_token}


async def auth(
    keeper: Keeper,
    name: str,
    prompt: Prompt,
    *,
    phone: str | None = None,
    way: Way = Way.PHONE,
    bot_token: Secret | None = None,
    replace: bool = False,
    application: Application | None = None,
) -> Entry:
    """Log in and keep the session as ``name``.

    ``phone`` and ``bot_token`` are used instead of asking; ``replace``: a session kept under that name may be replaced
    without asking, by one of the same account only. ``application`` defaults to the settings'.

    Raises ConfigError, also for a name that is taken and may not be replaced, LoginBudgetSpent, LoginRefused,
    LoginCancelled, what `telekeep.upstream.faults` names, and the vault's errors. Whatever is raised, the session kept
    before is what it was.
    """
    check_name(name)
    application = application or Application(*require_application(keeper.settings))
    vault = keeper.vault_for_writing()
    vault.unlock()
    before = kept_before(vault, name)
    if before is not None and not replace:
        await may_replace(name, prompt)
    expected_user = _user_of(vault, name) if before is not None else None
    if before is not None:
        back_up_first(keeper, [name], step="before a new login")
    login_prompt = Given(prompt, phone=phone, bot_token=bot_token)
    lease = None
    try:
        async with Fresh(keeper.network, application, clock=keeper.clock) as fresh:
            login = Login(
                fresh, login_prompt, budget_of(keeper), keeper.clock, patience=keeper.patience, events=keeper.events
            )
            user = await login.run(_BEGIN[way]())
            try:
                _same_account(name, expected_user, user)
                session = await fresh.session()
                lease = keeper.leases.try_acquire(session.auth_key.id, purpose=f"login of {name}")
                expected = before.generation if before else None
                vault.keep(name, session, fence=lease.fence, expected=expected)
            except BaseException:
                if not await fresh.log_out():
                    await prompt.tell("The new authorization could not be ended: end it under Settings > Devices.")
                raise
            with suppress(StorageUnavailable):  # when it was last used may lag
                vault.touch(name, fence=lease.fence, at=keeper.clock.wall())
    finally:
        if lease is not None:
            lease.release()
    keeper.events.report(LoggedIn(name, keeper.clock.wall(), user.id))
    if before is not None:
        await prompt.tell(
            "The authorization kept before was not logged out: it stays under Settings > Devices until you end it."
        )
    return vault.entry(name)


def budget_of(keeper: Keeper) -> LoginBudget:
    """The login budget of this home."""
    return LoginBudget(keeper.home.root / "login.db", clock=keeper.clock, ledger=keeper.ledger)


def kept_before(vault: Vault, name: str) -> Entry | None:
    """What is kept as ``name`` now, damaged or not; None if nothing is, or what was there has been set aside."""
    entry = next((each for each in vault.entries() if each.name == name), None)
    if entry is None or entry.state == REMOVED:
        return None
    if entry.state not in (KEPT, DAMAGED):
        vault.entry(name)  # raises VaultRolledBack: a login must not bury the trace of that
    return entry


async def may_replace(name: str, prompt: Prompt) -> None:
    """Ask whether a new login may take the place of the session kept as ``name``. Raises ConfigError if it may not."""
    if not await prompt.confirm(f"A session is already kept as {name}. Replace it by a new login of the same account?"):
        raise ConfigError(
            f"A session is already kept as {name}; it was not touched.",
            remedy=f"Use another name, or --replace for a new login of the same account; `telekeep test {name}` "
            "tells whether it is still good.",
        )


def _user_of(vault: Vault, name: str) -> int | None:
    """Whose the kept session is, where that is known. A damaged one may be replaced: nobody can read it any more."""
    try:
        user = vault.load(name).user
    except VaultRolledBack:
        raise
    except SessionCorrupt:
        return None
    return user.id if user else None


def _same_account(name: str, expected: int | None, user: User) -> None:
    if expected is not None and user.id != expected:
        raise ConfigError(
            f"This login is of account {user.id}, but {name} keeps account {expected}. The new login was ended again.",
            remedy="Keep it under a name of its own.",
        )
