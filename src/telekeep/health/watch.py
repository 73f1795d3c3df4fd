"""Is every login of an account one we know, and does nobody else use ours? Pure.

The first look is the baseline: whoever is logged in then is taken for known. From then on a login that telekeep has not
made is a *stranger*. A copy of one of our own keys is no login of its own: Telegram lists it as ours, with the address,
the app and the time of whoever used the key last. So ours is used by a *clone* if it shows another app than we have, or
an address that was never ours at a time when nobody of ours was connected. A new address alone is no alarm: machines
move. Whoever looks at its own login sees mostly itself; another login of the account sees more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace

from telekeep.health.logins import ALARMED, CLONE, OURS, STRANGER, Alarm, Known, Ours, Register
from telekeep.upstream.devices import Device, Devices

MARGIN = 120.0  # seconds by which our clock and Telegram's, and what both write down, may differ
MADE_WITHIN = 600.0  # seconds from a login at Telegram to its record in our vault
_ADDRESSES = 16  # of a login that are remembered


@dataclass(slots=True)
class Look:
    """What came of one look: the register from now on, alarms, and, at the first look, that it was the first."""

    register: Register
    alarms: list[Alarm] = field(default_factory=list)
    is_first: bool = False


def look(
    before: Register | None, found: Devices, kept: Sequence[Ours], *, asker: Ours, began: float, now: float
) -> Look:
    """Compare what the session ``asker`` was told, connected since ``began``, with what is known ``before``.

    ``kept``: all sessions of this account that are kept here, as they were before anybody was asked.
    """
    seen = _Looking(before, kept, asker, began, now)
    if found.own is not None:
        seen.own(found.own, {each.hash for each in found.others})
    seen.others(found.others)
    return Look(Register(before.since if before else now, tuple(seen.logins)), seen.alarms, before is None)


def duplicated(asker: Ours, now: float) -> Alarm:
    """Telegram has ended the key of ``asker``, to which we had the only lease: somebody else used it, too."""
    words = f"Telegram has ended {asker.name} because its key was used elsewhere at the same time: there is a copy."
    return Alarm(CLONE, asker.name, now, words)


def told(device: Device | Known | Alarm) -> str:
    """What a login is called in a sentence."""
    return " ".join(each for each in (device.app, device.model) if each) or "an unnamed program"


class _Looking:
    """One look, in the making."""

    def __init__(self, before: Register | None, kept: Sequence[Ours], asker: Ours, began: float, now: float) -> None:
        self.logins = list(before.logins) if before else []
        self.alarms: list[Alarm] = []
        self._is_first = before is None
        self._our_addresses = before.addresses if before else frozenset()
        self._kept = {each.lease: each for each in kept} | {asker.lease: asker}
        self._asker, self._began, self._now = asker, began, now

    def own(self, device: Device, others: Set[int]) -> None:
        """The login that asks, as it sees itself: without its number, which is none of ``others``."""
        known = next((each for each in self.logins if each.lease == self._asker.lease), None)
        if known is not None and (known.hash in others or not _began_together(known, device)):
            self._put(known, replace(known, lease="", name="", why=ALARMED, addresses=()))
            self._stranger(known)  # it was taken for ours by its time
            known = None
        if known is None:
            fits = (each for each in self.logins if not each.lease and each.hash not in others)
            known = next((each for each in fits if _began_together(each, device)), None)
        shows_us = device.active_at >= self._began - MARGIN
        if known is not None and known.lease and not shows_us:
            known = self._check_use(known, device, self._asker)
        self._put(known, self._seen(known, device, self._asker, is_true=shows_us))
        if shows_us and device.ip:
            self._our_addresses |= {device.ip}

    def others(self, devices: Iterable[Device]) -> None:
        """All other logins of the account; those that are not listed any more have ended."""
        listed = list(devices)
        explained = self._explained(listed)
        for device in listed:
            known = self._known(device)
            session = self._kept.get(known.lease) if known is not None and known.lease else explained.get(device)
            if known is not None and session is not None:
                known = self._check_use(known, device, session)
            theirs = session is None and not (known is not None and known.lease)  # else it is ours, or was
            now = self._seen(known, device, session, is_true=theirs)
            if known is None and session is None and not self._is_first:
                now = replace(now, why=ALARMED)
                self._stranger(device)
            self._put(known, now)
        hashes = {each.hash for each in listed}
        self.logins = [
            each for each in self.logins if not each.hash or each.hash in hashes or each.lease == self._asker.lease
        ]

    # ---- inside

    def _known(self, device: Device) -> Known | None:
        """By its number; else one of ours that has seen itself only, and so without a number."""
        for each in self.logins:
            if device.hash and each.hash == device.hash and each.lease != self._asker.lease:
                return each
        for each in self.logins:
            if each.lease and not each.hash and each.lease != self._asker.lease and _began_together(each, device):
                return each
        return None

    def _explained(self, devices: Sequence[Device]) -> dict[Device, Ours]:
        """Logins that are new, and of which one was made through telekeep at just that time."""
        known = {each.lease for each in self.logins if each.lease} | {self._asker.lease}
        new = [each for each in devices if self._known(each) is None]
        found: dict[Device, Ours] = {}
        for session in self._kept.values():
            if session.lease in known:
                continue
            fits = [
                each
                for each in new
                if each not in found and -MARGIN <= session.made_at - each.created_at <= MADE_WITHIN
            ]
            if fits:
                found[min(fits, key=lambda each: abs(session.made_at - each.created_at))] = session
        return found

    def _check_use(self, known: Known, device: Device, session: Ours) -> Known:
        """Was one of ours used by somebody else? What ``device`` tells is not our own asking."""
        if device.active_at <= known.told_until:
            return known
        if known.app and device.app and device.app != known.app:
            why = f"as {told(device)}, which is not the app that we log in with ({known.app})"
        elif (
            session.is_quiet
            and session.used_at is not None
            and device.active_at > session.used_at + MARGIN
            and device.ip not in self._our_addresses
        ):
            why = f"from {device.ip or 'an unknown address'}, while nobody of ours was connected"
        else:
            return known
        words = f"{session.name} was used {why}: somebody has a copy of its key."
        self._alarm(CLONE, session.name, device, words)
        return replace(known, told_until=device.active_at)

    def _stranger(self, login: Device | Known) -> None:
        ip = login.ip if isinstance(login, Device) else next(reversed(login.addresses), "")
        words = f"A login of this account was not made through telekeep: {told(login)}{f' from {ip}' if ip else ''}."
        self._alarm(STRANGER, self._asker.name, login, words)

    def _alarm(self, kind: str, name: str, login: Device | Known, words: str) -> None:
        where = login if isinstance(login, Device) else None
        self.alarms.append(
            Alarm(
                kind, name, self._now, words, login.app, login.model, where.ip if where else "",
                where.country if where else "", login.created_at, login.active_at, login.hash,
            )
        )  # fmt: skip

    def _seen(self, known: Known | None, device: Device, session: Ours | None, *, is_true: bool) -> Known:
        """``device`` as it is known from now on. ``is_true``: who uses it, and from where, is what it tells."""
        now = known or Known(created_at=device.created_at, first_seen=self._now)
        if is_true:
            addresses = (*(each for each in now.addresses if each != device.ip), device.ip)[-_ADDRESSES:]
            now = replace(now, app=device.app, model=device.model, addresses=addresses if device.ip else now.addresses)
        if session is not None:
            now = replace(now, why=OURS, lease=session.lease, name=session.name)
        number, active_at = device.hash or now.hash, max(now.active_at, device.active_at)
        return replace(now, hash=number, active_at=active_at, last_seen=self._now)

    def _put(self, old: Known | None, new: Known) -> None:
        for index, each in enumerate(self.logins):
            if each is old or (each.lease and each.lease == new.lease) or (each.hash and each.hash == new.hash):
                self.logins[index] = new
                return
        self.logins.append(new)


def _began_together(known: Known, device: Device) -> bool:
    """Whether a login that has seen only itself may be one that others list: nothing better is the same for both."""
    return abs(known.created_at - device.created_at) <= 1.0
