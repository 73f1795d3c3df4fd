"""``telekeep devices``: who is logged in to an account, and the end of those that should not be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Group, Invocation, Usage, group
from telekeep.cli.output import moment, since, style
from telekeep.cli.shelf import counted, table
from telekeep.health.watch import CLONE, STRANGER

if TYPE_CHECKING:
    from telekeep.health.watch import Alarm
    from telekeep.keeper.devices import Listing
    from telekeep.upstream.devices import Device

_EXAMPLES = (
    "Examples: telekeep devices main\n"
    "          telekeep devices revoke main 3f9c2a11\n"
    "          telekeep devices lockdown main\n"
    "          telekeep devices ttl main 180\n"
    "          telekeep devices seen main"
)
RULE = (
    "Telegram lets a login end others, or set their lifetime, only when it is older than 24 hours "
    "(FRESH_RESET_AUTHORISATION_FORBIDDEN)."
)
_SHORT = 8  # hexadecimal digits of a login's number that are shown


class _ByName(Group):
    """``devices NAME`` is ``devices list NAME``."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if not args[0].startswith("-") and args[0] not in self.commands:
            args = ["list", *args]
        return super().resolve_command(ctx, args)


@group(cls=_ByName, epilog=_EXAMPLES, subcommand_metavar="[COMMAND] NAME …")
def devices() -> None:
    """Show who is logged in to the account of a session, end logins, and set their lifetime.

    `devices NAME` lists them. The first look is the baseline: whoever is logged in then is taken for known.
    """


@devices.command("list", epilog="Examples: telekeep devices main\n          telekeep devices list main --json")
@click.argument("name", type=NAME)
def list_(invocation: Invocation, name: str) -> None:
    """Show who is logged in: ours are marked, with what is known of each; alarms are told until `devices seen`."""
    from telekeep.keeper.devices import listing

    with invocation.keeper() as keeper, invocation.out.progress("Asking Telegram"):
        found = asyncio.run(listing(keeper, name))
        now = keeper.clock.wall()
    if invocation.json:
        invocation.out.data(_facts(found))
        return
    invocation.out.data({}, _page(found, now))


@devices.command(
    epilog="Examples: telekeep devices revoke main 3f9c2a11\n          telekeep devices revoke main laptop"
)
@click.argument("name", type=NAME)
@click.argument("which")
def revoke(invocation: Invocation, name: str, which: str) -> None:
    """End one login: WHICH is its id, as `devices NAME` shows it.

    A session that is kept here ends only if it is called by its name. Telegram allows this 24 hours after a login.
    """
    from telekeep.keeper.devices import end, listing

    with invocation.keeper() as keeper:
        with invocation.out.progress("Asking Telegram"):
            found = asyncio.run(listing(keeper, name))
            now = keeper.clock.wall()
        device = _chosen(found, which)
        ours = found.ours(device)
        lines = [f"  {_told(device, now)}"]
        if ours is not None:
            lines.append(f"This is {ours.name}, which is kept here: whatever uses it will have to log in again.")
        question = f"End the login of {ours.name}, which is ours?" if ours else "End this login?"
        confirm(invocation, question, *lines)
        with invocation.out.progress("Ending it"):
            asyncio.run(end(keeper, name, device.hash))
    ended = {"ended": [_login(found, device)]}
    invocation.out.data(ended, () if invocation.quiet else [f"Ended: {_told(device, now)}."])


@devices.command(epilog="Example: telekeep devices lockdown main")
@click.argument("name", type=NAME)
def lockdown(invocation: Invocation, name: str) -> None:
    """End all logins but ours: every session of this account that is kept here stays.

    Your phone and other apps are logged out too. Telegram allows this 24 hours after the login of NAME, and says so
    otherwise; any other session of the account that is older may do it.
    """
    from telekeep.keeper.devices import lock_down, plan_lockdown

    with invocation.keeper() as keeper:
        with invocation.out.progress("Asking Telegram"):
            plan = asyncio.run(plan_lockdown(keeper, name))
            now = keeper.clock.wall()
        spared = sorted({name, *plan.spares.values()})
        if not plan.ends:
            none = {"ended": [], "spared": spared}
            invocation.out.data(none, () if invocation.quiet else ["Nobody else is logged in."])
            return
        lines = [f"  {_told(each, now)}" for each in plan.ends]
        these = f"these {len(plan.ends)} logins" if len(plan.ends) > 1 else "this login"
        confirm(invocation, f"End {these}, phones among them, and spare {', '.join(spared)}?", *lines)
        with invocation.out.progress("Ending them"):
            ended = asyncio.run(lock_down(keeper, name, plan.spares))
    told = {"ended": [_login(plan.listing, each) for each in ended], "spared": spared}
    words = [f"Ended: {_told(each, now)}." for each in ended] + [f"Spared: {', '.join(spared)}."]
    invocation.out.data(told, () if invocation.quiet else words)


