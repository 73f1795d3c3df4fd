"""The logins of an account as `telekeep devices` shows them: a table for people, or facts for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telekeep.cli.output import moment, since, style
from telekeep.cli.shelf import table
from telekeep.health.logins import CLONE, STRANGER

if TYPE_CHECKING:
    from telekeep.health.logins import Alarm
    from telekeep.keeper.devices import Listing
    from telekeep.upstream.devices import Device

_SHORT = 8  # hexadecimal digits of a login's number that are shown


def number(device: Device) -> str:
    return f"{device.hash & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def page(found: Listing, now: float) -> list[str]:
    rows: list[tuple[str, ...]] = [("ID", "WHO", "FROM", "LOGGED IN", "LAST USED", "KNOWN")]
    own = found.found.own
    if own is not None:
        rows.append(_row(found, own, now))
    rows += [_row(found, each, now) for each in found.found.others]
    lines = table(rows)
    if found.since is not None and found.is_first:
        lines.append("This is the first look: whoever is listed counts as known from now on. Is each of them yours?")
    lines += [style(f"ALARM {moment(each.at)}: {each.words}", "bad") for each in found.alarms]
    kinds = {each.kind for each in found.alarms}
    if STRANGER in kinds:
        lines.append(f"→ Not you? telekeep devices revoke {found.name} ID, or telekeep devices lockdown {found.name}")
    for each in sorted({each.name for each in found.alarms if each.kind == CLONE}):
        lines.append(f"→ A copy ends with the login that it is a copy of: telekeep exposed {each}")
    if kinds:
        lines.append(f"→ When you know what it was: telekeep devices seen {found.name}")
    return lines


def _row(found: Listing, device: Device, now: float) -> tuple[str, ...]:
    is_own = device is found.found.own
    return (
        "this" if is_own else number(device)[:_SHORT],
        " ".join(each for each in (device.app, device.model) if each) or "-",
        " ".join(each for each in (device.ip, device.country) if each) or "-",
        moment(device.created_at),
        f"{since(now - device.active_at)} ago",
        _known(found, device, is_own=is_own),
    )


def _known(found: Listing, device: Device, *, is_own: bool) -> str:
    """What we know of it, in words."""
    known = found.known.get(0 if is_own else device.hash)
    ours = found.name if is_own else (mine.name if (mine := found.ours(device)) is not None else None)
    if ours is not None:
        return f"ours: {ours}, {_origin(found, ours, device)}"
    if known is None:
        return "-"
    words = {"baseline": "there at the first look", "seen": "looked at", "alarm": "NOT MADE THROUGH TELEKEEP"}
    return f"{words.get(known.why, 'was ours')}, first seen {moment(known.first_seen)}"


def _origin(found: Listing, name: str, device: Device) -> str:
    """Where a session of ours comes from: its key was kept here when the login began, or it was brought."""
    from telekeep.health.watch import MADE_WITHIN, MARGIN

    kept = next((each for each in found.kept if each.name == name), None)
    if kept is None:
        return "kept here"
    made_here = -MARGIN <= kept.made_at - device.created_at <= MADE_WITHIN
    return "made by telekeep here" if made_here else f"brought here {moment(kept.made_at)}"


def told(device: Device, now: float) -> str:
    who = " ".join(each for each in (device.app, device.model) if each) or "an unnamed program"
    where = f" from {device.ip}" if device.ip else ""
    return f"{number(device)[:_SHORT]} {who}{where}, used {since(now - device.active_at)} ago"


def login(found: Listing, device: Device) -> dict[str, Any]:
    """A login as ``--json`` shows it."""
    is_own = device is found.found.own
    known = found.known.get(0 if is_own else device.hash)
    ours = found.name if is_own else (mine.name if (mine := found.ours(device)) is not None else None)
    return {
        "id": None if is_own else number(device),
        "current": is_own,
        "session": ours,
        "origin": _origin(found, ours, device) if ours else None,
        "app": device.app,
        "model": device.model,
        "ip": device.ip,
        "country": device.country,
        "created_at": device.created_at,
        "active_at": device.active_at,
        "known": known.why if known else None,
        "first_seen": known.first_seen if known else None,
        "last_seen": known.last_seen if known else None,
    }


def facts(found: Listing) -> dict[str, Any]:
    own = [found.found.own] if found.found.own is not None else []
    return {
        "name": found.name,
        "ttl_days": found.found.ttl_days,
        "known_since": found.since,
        "first_look": found.is_first,
        "devices": [login(found, each) for each in (*own, *found.found.others)],
        "alarms": [_alarm(each) for each in found.alarms],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {**alarm.facts(), "hash": f"{alarm.hash & 0xFFFF_FFFF_FFFF_FFFF:016x}" if alarm.hash else None}
