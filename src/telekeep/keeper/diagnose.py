"""The rooms put together for the doctor: which steps there are, and who is asked for their facts.

Adding a check: a file in `telekeep.health.checks` that judges, one in `telekeep.health.facts` that gathers where it
needs one, and a step here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from telekeep.errors import SessionSealed, TelegramNetworkError, TelegramRateLimitError, TelekeepError
from telekeep.health import doctor
from telekeep.health.check import Finding, note, of_error
from telekeep.health.checks import (
    authorization,
    backups,
    clocks,
    configuration,
    daemon,
    devices,
    leases,
    ledger,
    network,
    permissions,
    programs,
    quarantine,
    renewals,
    repository,
    vault,
    versions,
)
from telekeep.health.doctor import Step
from telekeep.health.facts import backups as backups_facts
from telekeep.health.facts import clocks as clocks_facts
from telekeep.health.facts import configuration as configuration_facts
from telekeep.health.facts import daemon as daemon_facts
from telekeep.health.facts import leases as leases_facts
from telekeep.health.facts import network as network_facts
from telekeep.health.facts import permissions as permissions_facts
from telekeep.health.facts import quarantine as quarantine_facts
from telekeep.health.facts import repository as repository_facts
from telekeep.health.facts import vault as vault_facts
from telekeep.health.facts import versions as versions_facts
from telekeep.keeper import watching
from telekeep.keeper.adopt.users import connected
from telekeep.keeper.floods import Floods, waited_out
from telekeep.paths import JOBS

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

ORDER = (
    configuration.CHECK,
    permissions.CHECK,
    repository.CHECK,
    clocks.CHECK,
    vault.CHECK,
    backups.CHECK,
    leases.CHECK,
    daemon.CHECK,
    ledger.CHECK,
    quarantine.CHECK,
    renewals.CHECK,
    network.CHECK,
    authorization.CHECK,
    devices.CHECK,
    programs.CHECK,
    versions.CHECK,
)
"""From the ground up: what fails first is the likeliest cause of what fails after it."""

_PATIENCE = doctor.STEP_SECONDS * 0.7  # for a flood to be over: the rest of its step is for the questions


class Diagnosis:
    """One examination of a keeper's home. ``offline``: no connection at all; the daemon is asked, Telegram is not.

    ``runs``: asks the kernel whether a daemon of this home runs. ``names``: the sessions to look at, none for all.
    ``programs``: work out how fully the releases of other libraries are served. ``patience``: seconds of a flood that
    are waited out, of each login and within its step.
    """

    def __init__(
        self,
        keeper: Keeper,
        names: Sequence[str] = (),
        *,
        offline: bool = False,
        programs: bool = False,
        patience: float = 0.0,
        runs: Callable[[], bool],
    ) -> None:
        self._patience = min(patience, _PATIENCE)
        self._keeper = keeper
        self._names = tuple(names)
        self._offline = offline
        self._programs = programs
        self._runs = runs
        self._vault = vault.Facts(exists=False)
        self._owned: dict[str, dict[str, Any]] = {}
        self._uses: list[tuple[str, int, float]] = []
        self._users: watching.Users = {}
        self._shared: frozenset[str] | None = None  # whose accounts have other sessions here

    async def run(self) -> list[Finding]:
        """Every finding, in the order of `ORDER`. Raises nothing that telekeep has a name for."""
        found = await doctor.examine(self._ground())
        found += self._absent()
        found += await doctor.examine(self._above())
        self._note_uses()
        found += self._elsewhere() + self._left_alone()
        found += await doctor.examine([Step(versions.CHECK, versions_facts.gather, versions.judge)])  # by now loaded
        return sorted(found, key=lambda finding: ORDER.index(finding.check))

    # ---- what there is to examine

    def _ground(self) -> list[Step[Any]]:
        """What needs nothing but this machine, and what the rest is decided by: vault and daemon."""
        home = self._keeper.home
        return [
            Step(permissions.CHECK, partial(permissions_facts.gather, home), permissions.judge),
            Step(repository.CHECK, repository_facts.gather, repository.judge),
            Step(vault.CHECK, self._look_into_vault, vault.judge),
            Step(daemon.CHECK, self._look_at_daemon, daemon.judge),
        ]

    def _above(self) -> list[Step[Any]]:
        clock, records = self._keeper.clock, self._vault.records
        without = tuple(each.name for each in records if not each.has_application)
        steps: list[Step[Any]] = [
            Step(configuration.CHECK, partial(configuration_facts.gather, without), configuration.judge),
            Step(
                backups.CHECK,
                partial(backups_facts.gather, self._keeper.home),
                partial(backups.judge, records, now=clock.wall()),
            ),
            Step(leases.CHECK, self._look_at_leases, partial(leases.judge, now=clock.wall())),
            Step(ledger.CHECK, self._deadlines, ledger.judge),
            Step(quarantine.CHECK, self._set_aside, quarantine.judge),
            Step(devices.CHECK, self._alarms, devices.judge),
            Step(renewals.CHECK, self._cut_off, renewals.judge),
            Step(programs.CHECK, partial(served, fully=self._programs), programs.judge),
        ]
        if self._offline:
            return [*steps, Step(clocks.CHECK, self._clocks_alone, clocks.judge)]
        homes = {each.dc_id for each in records}
        knocked = doctor.once(partial(network_facts.gather, self._keeper.network, homes, clock=clock))

        async def clocks_and_telegrams() -> clocks.Facts:
            return self._clocks(network.skew(await knocked()))

        steps += [
            Step(network.CHECK, knocked, network.judge),
            Step(clocks.CHECK, clocks_and_telegrams, clocks.judge),
        ]
        return steps + [
            Step(authorization.CHECK, partial(self._ask, each.name), authorization.judge, each.name)
            for each in records
            if self._may_ask(each)
        ]

    def _may_ask(self, record: vault.Record) -> bool:
        if record.set_aside or record.error is not None:
            return False
        if record.network != self._keeper.network.name or self._vault.moved:
            return False
        return self._vault.sealed is None or record.name in self._owned

    def _note_uses(self) -> None:
        """To be asked about is to be used: it keeps a login from its inactivity limit."""
        if self._uses:
            with suppress(TelekeepError):  # a disk that refuses has a finding of its own
                self._keeper.vault.note_uses(self._uses)

    # ---- findings of no step

    def _absent(self) -> list[Finding]:
        """Sessions that were asked for by name, and are not kept."""
        if self._vault.error is not None:
            return []
        known = {each.name for each in self._vault.records}
        return [of_error(vault.CHECK, self._why_absent(name), name=name) for name in self._names if name not in known]

    def _why_absent(self, name: str) -> TelekeepError:
        try:
            self._keeper.vault.entry(name)
        except TelekeepError as error:
            return error
        return SessionSealed()  # it was kept this very moment

    def _elsewhere(self) -> list[Finding]:
        """Sessions of other networks, which nobody was asked about."""
        by_network: dict[str, int] = {}
        for each in self._vault.records:
            if each.error is None and each.network != self._keeper.network.name and not self._offline:
                by_network[each.network] = by_network.get(each.network, 0) + 1
        return [
            note(
                authorization.CHECK,
                f"Not asked: {count} session{'s' * (count != 1)} of the network {name!r}.",
                "Name that network with --network.",
            )
            for name, count in sorted(by_network.items())
        ]

    def _left_alone(self) -> list[Finding]:
        """Sessions that Telegram is not asked about."""
        return authorization.left_alone([each.name for each in self._vault.records if each.set_aside])

    # ---- facts

    def _look_into_vault(self) -> vault.Facts:
        keeper = self._keeper
        opened = None
        try:
            opened = keeper.vault  # with its key source, which may be a passphrase somebody has typed
        except TelekeepError:
            pass  # why, is found out below
        self._vault = vault_facts.gather(keeper.home, opened, clock=keeper.clock, names=self._names)
        return self._vault

    def _look_at_daemon(self) -> daemon.Facts:
        ours = (versions_facts.installed("telekeep") or "unknown", self._keeper.network.name)
        found, sessions = daemon_facts.gather(self._keeper.home, ours, runs=self._runs)
        self._owned = {each["name"]: each for each in sessions}
        return replace(found, lent=lent(self._keeper), jobs=jobs(self._keeper)) if found.left else found

    def _look_at_leases(self) -> list[leases.Held]:
        return leases_facts.gather(self._vault.records, self._owned, clock=self._keeper.clock)

    def _clocks_alone(self) -> clocks.Facts:
        return self._clocks(None)

    def _clocks(self, skew: float | None) -> clocks.Facts:
        return clocks.Facts(skew, clocks_facts.reading(self._keeper.clock), self._earlier())

    def _earlier(self) -> clocks.Reading | None:
        """What both clocks said at the last check of any session."""
        try:
            checks = [each.last for each in self._keeper.vault.health().values()]
        except TelekeepError:
            return None
        boot_id = self._keeper.clock.boot_id()
        last = max((each for each in checks if each.boot_id == boot_id), key=lambda each: each.boot, default=None)
        return clocks.Reading(last.at, last.boot, last.boot_id) if last else None

    def _alarms(self) -> list[tuple[str, str]]:
        try:
            return self._keeper.vault.alarm_ids()
        except TelekeepError:  # a vault that cannot be read has a finding of its own
            return []

    def _cut_off(self) -> list[str]:
        try:
            found = self._keeper.vault.renewal_names()
        except TelekeepError:
            return []
        return [each for each in found if not self._names or each in self._names]

    def _set_aside(self) -> list[quarantine.Quarantined]:
        if self._vault.error is not None or not self._vault.exists:
            return []
        keeper = self._keeper
        return quarantine_facts.gather(
            keeper.vault, self._names, clock=keeper.clock, company=partial(connected, keeper)
        )

    def _deadlines(self) -> ledger.Facts:
        """What the ledger says, and what only the daemon knows: its disk did not take that."""
        now, of = self._keeper.clock.wall(), Floods(self._keeper, self._names)
        found = [ledger.Deadline(each.who, each.method, left, now + left, each.chat) for each, left in of.deadlines()]
        known = {(each.name, f"{each.method} in {each.chat}" if each.chat else each.method) for each in found}
        found += [
            ledger.Deadline(name, method, float(seconds), now + float(seconds))
            for name, owner in self._owned.items()
            for method, seconds in dict(owner.get("floods") or {}).items()
            if (name, method) not in known and (not self._names or name in self._names)
        ]
        return ledger.Facts(found, [ledger.Slowed(each.who, each.method, interval) for each, interval in of.slowed()])

    async def _ask(self, name: str) -> authorization.Facts:
        ask = self._ask_daemon if name in self._owned else self._ask_alone
        try:
            facts = await waited_out(self._keeper, name, partial(ask, name), longest=self._patience)
            if facts.devices is None or not facts.devices.others:
                return facts
            if self._shared is None:
                self._shared = watching.shared(self._keeper, self._users)
            if name not in self._shared:
                return facts
            return replace(facts, ours=watching.ours_among(self._keeper, name, facts.devices, self._users))
        except TelekeepError as error:
            return authorization.Facts(name, self._keeper.clock.wall(), error)

    async def _ask_daemon(self, name: str) -> authorization.Facts:
        from telekeep.keeper.handover import ask
        from telekeep.upstream.devices import Devices

        said = await doctor.in_thread(partial(ask, self._keeper, "devices", name=name))
        if said is None:
            raise TelegramNetworkError(
                "The daemon owns this session, and has not answered.", remedy="Run `telekeep daemon restart`."
            )
        devices = Devices.of(said["devices"]) if said["devices"] else None
        return authorization.Facts(
            name,
            self._keeper.clock.wall(),
            user_id=said["id"],
            username=said["username"],
            devices=devices,
            unasked=said.get("unasked"),
        )

    async def _ask_alone(self, name: str) -> authorization.Facts:
        from telekeep.keeper.client import hold
        from telekeep.upstream.devices import devices

        client = hold(
            self._keeper, name, timeout=0.0, purpose="diagnostics", receive_updates=False, brief=True,
            connect_seconds=doctor.STEP_SECONDS - 1, connection_retries=2, request_retries=0,
            flood_sleep_threshold=self._patience,
        )  # fmt: skip
        async with client:
            me = client.session.user
            self._uses.append((name, client.fence, self._keeper.clock.wall()))
            found = unasked = None
            try:
                found = None if me.is_bot else await devices(client, clock=self._keeper.clock)
            except TelegramRateLimitError as wait:
                if wait.seconds <= self._patience:
                    raise
                unasked = wait.message
        return authorization.Facts(
            name, self._keeper.clock.wall(), user_id=me.id, username=me.username, devices=found, unasked=unasked
        )


def lent(keeper: Keeper) -> tuple[str, ...]:
    """The sessions with open loans that last. None where the vault does not open: it has a finding of its own."""
    from telekeep.gateway.shelf import Shelf

    now = keeper.clock.wall()
    try:
        names = [each.name for each in keeper.vault.entries()]
        loans = {name: Shelf(keeper.vault, name, 0).loans() for name in names}
    except TelekeepError:
        return ()
    return tuple(name for name in names if any(each.lasting and each.state(now) == "open" for each in loans[name]))


def jobs(keeper: Keeper) -> tuple[str, ...]:
    """The jobs that are written down. None where their file cannot be read: `telekeep jobs` says why."""
    import tomllib

    try:
        return tuple(tomllib.loads((keeper.home.root / JOBS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ()


def served(*, fully: bool) -> list[programs.Served]:
    """What the gateway serves of other libraries' releases; ``fully``: how much of each, too, which takes seconds."""
    from telekeep.gateway import layers

    found = []
    for layer, releases in layers.served().items():
        covered = layers.coverage(layer) if fully else None
        found.append(
            programs.Served(
                layer,
                ", ".join(releases),
                covered.requests if covered else None,
                len(covered.refused) if covered else None,
            )
        )
    return found


async def diagnose(
    keeper: Keeper,
    names: Sequence[str] = (),
    *,
    offline: bool = False,
    programs: bool = False,
    patience: float = 0.0,
    runs: Callable[[], bool],
) -> list[Finding]:
    """Examine ``keeper``'s home; see `Diagnosis`."""
    return await Diagnosis(keeper, names, offline=offline, programs=programs, patience=patience, runs=runs).run()
