"""The sessions a daemon owns: opened when somebody asks, kept for those who have a loan, handed over in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from telekeep.errors import (
    ConfigError,
    NotGranted,
    SessionBusy,
    SessionNotFound,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.gateway.grants import Grant
from telekeep.gateway.loans import OPEN, Loan
from telekeep.gateway.owner import Owner
from telekeep.gateway.shelf import Shelf
from telekeep.keeper.devices import SECONDS, carry_out, no_devices
from telekeep.keeper.endpoint import known_server_key
from telekeep.keeper.fork import check_other, fork_held
from telekeep.keeper.own import Ready, own, ready
from telekeep.keeper.probe import ask_once_more
from telekeep.keeper.renew import renew_held
from telekeep.keeper.renewing.conversation import Conversations
from telekeep.keeper.renewing.finish import finish
from telekeep.keeper.renewing.renewal import Renewal
from telekeep.keeper.renewing.standing import Owned
from telekeep.lease.probe import is_held
from telekeep.login.prompt import Prompt
from telekeep.mtproto import keys
from telekeep.upstream.admission import Admission
from telekeep.words import span

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.mtproto.rsa import ServerKey

_log = logging.getLogger(__name__)

_AGAIN = 2.0  # seconds between looks at sessions that should be owned and are not
_PROBE = 15.0  # seconds for Telegram to answer a probe
_AT_ONCE = 100  # sessions opened at the same time
_PATIENCE = 30.0  # seconds until one that could not be opened is tried again
_HANDED_OVER = 5.0  # seconds whoever asked for a session has to take it


class Owners:
    """The owners of one daemon, by the names of their sessions. Implements what `work.daemon` asks for."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._owners: dict[str, Owner] = {}
        self._turns: dict[str, asyncio.Lock] = {}  # one opens or closes a session at a time
        self._handed: dict[str, float] = {}  # boot seconds until which a session is not taken back
        self._again: asyncio.Task[None] | None = None
        self._known_key: ServerKey | None = None
        self._key_names: dict[str, str] = {}  # by lease: the key's id, which takes a record to be opened
        self._is_locked = False
        self._closing = False
        self._renewing = Conversations()

    # ---- what the daemon asks

    def verbs(self) -> dict[str, Callable[..., Any]]:
        """What the control socket offers of this."""
        return {
            "borrow": self.borrow,
            "lend": self.lend,
            "run": self.run,
            "running": self.running,
            "ended": self.ended,
            "loans": self.loans,
            "revoke": self.revoke,
            "release": self.release,
            "probe": self.probe,
            "devices": self.devices,
            "device_order": self.device_order,
            "recheck": self.recheck,
            "server_key": self.server_key,
            "renew": self.renew,
            "fork": self.fork,
            "renewal_answer": self.renewal_answer,
        }

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
        await self._close_all(0.0)

    async def close(self, grace: float) -> None:
        """Let every session go, for good. Calls that run have ``grace`` seconds to end."""
        self._closing = True
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        await self._renewing.close()
        await self._close_all(grace)

    async def _close_all(self, grace: float) -> None:
        owners, self._owners = self._owners, {}
        await asyncio.gather(*(owner.close(grace) for owner in owners.values()), return_exceptions=True)

    # ---- verbs

    async def borrow(
        self, name: str, grant: str = "full", label: str = "", loan: str | None = None, network: str | None = None
    ) -> dict[str, Any]:
        """A loan for the program that asks, for as long as it uses it; ``loan``: one it was given before."""
        self._check_network(network)
        wanted = Grant.parse(grant)
        owner = await self.owner(name)
        known = owner.register.loans.get(loan or "")
        if known is None or known.state(self._keeper.clock.wall()) != "open" or known.grant != str(wanted):
            known = owner.lend(label, wanted, lasting=False)
        return self._given(owner, known)

    async def lend(
        self,
        name: str,
        label: str = "",
        grant: str = "full",
        seconds: float | None = None,
        network: str | None = None,
        host: str | None = None,
    ) -> dict[str, Any]:
        """A loan that lasts: until it is revoked, or for ``seconds``. ``host``: the address of this machine at which a
        container will use it; None for programs that reach its loopback.
        """
        self._check_network(network)
        if seconds is not None and not seconds > 0:
            raise ConfigError("A loan lasts for more than no time.", remedy="Give a lifetime such as 8h, or none.")
        wanted = Grant.parse(grant)
        owner = await self.owner(name)
        if host is not None:
            await owner.reach(host)
        return self._given(owner, owner.lend(label, wanted, seconds=seconds, host=host))

    async def run(
        self,
        name: str,
        label: str = "",
        grant: str = "full",
        seconds: float | None = None,
        network: str | None = None,
    ) -> dict[str, Any]:
        """A loan for a program that `telekeep run` starts, and what its hook has to know.

        It does not last: whoever runs it says with `running` that it is still needed, and with `ended` when not.
        """
        self._check_network(network)
        if seconds is not None and not seconds > 0:
            raise ConfigError("A loan lasts for more than no time.", remedy="Give a lifetime such as 8h, or none.")
        wanted = Grant.parse(grant)
        owner = await self.owner(name)
        if owner.me is None:
            raise TelegramNetworkError(f"Telegram has not said yet whose session {name!r} is.")
        given = self._given(owner, owner.lend(label, wanted, seconds=seconds, lasting=False))
        return {**given, "test": self._keeper.network.name == "test", **self._key_ids(name)}

    def running(self, name: str, loan: str) -> bool:
        """Whether a loan is open; then it is not forgotten for ten minutes."""
        owner = self._owners.get(name)
        known = owner.register.loans.get(loan) if owner is not None else None
        now = self._keeper.clock.wall()
        if owner is None or known is None or known.state(now) != "open":
            return False
        owner.register.replace(known.used(now))
        return True

    def ended(self, name: str, loan: str) -> None:
        """The program that a loan was made for has ended."""
        owner = self._owners.get(name)
        if owner is not None:
            owner.end_loan(loan, "revoked")

    def loans(self, name: str | None = None) -> list[dict[str, Any]]:
        """Every loan, open or ended, of one session or of all."""
        now = self._keeper.clock.wall()
        found = []
        for entry in self._keeper.vault.entries():
            if name is not None and entry.name != name:
                continue
            owner = self._owners.get(entry.name)
            if owner is not None:
                found += [owner.loan_status(loan, now) for loan in owner.loans()]
            else:
                found += [{**loan.facts(now), "borrowers": []} for loan in self._stored(entry.name)]
        if name is not None and not found:
            self._keeper.vault.entry(name)  # raises if there is none of this name
        return found

    async def revoke(self, loan: str) -> dict[str, Any]:
        """End a loan, named by its id or its label."""
        matches = [each for each in self.loans() if loan in (each["id"], each["label"]) and each["state"] == "open"]
        if not matches:
            raise NotGranted(
                f"There is no open loan {loan!r}.",
                remedy="`telekeep loans list` shows those there are, with their ids.",
            )
        if len(matches) > 1:
            raise ConfigError(
                f"{len(matches)} open loans are called {loan!r}.",
                remedy="Name one by its id; `telekeep loans list` shows it.",
            )
        found = matches[0]
        name = found["session"]
        owner = self._owners.get(name)
        if owner is not None:
            owner.end_loan(found["id"], "revoked")
        else:
            stored = next(each for each in self._stored(name) if each.id == found["id"])
            self._shelf(name).keep(stored.ended("revoked", self._keeper.clock.wall()))
        return {**found, "state": "revoked", "borrowers": []}

    async def release(self, lease: str) -> bool:
        """Let an idle session go, for somebody who will hold it alone. Whether the lease of this name was ours.

        Raises SessionBusy, naming them, while programs use it.
        """
        name = next((name for name, owner in self._owners.items() if owner.lease == lease), None)
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

    async def server_key(self, name: str) -> str:
        """The public RSA key of a session's gateway (PKCS#1 PEM)."""
        owner = await self.owner(name)
        return owner.endpoint.server_key.pem

    async def probe(self, name: str) -> dict[str, Any] | None:
        """Who Telegram says an owned session is, asked just now; None if it is not owned.

        Raises what Telegram answers instead, by its name.
        """
        found = await self.devices(name, all=False)
        return None if found is None else {"id": found["id"], "username": found["username"]}

    async def devices(self, name: str, all: bool = True) -> dict[str, Any] | None:
        """As `probe`, and who else is logged in to the account (None for a bot's, if not ``all`` is wanted, or if
        Telegram has asked not to be asked: ``unasked`` says until when).
        """
        owner = await self._current(name)
        if owner is None:
            return None
        found = unasked = None
        try:
            async with asyncio.timeout(_PROBE):
                user = await owner.ask_own_user()
                try:
                    found = await owner.ask_devices() if all and not user.bot else None
                except TelegramRateLimitError as wait:
                    unasked = wait.message
        except TimeoutError:
            raise TelegramNetworkError(
                "The daemon owns this session, and cannot reach Telegram just now.",
                remedy="It goes on trying by itself: check the connection, and `telekeep daemon logs`.",
            ) from None
        devices = found.facts() if found else None
        return {"id": user.id, "username": user.username, "devices": devices, "unasked": unasked}

    async def recheck(self, name: str) -> dict[str, Any] | None:
        """As `probe`, and if the key is set aside as dead, Telegram is asked once more: alone, under the lease. If it
        takes the key, the session is served again.
        """
        async with self.turn(name):
            owner = self._owners.get(name)
            if owner is None:
                return None
            is_over = owner.verdict is not None
            if is_over:  # then its connections are closed, and its lease is free
                await ask_once_more(self._keeper, name)
        if is_over:
            await self.owner(name)
        return await self.probe(name)

    async def device_order(self, name: str, **order: Any) -> dict[str, Any] | None:
        """Carry out what `telekeep.keeper.devices.carry_out` does, for a session that is owned; None if it is not."""
        owner = await self._current(name)
        if owner is None:
            return None
        if owner.me is not None and owner.me.bot:
            raise no_devices(name)
        try:
            async with asyncio.timeout(SECONDS):
                return await owner.through(lambda client: carry_out(client, self._keeper.clock, order))
        except TimeoutError:
            raise TelegramNetworkError("The daemon owns this session, and cannot reach Telegram just now.") from None

    async def renew(self, name: str, can: list[str], force: bool = False) -> dict[str, Any] | None:
        """Begin to renew an owned session; None if it is not owned. The answer is a question or the result, as in
        `telekeep.keeper.renewing.conversation`; ``can``: what whoever asks can answer.
        """
        owner = await self._standing(name)
        if owner is None:
            return None

        async def work(prompt: Prompt) -> Renewal:
            await finish(self._keeper, name)
            standing = Owned(self._keeper, owner, self.turn(name))
            return await renew_held(self._keeper, name, standing, prompt, force=force)

        return await self._renewing.begin(name, can, work)

    async def fork(self, name: str, other: str, can: list[str], force: bool = False) -> dict[str, Any] | None:
        """Begin to fork an owned session, to be kept as ``other``. As `renew`."""
        owner = await self._standing(name)
        if owner is None:
            return None

        async def work(prompt: Prompt) -> Renewal:
            check_other(self._keeper, other)
            await finish(self._keeper, other)
            standing = Owned(self._keeper, owner, self.turn(name))
            return await fork_held(self._keeper, other, standing, prompt, force=force)

        return await self._renewing.begin(name, can, work)

    async def renewal_answer(self, name: str, answer: str | bool | None = None) -> dict[str, Any]:
        """Go on with the answer to what `renew` or `fork` has asked; None: stop, and undo it."""
        return await self._renewing.answer(name, answer)

    async def _current(self, name: str) -> Owner | None:
        """The owner of the login that is kept as ``name``; None if it is not owned. One that has the key of the login
        before, because somebody has just logged in anew, is replaced first.
        """
        owner = self._owners.get(name)
        if owner is not None and owner.lease != self._keeper.vault.entry(name).lease:
            owner = await self.owner(name)
        return owner

    async def _standing(self, name: str) -> Owner | None:
        owner = await self._current(name)
        return owner if owner is not None and owner.verdict is None and owner.client.is_held else None

    # ---- owning

    async def owner(self, name: str) -> Owner:
        """The owner of ``name``, which is opened if it is not. Raises what `telekeep.keeper.own.own` does."""
        async with self.turn(name):
            found = self._owners.get(name)
            if found is not None and (found.verdict or found.lease != self._keeper.vault.entry(name).lease):
                why = found.verdict.error if found.verdict else "another login is kept under its name"
                _log.info("%r is opened again: %s", name, why)
                del self._owners[name]
                await found.close(1.0)
                found = None
            if found is None:
                found = self._owners[name] = await own(self._keeper, name, timeout=1.0, server_key=self._server_key)
                _log.info("%r is owned", name)
            return found

    def _server_key(self) -> ServerKey:
        """One RSA key for all gateways of this home: clients keep keys in a table of the process, too."""
        if self._known_key is None:
            self._known_key = known_server_key(self._keeper) or keys.make()
        return self._known_key

    def turn(self, name: str) -> asyncio.Lock:
        """Held by whoever opens, closes or touches the session ``name``: one at a time."""
        return self._turns.setdefault(name, asyncio.Lock())

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

    async def _renewed(self, name: str) -> None:
        """Another login is kept under the name of a session that is owned: its loans are loans of that one now."""
        try:
            await self.owner(name)
        except TelekeepError as error:
            _log.warning("%r was logged in anew, and cannot be opened: %s", name, error)

    def _ready(self, free: list[str]) -> list[Ready]:
        """The next of these sessions that are lent, ready to be opened together; taken off the list."""
        admission, now = Admission(self._keeper.vault), self._keeper.clock.wall()
        found: list[Ready] = []
        with self._keeper.vault.view():
            while free and len(found) < _AT_ONCE:
                name = free.pop(0)
                try:
                    loans = self._stored(name)
                    if any(loan.state(now) == OPEN for loan in loans) and not self.turn(name).locked():
                        found.append(
                            ready(self._keeper, name, server_key=self._server_key, admission=admission, loans=loans)
                        )
                except TelekeepError as error:
                    self._not_opened(name, error)
        return found

    async def _open_again(self, made: Ready) -> None:
        name = made.name
        try:
            async with self.turn(name):
                if name in self._owners or self._closing or self._is_locked:
                    return
                self._owners[name] = await own(self._keeper, name, patient=True, made=made)
            _log.info("%r is owned again for its borrowers", name)
        except TelekeepError as error:
            self._not_opened(name, error)

    def _not_opened(self, name: str, error: TelekeepError) -> None:
        _log.warning("%r is lent, and cannot be opened: %s", name, error)
        self._handed[name] = self._keeper.clock.boot() + _PATIENCE

    def _stored(self, name: str) -> list[Loan]:
        return self._shelf(name).loans()

    def _shelf(self, name: str) -> Shelf:
        return Shelf(self._keeper.vault, name, 0)

    def _check_network(self, network: str | None) -> None:
        if network is not None and network != self._keeper.network.name:
            raise ConfigError(
                f"The daemon of this home speaks to the network {self._keeper.network.name!r}, not to {network!r}.",
                remedy="Stop it with `telekeep daemon stop`, or use another --home.",
            )

    def _key_ids(self, name: str) -> dict[str, Any]:
        """By their ids: the keys that are ``name``, its loans among them, and those of every other kept session."""
        ids: dict[str, list[str]] = {}
        for entry in self._keeper.vault.entries():
            if entry.lease not in self._key_names:
                try:
                    self._key_names[entry.lease] = _spelt(self._keeper.vault.load(entry.name).auth_key.id)
                except TelekeepError:  # removed, or it cannot be read: then it opens nothing either
                    continue
            ids.setdefault(entry.name, []).append(self._key_names[entry.lease])
        for each, owner in self._owners.items():
            ids.setdefault(each, []).extend(_spelt(loan.key.id) for loan in owner.loans())
        own = ids.pop(name, [])
        return {"own_keys": own, "other_keys": {key: each for each, keys in ids.items() for key in keys}}

    def _given(self, owner: Owner, loan: Loan) -> dict[str, Any]:
        """What a borrower is told: all it needs, and the key, which is worth nothing anywhere else."""
        me, state = owner.me, owner.journal.state()
        return {
            "id": loan.id,
            "name": owner.name,
            "label": loan.label,
            "grant": loan.grant,
            "expires_at": loan.expires_at,
            "key": loan.key.reveal().hex(),
            "addresses": [[each.dc_id, each.host, each.port] for each in owner.endpoint.told(loan.host)],
            "server_key": owner.endpoint.server_key.pem,
            "network": self._keeper.network.name,
            "user_id": me.id if me else None,
            "is_bot": bool(me and me.bot),
            "access_hash": me.access_hash if me else None,
            "username": me.username if me else None,
            "state": [state.pts, state.qts, state.date],
        }


def _spelt(key_id: int) -> str:
    return f"{key_id:016x}"


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
