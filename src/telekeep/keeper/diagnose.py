"""The rooms put together for the doctor: which steps there are, and who is asked for their facts.

Adding a check: a file in `telekeep.health.checks` that judges, one in `telekeep.health.facts` that gathers where it
needs one, and a step here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from telekeep.errors import SessionSealed, TelegramNetworkError, TelekeepError
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
from telekeep.health.facts import repository as repository_facts
from telekeep.health.facts import vault as vault_facts
from telekeep.health.facts import versions as versions_facts

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
    network.CHECK,
    authorization.CHECK,
    devices.CHECK,
    programs.CHECK,
    versions.CHECK,
)
"""From the ground up: what fails first is the likeliest cause of what fails after it."""


class Diagnosis:
    """One examination of a keeper's home. ``offline``: no connection at all; the daemon is asked, Telegram is not.

    ``runs``: asks the kernel whether a daemon of this home runs. ``names``: the sessions to look at, none for all.
    ``programs``: work out how fully the releases of other libraries are served.
    """

    def __init__(
        self,
        keeper: Keeper,
        names: Sequence[str] = (),
        *,
        offline: bool = False,
        programs: bool = False,
        runs: Callable[[], bool],
    ) -> None:
        self._keeper = keeper
        self._names = tuple(names)
        self._offline = offline
        self._programs = programs
        self._runs = runs
        self._vault = vault.Facts(exists=False)
        self._owned: dict[str, dict[str, Any]] = {}
        self._uses: list[tuple[str, int, float]] = []

    async def run(self) -> list[Finding]:
        """Every finding, in the order of `ORDER`. Raises nothing that telekeep has a name for."""
        found = await doctor.examine(self._ground())
        found += self._absent()
        found += await doctor.examine(self._above())
        self._note_uses()
        found += self._elsewhere()
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
            Step(quarantine.CHECK, partial(quarantined, self._keeper), quarantine.judge),
            Step(devices.CHECK, self._alarms, devices.judge),
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
        if record.error is not None or record.network != self._keeper.network.name or self._vault.moved:
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
        return found

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

    def _deadlines(self) -> list[ledger.Deadline]:
        """The waits that the daemon knows of. (The ledger on disk joins them here.)"""
        return [
            ledger.Deadline(name, method, float(seconds))
            for name, owner in self._owned.items()
            for method, seconds in dict(owner.get("floods") or {}).items()
        ]

    async def _ask(self, name: str) -> authorization.Facts:
        try:
            if name in self._owned:
                return await self._ask_daemon(name)
            return await self._ask_alone(name)
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
            name, self._keeper.clock.wall(), user_id=said["id"], username=said["username"], devices=devices
        )

    async def _ask_alone(self, name: str) -> authorization.Facts:
        from telekeep.keeper.client import hold
        from telekeep.upstream.devices import devices

        client = hold(
            self._keeper, name, timeout=0.0, purpose="diagnostics", receive_updates=False, brief=True,
            connect_seconds=doctor.STEP_SECONDS - 1, connection_retries=2, request_retries=0,
        )  # fmt: skip
        async with client:
            me = client.session.user
            self._uses.append((name, client.fence, self._keeper.clock.wall()))
            found = None if me.is_bot else await devices(client, clock=self._keeper.clock)
        return authorization.Facts(name, self._keeper.clock.wall(), user_id=me.id, username=me.username, devices=found)


def quarantined(keeper: Keeper) -> list[quarantine.Quarantined]:
    """The keys that are set aside. (Where the quarantine is kept on disk, it is read here.)"""
    return []


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
    runs: Callable[[], bool],
) -> list[Finding]:
    """Examine ``keeper``'s home; see `Diagnosis`."""
    return await Diagnosis(keeper, names, offline=offline, programs=programs, runs=runs).run()
