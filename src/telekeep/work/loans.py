"""The loans of a daemon's sessions: made, shown and ended, as the control socket is asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telekeep.errors import ConfigError, NotGranted, TelegramNetworkError, TelekeepError
from telekeep.gateway.grants import Grant
from telekeep.gateway.loans import OPEN
from telekeep.work.owning import Owning

if TYPE_CHECKING:
    from telekeep.gateway.loans import Loan
    from telekeep.gateway.owner import Owner
    from telekeep.keeper.keeper import Keeper


_BEGINNING = 0.5  # seconds that a new loan waits for what was before it, which is no news to its program


class Loans(Owning):
    """A part of `telekeep.work.owners.Owners`."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__(keeper)
        self._key_names: dict[str, str] = {}  # by lease: the key's id, which takes a record to be opened

    async def borrow(
        self, name: str, grant: str = "full", label: str = "", loan: str | None = None, network: str | None = None
    ) -> dict[str, Any]:
        """A loan for the program that asks, for as long as it uses it; ``loan``: one it was given before."""
        wanted = self._wanted(grant, network)
        owner = await self.owner(name)
        known = owner.register.loans.get(loan or "")
        if known is None or known.state(self._keeper.clock.wall()) != OPEN or known.grant != str(wanted):
            known = await _new(owner, label, wanted, lasting=False)
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
        wanted = self._wanted(grant, network, seconds)
        owner = await self.owner(name)
        if host is not None:
            await owner.reach(host)
        return self._given(owner, await _new(owner, label, wanted, seconds=seconds, host=host))

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
        wanted = self._wanted(grant, network, seconds)
        owner = await self.owner(name)
        if owner.me is None:
            raise TelegramNetworkError(f"Telegram has not said yet whose session {name!r} is.")
        given = self._given(owner, await _new(owner, label, wanted, seconds=seconds, lasting=False))
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

    # ---- inside

    def _wanted(self, grant: str, network: str | None, seconds: float | None = None) -> Grant:
        """What is asked for. Raises ConfigError for what no loan can be."""
        if network is not None and network != self._keeper.network.name:
            raise ConfigError(
                f"The daemon of this home speaks to the network {self._keeper.network.name!r}, not to {network!r}.",
                remedy="Stop it with `telekeep daemon stop`, or use another --home.",
            )
        if seconds is not None and not seconds > 0:
            raise ConfigError("A loan lasts for more than no time.", remedy="Give a lifetime such as 8h, or none.")
        return Grant.parse(grant)

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


async def _new(owner: Owner, label: str, grant: Grant, **terms: Any) -> Loan:
    """A new loan; what was before it is no news to its program."""
    await owner.caught_up(_BEGINNING)
    return owner.lend(label, grant, **terms)


def _spelt(key_id: int) -> str:
    return f"{key_id:016x}"
