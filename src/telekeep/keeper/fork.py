"""Forking: a second, independent authorization of the same account, let in by the first without a code.

The only sound way to work from two places: each has a key of its own, so neither can end the other. It knows the same
people by access hashes of its own, and is listed under Devices as a login of its own.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError
from telekeep.keeper.auth import kept_before
from telekeep.keeper.renew import application_of, check_prompt, log_in, standing_of
from telekeep.keeper.renewing.finish import finish
from telekeep.keeper.renewing.making import Making, described
from telekeep.keeper.renewing.plan import Kind
from telekeep.keeper.renewing.renewal import Renewal, by_daemon
from telekeep.vault.record import REMOVED, check_name

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.keeper.renewing.standing import Standing
    from telekeep.login.prompt import Prompt


async def fork(keeper: Keeper, name: str, other: str, prompt: Prompt, *, force: bool = False) -> Renewal:
    """Make another authorization of the account of ``name``, and keep it as ``other``: by the daemon, if it owns it,
    else in this process.

    Raises ConfigError for a name that is taken or none, AuthKeyRevoked and its kin if ``name`` is over, and what
    `telekeep.keeper.renew.renew` raises. Whatever is raised, nothing was changed.
    """
    check_other(keeper, other)
    found = await by_daemon(keeper, prompt, "fork", name, other=other, force=force)
    if found is not None:
        return found
    await finish(keeper, other)
    async with AsyncExitStack() as stack:
        return await fork_held(keeper, other, await standing_of(keeper, name, stack), prompt, force=force)


def check_other(keeper: Keeper, other: str) -> None:
    """Raise ConfigError if nothing can be kept as ``other``."""
    check_name(other)
    if kept_before(keeper.vault, other) is not None:
        raise ConfigError(f"A session is already kept as {other}; it was not touched.", remedy="Choose another name.")


async def fork_held(keeper: Keeper, other: str, standing: Standing, prompt: Prompt, *, force: bool = False) -> Renewal:
    """The same, for whoever holds the first one."""
    vault, first = keeper.vault, standing.session
    check_other(keeper, other)
    if not standing.can_approve:
        raise ConfigError(
            "Telegram does not take this login any more, so it cannot let another one in.",
            remedy=f"Log in separately: telekeep auth {other}",
        )
    await check_prompt(standing, prompt)
    async with Making(keeper, Kind.FORK, other, first, application_of(keeper, first)) as making:
        await making.prove(lambda fresh: log_in(keeper, fresh, standing, prompt))
        await making.meet(first.peers, prompt, force=force)
        before = next((each for each in vault.entries() if each.name == other), None)
        assert before is None or before.state == REMOVED
        entry = vault.keep(other, making.session_from(), fence=making.lease.fence, expected=None)
        making.keep_it()
        return Renewal(
            other,
            entry.generation,
            first.auth_key.fingerprint,
            making.session.auth_key.fingerprint,
            len(making.session_from().peers),
            tuple(map(described, making.lost)),
            ended=False,
        )
