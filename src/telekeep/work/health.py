"""The health round of a daemon: each kept session is asked about now and then, and what came of it is written down.

To be asked about is to be used, which keeps a login from its inactivity limit. Never a second connection: what the
daemon owns is asked through its owner, what nobody holds is held for the moment, and what somebody else holds is left
alone. A login that is over, or whose key is set aside, is not asked about again, however long the daemon runs; nor is
one before a flood wait is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.errors import SessionNotFound, TelegramRateLimitError, TelekeepError
from telekeep.events import SessionChecked
from telekeep.health.history import OK, WINDOW, failures, summed_up
from telekeep.health.schedule import INTERVAL, Outcome, due, next_check
from telekeep.keeper.client import hold
from telekeep.keeper.probe import state_of
from telekeep.upstream.devices import Devices, devices
from telekeep.vault.record import KEPT, Checked, Entry
from telekeep.work.watch import Watch

if TYPE_CHECKING:
    from telekeep.work.keeping import DaemonKeeper

LOOK = 30.0  # seconds of the clock between two looks at what is due
_AT_ONCE = 4
_SECONDS = 15.0  # for a step of a check: whoever wants to borrow the session waits as long

_log = logging.getLogger(__name__)


class Owned(NamedTuple):
    """What the round needs to know of those who own sessions.

    ``turn``: of all that open, close or touch a session, one at a time; ``ask``: who an owned session is, None if it is
    not owned (``all``: who else is logged in, too).
    """

    turn: Callable[[str], AbstractAsyncContextManager[Any]]
    ask: Callable[..., Awaitable[dict[str, Any] | None]]


class HealthRound:
    """Checks the sessions of ``keeper`` as they fall due. ``interval``: seconds between two checks of one session."""

    def __init__(self, keeper: DaemonKeeper, owned: Owned, *, interval: float = INTERVAL) -> None:
        self._keeper = keeper
        self._owned = owned
        self._interval = interval
        self._watch = Watch(keeper, owned.ask)

    async def run(self) -> None:
        """Look what is due, and check it, until cancelled."""
        while True:
            await self._keeper.clock.sleep(LOOK)
            try:
                await self.check_what_is_due()
            except TelekeepError as error:
                _log.warning("the sessions could not be checked: %s", error.message)
            except Exception:
                _log.exception("the sessions could not be checked")

    async def check_what_is_due(self) -> None:
        """Check each session whose time has come. Raises what the vault says."""
        if self._keeper.is_locked:
            return
        try:
            vault = self._keeper.vault
        except SessionNotFound:
            return
        now, health = self._keeper.clock.wall(), vault.health()
        wanted = []
        for entry in vault.entries():
            if entry.state != KEPT or entry.network != self._keeper.network.name:
                continue
            when = due(entry, health.get(entry.lease), now=now, interval=self._interval)
            if when is not None and when <= now:
                wanted.append(entry)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(entry: Entry) -> None:
            async with at_once:
                await self.check(entry)

        await asyncio.gather(*map(one, wanted))

    async def check(self, entry: Entry) -> Checked:
        """Ask about one session, and write down what came of it."""
        keeper, clock = self._keeper, self._keeper.clock
        before = keeper.vault.checks(entry.name)
        known = keeper.vault.health().get(entry.lease)
        ttl_days = known.ttl_days if known else None
        wait, error = 0.0, None
        seen = await self._watch.before(entry)
        raised: TelekeepError | None = None
        found = None
        try:
            if entry.quarantine is not None and entry.quarantine.checked:
                raise entry.quarantine.ending()  # nobody calls with this key
            found = await self._ask(entry.name)
            ttl_days = (found.ttl_days if found else None) or ttl_days
            outcome = OK
        except TelekeepError as failed:
            raised = failed
            outcome, error = str(state_of(raised)), type(raised).__name__
            wait = raised.seconds if isinstance(raised, TelegramRateLimitError) else 0.0
        last = Checked(clock.wall(), outcome, error, clock.boot(), clock.boot_id())
        what = Outcome(entry.name, outcome, failures(before), wait, ttl_days)
        health = summed_up(
            before,
            last,
            next_at=next_check(what, now=last.at, interval=self._interval),
            last_ok=known.last_ok if known else None,
            ttl_days=ttl_days,
        )
        keeper.vault.note_check(entry.name, health, keep_from=last.at - WINDOW)
        keeper.events.report(SessionChecked(entry.name, last.at, outcome, error))
        await self._watch.after(seen, found, raised)
        return last

    async def _ask(self, name: str) -> Devices | None:
        """Who is logged in to the account; None for a bot, or without an answer. Raises what stood in the way."""
        said = await self._owned.ask(name, all=True)
        if said is None:
            async with self._owned.turn(name):  # a borrower who comes now waits for us, instead of being refused
                said = await self._owned.ask(name, all=True)
                if said is None:
                    return await self._ask_alone(name)
        return Devices.of(said["devices"]) if said["devices"] else None

    async def _ask_alone(self, name: str) -> Devices | None:
        client = hold(
            self._keeper, name, timeout=0.0, purpose="health", receive_updates=False, brief=True,
            connect_seconds=_SECONDS, connection_retries=1, request_retries=0,
        )  # fmt: skip
        async with client:
            self._keeper.vault.note_uses([(name, client.fence, self._keeper.clock.wall())])
            if client.session.user.is_bot:
                return None
            try:
                async with asyncio.timeout(_SECONDS):
                    return await devices(client, clock=self._keeper.clock)
            except (TimeoutError, TelegramRateLimitError):  # the login is well all the same
                return None
