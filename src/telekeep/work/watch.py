"""The watch of the daemon over the logins of its accounts: a part of each health check.

A look at its own login shows a session mostly itself: Telegram may have written that down by the time it answers. So
before a session is touched, another one of the same account is asked, if this daemon owns one anyway. What is found
is kept and told by `telekeep.keeper.watching`; alarms go to the user's own program besides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from telekeep.errors import AuthKeyDuplicated, TelekeepError
from telekeep.keeper import watching
from telekeep.upstream.devices import Devices
from telekeep.work import alarm

if TYPE_CHECKING:
    from telekeep.health.logins import Alarm
    from telekeep.keeper.watching import Before
    from telekeep.vault.record import Entry
    from telekeep.work.keeping import DaemonKeeper

_log = logging.getLogger(__name__)


class Watch:
    """Looks at what the checks of ``keeper``'s sessions are told. ``ask``: as `work.health.Owned`."""

    def __init__(self, keeper: DaemonKeeper, ask: Callable[..., Awaitable[dict[str, Any] | None]]) -> None:
        self._keeper = keeper
        self._ask = ask
        self._users: watching.Users = {}

    async def before(self, entry: Entry) -> Before | None:
        """To be called before a session is asked; raises nothing. What `after` needs to know, if there is anything."""
        try:
            # in a thread: the first time it opens every record, to learn whose it is
            seen = await asyncio.to_thread(watching.before, self._keeper, entry.name, self._users)
            if seen is not None and seen.asker.is_quiet:
                await self._look_through_others(seen)
            return seen
        except TelekeepError as error:
            _log.warning("the logins of the account of %r are not watched: %s", entry.name, error.message)
        except Exception:
            _log.exception("the logins of the account of %r are not watched", entry.name)
        return None

    async def after(self, seen: Before | None, found: Devices | None, error: TelekeepError | None) -> None:
        """To be called when it has answered, with what it ``found`` or the ``error``; raises nothing."""
        if seen is None:
            return
        try:
            if isinstance(error, AuthKeyDuplicated):
                await self._tell(watching.duplicated(self._keeper, seen))
            elif found is not None:
                await self._tell(watching.after(self._keeper, seen, found).alarms)
        except TelekeepError as failed:
            _log.warning("the logins of the account of %r are not watched: %s", seen.asker.name, failed.message)
        except Exception:
            _log.exception("the logins of the account of %r are not watched", seen.asker.name)

    async def _look_through_others(self, seen: Before) -> None:
        for other in seen.kept:
            if other.name == seen.asker.name or other.is_quiet:
                continue
            try:
                said = await self._ask(other.name, all=True)
            except TelekeepError:
                continue
            if said is not None and said["devices"]:
                there = seen._replace(asker=other)
                await self._tell(watching.after(self._keeper, there, Devices.of(said["devices"])).alarms)
                return

    async def _tell(self, alarms: list[Alarm]) -> None:
        for each in alarms:
            _log.warning("ALARM %s: %s", each.name, each.words)
            await alarm.run(self._keeper, each)
