"""The sessions a daemon owns: opened when somebody asks, kept for those who have a loan, let go in order."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from telekeep.errors import OwnerAbsent, SessionBusy, SessionNotFound, SessionSealed, TelekeepError
from telekeep.gateway.loans import OPEN, Loan
from telekeep.gateway.shelf import Found, Shelf
from telekeep.keeper.endpoint import known_server_key
from telekeep.keeper.own import Ready, own, ready
from telekeep.keeper.renewing.conversation import Conversations
from telekeep.lease.probe import is_held
from telekeep.mtproto import keys
from telekeep.upstream.admission import Admission
from telekeep.vault.record import Entry
from telekeep.words import span
from telekeep.work.farewells import Farewells
from telekeep.work.held_key import REMEDY
from telekeep.work.opening import Openings

if TYPE_CHECKING:
    from telekeep.gateway.owner import Owner
    from telekeep.keeper.keeper import Keeper
    from telekeep.mtproto.rsa import ServerKey

_log = logging.getLogger(__name__)

_AGAIN = 2.0  # seconds between looks at sessions that should be owned and are not
_AT_ONCE = 100  # sessions opened at the same time
_PATIENCE = 30.0  # seconds until one that could not be opened is tried again
_HANDED_OVER = 5.0  # seconds whoever asked for a session has to take it


class Owning:
    """The owners of one daemon, by the names of their sessions. The other parts of `telekeep.work.owners.Owners` are
    what programs ask of them.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._owners: dict[str, Owner] = {}
        self._turns: dict[str, asyncio.Lock] = {}  # one opens or closes a session at a time
        self._handed: dict[str, float] = {}  # boot seconds until which a session is not taken back
        self._again: asyncio.Task[None] | None = None
        self._known_key: ServerKey | None = None
        self._is_locked = False
        self._closing = False
        self._renewing = Conversations()
        self._farewells = Farewells(keeper)
        self._opening = Openings()

    def status(self) -> list[dict[str, Any]]:
        """Each owned session, with its loans and who uses them."""
        return [owner.status() for _, owner in sorted(self._owners.items())]

    def is_idle(self) -> bool:
        """Whether nobody borrows anything, and no loan is out that a program could come back with: nothing but this
        daemon answers it.
        """
        return all(owner.is_idle and not owner.has_lasting_loans for owner in self._owners.values())

    async def resume(self) -> None:
        """Open the sessions again for which there are loans, now and whenever they become free."""
        self._is_locked = False
        await self._resume()
        if self._again is None:
            self._again = asyncio.get_running_loop().create_task(self._keep_resuming())

    async def lock(self) -> None:
        """Let every session go; none is opened until `resume`."""
        self._is_locked = True
        await self._renewing.close()
        await self._opening.cut_off(_locked())
        await self._close_all(0.0)

    async def close(self, grace: float) -> None:
        """Let every session go, for good. Calls that run have ``grace`` seconds to end."""
        self._closing = True
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        await self._renewing.close()
        await self._opening.cut_off(_stopping())
        await self._close_all(grace)

    async def _close_all(self, grace: float) -> None:
        await self._farewells.close()
        owners, self._owners = self._owners, {}
        await asyncio.gather(*(owner.close(grace) for owner in owners.values()), return_exceptions=True)

    # ---- one session

    async def owner(self, name: str) -> Owner:
        """The owner of ``name``, which is opened if it is not.

        Raises what `telekeep.keeper.own.own` does; SessionSealed or OwnerAbsent once all sessions were let go.
        """
        async with self.turn(name):
            if self._closing or self._is_locked:
                raise _stopping() if self._closing else _locked()
            found = self._owners.get(name)
            if found is not None and (found.verdict or found.lease != self._keeper.vault.entry(name).lease):
                why = found.verdict.error if found.verdict else "another login is kept under its name"
                _log.info("%r is opened again: %s", name, why)
                del self._owners[name]
                await found.close(1.0)
                found = None
            if found is None:
                lease = self._keeper.vault.entry(name).lease
                opening = self._open(name, timeout=1.0, server_key=self._server_key)
                found = await self._opening.carry_out(name, lease, opening)
                _log.info("%r is owned", name)
            return found

    async def _open(self, name: str, **how: Any) -> Owner:
        await self._farewells.end(name)
        owner = self._owners[name] = await own(self._keeper, name, **how)
        return owner

    def _server_key(self) -> ServerKey:
        """One RSA key for all gateways of this home: clients keep keys in a table of the process, too."""
        if self._known_key is None:
            self._known_key = known_server_key(self._keeper) or keys.make()
        return self._known_key

    def turn(self, name: str) -> asyncio.Lock:
        """Held by whoever opens, closes or touches the session ``name``: one at a time."""
        return self._turns.setdefault(name, asyncio.Lock())

    async def release(self, lease: str) -> bool:
        """Let an idle session go, for somebody who will hold it alone; one that is being opened, when it is open.
        Whether the lease of this name was ours.

        Raises SessionBusy, naming them, while programs use it.
        """
        owned = (name for name, owner in self._owners.items() if owner.lease == lease)
        name = next(owned, None) or self._opening.name(lease)
        if name is None:
            return False
        async with self.turn(name):
            owner = self._owners.get(name)
            if owner is None:
                return False
            if name in self._renewing:
                raise SessionBusy(f"The daemon is renewing {name!r}.", remedy="Wait for it.")
            users = owner.borrowers()
            if users:
                raise SessionBusy(
                    f"The daemon lends {name!r} to {_told(users, self._keeper.clock.wall())}.",
                    remedy="Wait for them, stop them, or end their loans: `telekeep loans list` shows both.",
                )
            self._handed[name] = self._keeper.clock.boot() + _HANDED_OVER
            del self._owners[name]
            await owner.close(1.0)
            _log.info("%r was handed over", name)
            return True

    # ---- those that are lent

    async def _keep_resuming(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN)
            try:
                await self._resume()
            except TelekeepError as error:
                _log.warning("the sessions that are lent cannot be opened: %s", error)
            except Exception:
                _log.exception("the sessions that are lent cannot be opened")

    async def _resume(self) -> None:
        """Own what has open loans, unless somebody else holds it."""
        if self._is_locked or self._closing:
            return
        from telekeep.lease.folder import lease_folder

        now = self._keeper.clock.boot()
        self._handed = {name: until for name, until in self._handed.items() if until > now}
        try:
            vault = self._keeper.vault
        except SessionNotFound:
            return
        with vault.view():
            entries, away, lending = vault.entries(), vault.away(), vault.lending_names()
        free = [
            entry.name
            for entry in entries
            if entry.name in lending
            and entry.name not in self._owners
            and entry.name not in self._handed
            and entry.lease not in away
            and not is_held(lease_folder(), entry.lease)
        ]
        while free:
            await asyncio.gather(*map(self._open_again, self._ready(free)))
        for entry in entries:
            owner = self._owners.get(entry.name)
            if owner is not None and owner.lease != entry.lease and not is_held(lease_folder(), entry.lease):
                await self._renewed(entry.name)
        for entry in entries:
            if entry.name in lending:
                await self._say_farewell(entry)

    async def _say_farewell(self, entry: Entry) -> None:
        """Tell the programs of a session that is lent no more, unless there is or will be an owner who does."""
        turn = self.turn(entry.name)
        if entry.name in self._owners or turn.locked() or not self._farewells.has_news(entry):
            return
        async with turn:
            if entry.name in self._owners or self._closing or self._is_locked:
                return
            try:
                await self._farewells.look(entry)
            except TelekeepError as error:
                _log.warning("the ended loans of %r cannot be read: %s", entry.name, error)

    async def _renewed(self, name: str) -> None:
        """Another login is kept under the name of a session that is owned: its loans are loans of that one now."""
        try:
            await self.owner(name)
        except TelekeepError as error:
            _log.warning("%r was logged in anew, and cannot be opened: %s", name, error)

    def _ready(self, free: list[str]) -> list[Ready]:
        """The next of these sessions that are lent, ready to be opened together; taken off the list."""
        vault, now = self._keeper.vault, self._keeper.clock.wall()
        admission, made = Admission(vault), list[Ready]()
        names, free[:] = free[:_AT_ONCE], free[_AT_ONCE:]
        with vault.view():
            for name, looked in vault.look([name for name in names if not self.turn(name).locked()]).items():
                try:
                    found = None if isinstance(looked, TelekeepError) else Found.of(name, looked)
                    loans = self._stored(name) if found is None else found.loans
                    if not any(loan.state(now) == OPEN for loan in loans):
                        continue
                    made.append(
                        ready(self._keeper, name, server_key=self._server_key, admission=admission, found=found)
                    )
                except TelekeepError as error:
                    self._not_opened(name, error)
        return made

    async def _open_again(self, made: Ready) -> None:
        name = made.name
        try:
            async with self.turn(name):
                if name in self._owners or self._closing or self._is_locked:
                    return
                await self._opening.carry_out(name, made.owner.lease, self._open(name, patient=True, made=made))
            _log.info("%r is owned again for its borrowers", name)
        except TelekeepError as error:
            if not (self._closing or self._is_locked):
                self._not_opened(name, error)

    def _not_opened(self, name: str, error: TelekeepError) -> None:
        _log.warning("%r is lent, and cannot be opened: %s", name, error)
        self._handed[name] = self._keeper.clock.boot() + _PATIENCE

    def _stored(self, name: str) -> list[Loan]:
        return self._shelf(name).loans()

    def _shelf(self, name: str) -> Shelf:
        return Shelf(self._keeper.vault, name, 0)


def _locked() -> TelekeepError:
    return SessionSealed("The daemon is locked.", remedy=REMEDY)


def _stopping() -> TelekeepError:
    return OwnerAbsent("The daemon is stopping.")


def _told(users: list[Any], now: float) -> str:
    """Who they are, in words: the first three by name."""
    named = [
        f"process {each.process.pid} ({each.process.command})"
        if each.process
        else f"a program ({each.application.device_model})"
        if each.application
        else "a program"
        for each in users[:3]
    ]
    more = f" and {len(users) - 3} more" if len(users) > 3 else ""
    longest = span(now - min(each.since for each in users))
    return f"{', '.join(named)}{more}, for {longest}"