@devices.command(epilog="Examples: telekeep devices ttl main\n          telekeep devices ttl main 180")
@click.argument("name", type=NAME)
@click.argument("days", type=click.IntRange(1, 366), required=False)
def ttl(invocation: Invocation, name: str, days: int | None) -> None:
    """Show, or set, after how many DAYS without use Telegram ends a login of this account, 1 to 366.

    It counts for all logins, phones too. Telegram allows setting it 24 hours after the login of NAME.
    """
    from telekeep.keeper.devices import listing, set_ttl

    with invocation.keeper() as keeper, invocation.out.progress("Asking Telegram"):
        if days is None:
            in_force = asyncio.run(listing(keeper, name)).found.ttl_days
        else:
            in_force = asyncio.run(set_ttl(keeper, name, days))
    words = (
        f"Telegram ends a login of this account after {counted(in_force, 'day')} without use."
        if in_force
        else "Telegram does not say after how many days without use it ends a login."
    )
    invocation.out.data({"name": name, "ttl_days": in_force}, [words])


@devices.command(epilog="Example: telekeep devices seen main")
@click.argument("name", type=NAME)
def seen(invocation: Invocation, name: str) -> None:
    """Say that you have looked at the alarms of this account: they end, and the logins they tell of count as known.

    Nothing is sent to Telegram.
    """
    from telekeep.keeper.watching import acknowledge

    with invocation.keeper() as keeper:
        keeper.vault.entry(name)
        over = acknowledge(keeper, name)
    lines = [f"Seen: {each.words}" for each in over] or ["There was no alarm."]
    told = {"name": name, "seen": [each.facts() for each in over]}
    invocation.out.data(told, () if invocation.quiet else lines)


# ---- what is shown


def _chosen(found: Listing, which: str) -> Device:
    """The login that is meant. Raises Usage for none, several, our own, and one of ours that is not called by name."""
    named = [each for each in found.found.others if (ours := found.ours(each)) is not None and ours.name == which]
    if which == found.name or which.lower() == "this":
        raise Usage(
            f"{which} is the login that would have to ask, and Telegram lets none end itself so.",
            remedy="End it in any Telegram app under Settings › Devices, or with another session of this account.",
        )
    fits = named or [each for each in found.found.others if _number(each).startswith(which.lower())]
    if len(which) < 4 and not named:
        fits = []
    if len(fits) != 1:
        many = f"{len(fits)} logins fit {which!r}" if fits else f"No login of this account fits {which!r}"
        raise Usage(f"{many}.", remedy=f"`telekeep devices {found.name}` shows their ids.")
    ours = found.ours(fits[0])
    if ours is not None and not named:
        raise Usage(
            f"That is {ours.name}, a session that is kept here.",
            remedy=f"If you mean it: `telekeep devices revoke {found.name} {ours.name}`.",
        )
    return fits[0]


def _number(device: Device) -> str:
    return f"{device.hash & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def _page(found: Listing, now: float) -> list[str]:
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
        lines.append(f"→ A copy ends with the login that it is a copy of: telekeep renew {each}")
    if kinds:
        lines.append(f"→ When you know what it was: telekeep devices seen {found.name}")
    return lines


def _row(found: Listing, device: Device, now: float) -> tuple[str, ...]:
    is_own = device is found.found.own
    return (
        "this" if is_own else _number(device)[:_SHORT],
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


def _told(device: Device, now: float) -> str:
    who = " ".join(each for each in (device.app, device.model) if each) or "an unnamed program"
    where = f" from {device.ip}" if device.ip else ""
    return f"{_number(device)[:_SHORT]} {who}{where}, used {since(now - device.active_at)} ago"


def _login(found: Listing, device: Device) -> dict[str, Any]:
    """A login as ``--json`` shows it."""
    is_own = device is found.found.own
    known = found.known.get(0 if is_own else device.hash)
    ours = found.name if is_own else (mine.name if (mine := found.ours(device)) is not None else None)
    return {
        "id": None if is_own else _number(device),
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


def _facts(found: Listing) -> dict[str, Any]:
    own = [found.found.own] if found.found.own is not None else []
    return {
        "name": found.name,
        "ttl_days": found.found.ttl_days,
        "known_since": found.since,
        "first_look": found.is_first,
        "devices": [_login(found, each) for each in (*own, *found.found.others)],
        "alarms": [_alarm(each) for each in found.alarms],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {**alarm.facts(), "hash": f"{alarm.hash & 0xFFFF_FFFF_FFFF_FFFF:016x}" if alarm.hash else None}
