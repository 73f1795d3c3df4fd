"""``telekeep status``: what is kept, who holds it, when it was last used, and what to do.

It must answer at once, also for a thousand sessions and without the master key: it loads neither Telethon nor asyncio,
cryptography or rich (a test says so), and asks the kernel about leases through `telekeep.lease.probe`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.advice import DEFAULT_DAYS, OVERDUE, RECENT, Advice, advise
from telekeep.cli.arguments import NAME, as_usage
from telekeep.cli.command import Invocation, command
from telekeep.cli.output import moment, since, size
from telekeep.cli.shelf import (
    KEPT,
    NOTHING,
    REMEDIES,
    alarms,
    away,
    borrowers,
    clock_in_force,
    counted,
    entries_and_health,
    face,
    held,
    lent,
    open_loans,
    present,
    table,
    way_back,
    ways_back,
)
from telekeep.errors import SessionCorrupt, SessionNotFound
from telekeep.health.history import availability
from telekeep.paths import JOBS, LEDGER, home
from telekeep.vault.record import DAMAGED, MISSING, QUARANTINED, REMOVED

if TYPE_CHECKING:
    from telekeep.cli.status_floods import Floods
    from telekeep.lease.holder import Holder
    from telekeep.vault.record import Entry, Health


class _AgeDays(click.ParamType[str]):
    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telekeep.settings import parse_age_days

        with as_usage():
            parse_age_days(str(value))
        return str(value)


@command(epilog="Examples: telekeep status\n          telekeep status main --json")
@click.argument("name", type=NAME, required=False)
@click.option(
    "--age-days", type=_AgeDays(), metavar="A,B,C", help="Days without use: idle, worth a look, overdue (14,30,90)."
)
def status(invocation: Invocation, name: str | None, age_days: str | None) -> int:
    """Show each kept session: who holds it, when it was last used, its size, and what to do.

    Exit code 0 if a session is there, 1 if none. Advice rests on the last use that Telegram accepted, not on the age of
    a file. TELEKEEP_AGE_DAYS sets --age-days for good.
    """
    days = _policy(age_days)
    try:
        listed, health, now = entries_and_health(invocation)
    except SessionCorrupt as error:
        error.remedy = way_back(invocation, name, instead=error.remedy)
        raise
    chosen = [entry for entry in listed if entry.name == name] if name else present(listed)
    if not chosen:
        raise _nothing(invocation, listed, name)
    holders = held(chosen)
    owners = lent(invocation, holders.values())
    gone, alarmed = away(invocation), alarms(invocation)
    lost = _lost(invocation, [entry for entry in chosen if entry.state in (DAMAGED, MISSING)])
    rows = []
    for entry in chosen:
        holder = holders.get(entry.lease)
        advice = _OUTSIDE if entry.lease in gone else _advice(entry, holder, owners.get(entry.name), now, days)
        if entry.state in (DAMAGED, MISSING):
            advice = Advice(OVERDUE, lost[entry.name], 0.0)
        if entry.name in alarmed:
            advice = Advice(OVERDUE, f"ALARM: {_alarm(alarmed[entry.name])}: `telekeep devices {entry.name}`", 0.0)
        rows.append((entry, holder, advice))
    waits = _floods(invocation)
    if invocation.json:
        facts = [
            {
                **_facts(*row, now),
                "floods": waits.deadlines.get(row[0].name, {}) if waits else {},
                "intervals": waits.intervals.get(row[0].name, {}) if waits else {},
                "health": _checks(health.get(row[0].lease)),
                "owner": owners.get(row[0].name),
                "alarms": alarmed.get(row[0].name, []),
            }
            for row in rows
        ]
        invocation.out.data({"sessions": facts, "jobs": _jobs(invocation)})
    else:
        invocation.out.words(
            *(
                _page(*rows[0], now, owners.get(name), health.get(rows[0][0].lease), waits)
                if name
                else [
                    *_overview(rows, now, owners, health),
                    *(waits.overview({row[0].name for row in rows}, now) if waits else ()),
                    *_job_lines(invocation),
                ]
            )
        )
    return 0 if present(chosen) else SessionNotFound.exit_code


_OUTSIDE = Advice("away", "its key lies in a file, outside telekeep's control: see `telekeep adopt --list`", 0.0)


def _nothing(invocation: Invocation, listed: list[Entry], name: str | None) -> SessionNotFound:
    """What to say where nothing is kept, or not what was asked for; what was set aside needs no backup."""
    error = SessionNotFound(f"No session named {name!r} is kept here." if name else NOTHING[0])
    set_aside = {entry.name for entry in listed if entry.state == REMOVED}
    error.remedy = way_back(invocation, name, besides=set_aside, instead=error.remedy if name else NOTHING[1])
    return error


def _lost(invocation: Invocation, found: list[Entry]) -> dict[str, str]:
    """What to do about records that are damaged or gone, by name."""
    ways = ways_back(invocation, [entry.name for entry in found]) if found else {}
    words = {entry.name: REMEDIES[entry.state].format(name=entry.name) for entry in found}
    return {name: f"{each}. {ways[name]}" if name in ways else each for name, each in words.items()}


def _jobs(invocation: Invocation) -> list[dict[str, Any]]:
    """The jobs of the daemon. Nothing of them is loaded where none are written down."""
    where = home(invocation.home)
    if not (where.root / JOBS).exists():
        return []
    from telekeep.cli.jobs import listed

    return listed(where)


def _job_lines(invocation: Invocation) -> list[str]:
    found = _jobs(invocation)
    if not found:
        return []
    from telekeep.cli.jobs import lines

    return ["", *lines(found)]


def _alarm(found: list[dict[str, Any]]) -> str:
    kinds = {each["kind"] for each in found}
    what = "somebody else has used its key" if "clone" in kinds else "a login that telekeep has not made"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{what}{more}, since {moment(min(each['at'] for each in found))}"


def _policy(given: str | None) -> tuple[float, float, float]:
    """The age policy in force; the settings are read only where one of their sources may name another."""
    if not (given or os.environ.get("TELEKEEP_AGE_DAYS") or os.path.lexists(".env")):
        return DEFAULT_DAYS
    from telekeep import settings

    return settings.read(flags={"age_days": given}).age_days


def _advice(
    entry: Entry, holder: Holder | None, owner: dict[str, Any] | None, now: float, days: tuple[float, float, float]
) -> Advice:
    if owner is not None and owner["state"] not in ("connected", "connecting"):
        return Advice(OVERDUE, f"its login is over ({owner['state']}): `telekeep auth {entry.name} --replace`", 0.0)
    if entry.quarantine is not None and entry.quarantine.checked:
        return Advice(OVERDUE, f"its login is over ({entry.quarantine.error}): {_way_out(entry)}", 0.0)
    if entry.state != KEPT:
        return Advice(RECENT, REMEDIES.get(entry.state, entry.state).format(name=entry.name), 0.0)
    return advise(
        entry.name,
        last_used_at=entry.last_used_at,
        saved_at=entry.saved_at,
        now=now,
        held=holder is not None,
        days=days,
    )


def _way_out(entry: Entry) -> str:
    """What to do about a session that is set aside."""
    assert entry.quarantine is not None
    if entry.quarantine.error == "AccountBanned":
        return "write to recover@telegram.org"
    again = f"`telekeep auth {entry.name} --replace`"
    return f"find the second copy, then {again}" if entry.quarantine.error == "AuthKeyDuplicated" else again


def _state(entry: Entry) -> str:
    return QUARANTINED if entry.quarantine is not None and entry.quarantine.checked else entry.state


def _facts(entry: Entry, holder: Holder | None, advice: Advice, now: float) -> dict[str, Any]:
    used = entry.last_used_at
    return {
        "name": entry.name,
        "state": _state(entry),
        "quarantine": entry.quarantine._asdict() if entry.quarantine is not None else None,
        "network": entry.network,
        "dc": entry.dc_id,
        "held": holder is not None,
        "holder": face(holder),
        "last_used_at": used,
        "age": None if used is None else max(0.0, now - used),
        "created_at": entry.created_at,
        "saved_at": entry.saved_at,
        "size": entry.size,
        "generation": entry.generation,
        "level": advice.level if entry.state == KEPT else entry.state,
        "recommendation": advice.words,
    }


def _overview(
    rows: list[tuple[Entry, Holder | None, Advice]],
    now: float,
    owners: dict[str, dict[str, Any]],
    health: dict[str, Health],
) -> list[str]:
    checked = any(row[0].lease in health for row in rows)  # a column more, once there is something to say in it
    lines = [("NAME", "STATE", "LAST USED", *(("7 DAYS",) * checked), "SIZE", "GEN", "HELD BY", "WHAT TO DO")]
    for entry, holder, advice in rows:
        lines.append(
            (
                entry.name,
                _state(entry),
                _ago(entry.last_used_at, now),
                *((_part(health.get(entry.lease)),) * checked),
                size(entry.size),
                str(entry.generation),
                _short(holder, owners.get(entry.name)),
                advice.words,
            )
        )
    return table(lines)


def _floods(invocation: Invocation) -> Floods | None:
    """What the ledger says; None where there is none, and nothing to load."""
    where = home(invocation.home)
    if not (where.root / LEDGER).exists():
        return None
    from telekeep.cli.status_floods import floods

    return floods(where.root, clock_in_force(invocation))


def _page(
    entry: Entry,
    holder: Holder | None,
    advice: Advice,
    now: float,
    owner: dict[str, Any] | None,
    health: Health | None,
    waits: Floods | None,
) -> list[str]:
    used = entry.last_used_at
    lines = [
        f"{entry.name} ({_state(entry)})",
        f"  network     {entry.network}, data center {entry.dc_id}",
        f"  last used   {_ago(used, now)}" + (f" ({moment(used)})" if used is not None else ""),
        f"  kept since  {moment(entry.created_at)}, generation {entry.generation} of {moment(entry.saved_at)}",
        f"  size        {size(entry.size)}",
    ]
    if health is not None:
        lines += _checked(health, now)
    if entry.quarantine is not None:
        sure = "" if entry.quarantine.checked else ", not sure yet"
        lines.append(f"  set aside   {moment(entry.quarantine.at)}: {entry.quarantine.error}{sure}")
        lines += [f"              {line}" for line in entry.quarantine.evidence.splitlines()]
    if holder is None:
        lines.append("  held by     nobody")
    elif not holder.is_known:
        lines.append("  held by     a process that cannot be looked at")
    else:
        lines.append(f"  held by     pid {holder.pid} of {holder.user} on {holder.host}, since {moment(holder.since)}")
        lines.append(f"              {holder.command}")
    lines += waits.of(entry.name, now) if waits else ()
    if owner is not None:
        lines += _lending(owner)
    return [*lines, f"→ {advice.words}"]


def _lending(owner: dict[str, Any]) -> list[str]:
    """The loans of a session, and who uses them."""
    from telekeep.cli.loans import used_by

    found = open_loans(owner)
    calls, loans = counted(owner["calls"], "call"), counted(len(found), "loan")
    lines = [f"  owner       {owner['state']}, {calls} sent on, {loans}"]
    for loan in found:
        label = f" {loan['label']}" if loan["label"] else ""
        lines.append(f"    {loan['id']}{label} ({loan['grant']}): {used_by(loan['borrowers'])}")
    return lines


def _checks(health: Health | None) -> dict[str, Any] | None:
    """What the daemon's checks come to, as ``--json`` shows it."""
    if health is None:
        return None
    return {
        "last_ok": health.last_ok,
        "checked_at": health.last.at,
        "outcome": health.last.outcome,
        "error": health.last.error,
        "availability": availability(health),
        "checks": health.counted,
        "next_check": health.next_at,
    }


def _checked(health: Health, now: float) -> list[str]:
    last = health.last
    found = "well" if last.outcome == "ok" else f"{last.outcome.replace('_', ' ')} ({last.error})"
    after = "" if last.outcome == "ok" else f", last well {_ago(health.last_ok, now)}"
    follows = "no further one" if health.next_at is None else f"the next in {since(health.next_at - now)}"
    return [
        f"  checked     {found} {_ago(last.at, now)}{after}",
        f"              {_part(health)} of {counted(health.counted, 'check')} in 7 days were well, {follows}",
    ]


def _part(health: Health | None) -> str:
    part = availability(health) if health is not None else None
    return "-" if part is None else f"{int(part * 100)} %"


def _ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{since(now - at)} ago"


def _short(holder: Holder | None, owner: dict[str, Any] | None) -> str:
    if holder is None:
        return "-"
    if owner is not None:
        return f"daemon, {counted(len(borrowers(owner)), 'borrower')}"
    return f"pid {holder.pid}" if holder.is_known else "somebody"
