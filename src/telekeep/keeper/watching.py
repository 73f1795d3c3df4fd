"""Looking at the logins of an account, with what the vault knows of them: before somebody is asked, and after.

What is known is kept for each account, whatever its sessions are called. What counts is decided in
`telekeep.health.watch`.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.errors import SessionCorrupt, SessionNotFound, TelegramSessionError
from telekeep.events import LoginAlarm, LoginsKnown
from telekeep.health import logins, watch
from telekeep.health.logins import Alarm, Ours, Register
from telekeep.lease.folder import lease_folder
from telekeep.lease.probe import is_held
from telekeep.vault.record import KEPT
from telekeep.vault.watched import StoredAlarm

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.upstream.devices import Devices
    from telekeep.vault.record import Entry

_log = logging.getLogger(__name__)

Users = dict[tuple[str, int], int | None]
"""Whose each generation of each session is: reading it opens the record."""


class Before(NamedTuple):
    """How things were before the session ``asker`` was asked, at wall-clock second ``began``."""

    account: str
    asker: Ours
    kept: tuple[Ours, ...]
    began: float


def before(keeper: Keeper, name: str, users: Users | None = None) -> Before | None:
    """What is to be known before the session ``name`` is asked. None if nobody has ever said whose it is.

    ``users``: what was read before; it is added to. Raises what the vault says.
    """
    users = {} if users is None else users
    vault, began = keeper.vault, keeper.clock.wall()
    entries = {each.name: each for each in vault.entries()}
    if name not in entries:
        vault.entry(name)
        raise SessionNotFound(f"No session named {name!r} is kept here.")
    user_id = _user(keeper, entries[name], users)
    if user_id is None:
        return None
    away = vault.away()
    kept = {
        each.name: _ours(keeper, each, away)
        for each in entries.values()
        if each.state == KEPT and each.network == entries[name].network and _user(keeper, each, users) == user_id
    }
    if name not in kept:
        return None
    text = f"{vault.id} {entries[name].network} {user_id}"
    return Before(sha256(text.encode()).hexdigest()[:16], kept[name], tuple(kept.values()), began)


def after(keeper: Keeper, earlier: Before, found: Devices) -> watch.Look:
    """Judge what the asker was told, and keep it; events tell of alarms. Raises what the vault says."""
    now = keeper.clock.wall()
    seen = watch.look(
        register(keeper, earlier.account), found, earlier.kept, asker=earlier.asker, began=earlier.began, now=now
    )
    _keep(keeper, earlier.account, seen.register, seen.alarms)
    if seen.is_first:
        count = len(found.others) + 1
        keeper.events.report(LoginsKnown(earlier.asker.name, now, count))
    return seen


def shared(keeper: Keeper, users: Users) -> frozenset[str]:
    """The names of those kept sessions whose account is kept more than once. ``users`` as for `before`."""
    whose = {
        each.name: (each.network, _user(keeper, each, users)) for each in keeper.vault.entries() if each.state == KEPT
    }
    counts = Counter(whose.values())
    return frozenset(name for name, account in whose.items() if account[1] is not None and counts[account] > 1)


def ours_among(keeper: Keeper, name: str, found: Devices, users: Users) -> frozenset[int]:
    """The hashes of those logins in ``found``, told to the session ``name``, that are sessions kept here.

    Nothing is noted. ``users`` as for `before`. Raises what the vault says.
    """
    earlier = before(keeper, name, users)
    if earlier is None:
        return frozenset()
    known = register(keeper, earlier.account)
    seen = watch.look(known, found, earlier.kept, asker=earlier.asker, began=earlier.began, now=earlier.began)
    kept = {each.lease for each in earlier.kept}
    return frozenset(each.hash for each in seen.register.logins if each.hash and each.lease in kept)


def duplicated(keeper: Keeper, earlier: Before) -> list[Alarm]:
    """Telegram has ended the asker's key for use on two connections. The alarms that this is: one, the first time."""
    alarm = watch.duplicated(earlier.asker, keeper.clock.wall())
    if any(each.words == alarm.words for each in alarms(keeper, earlier.asker.name)):
        return []
    known = register(keeper, earlier.account) or Register(alarm.at)
    _keep(keeper, earlier.account, known, [alarm])
    return [alarm]


def register(keeper: Keeper, account: str) -> Register | None:
    """What is known of an account's logins; None if nobody has looked. What cannot be read is told, and begun anew."""
    try:
        payload = keeper.vault.logins(account)
        return None if payload is None else Register.of_facts(json.loads(payload))
    except (SessionCorrupt, ValueError, TypeError, KeyError, AttributeError):
        _log.error("What was known of an account's logins is damaged: this look is taken for the first.")
        return None


def alarms(keeper: Keeper, name: str) -> list[Alarm]:
    """What nobody has looked at yet about the session ``name``, the oldest first. Raises what the vault says."""
    found = []
    for stored in keeper.vault.alarms(name):
        try:
            found.append(Alarm(**json.loads(stored.payload)))
        except (ValueError, TypeError):
            _log.error("The alarm %s about %s is damaged.", stored.id, name)
    return sorted(found, key=lambda each: each.at)


def acknowledge(keeper: Keeper, name: str) -> list[Alarm]:
    """A person has looked: the alarms of all sessions of this account are over. Returns them."""
    earlier = before(keeper, name)
    names = {name} | {each.name for each in earlier.kept} if earlier else {name}
    over = [alarm for each in sorted(names) for alarm in alarms(keeper, each)]
    known = register(keeper, earlier.account) if earlier else None
    if earlier and known:
        _keep(keeper, earlier.account, logins.acknowledged(known, keeper.clock.wall()), [])
    for each in names:
        keeper.vault.drop_alarms(each)
    return over


def _keep(keeper: Keeper, account: str, known: Register, new: list[Alarm]) -> None:
    rows = [
        StoredAlarm(each.name, f"{each.kind} {each.at:.0f} {secrets.token_hex(4)}", _packed(each.facts()))
        for each in new
    ]
    keeper.vault.keep_logins(account, _packed(known.facts()), rows)
    for each in new:
        keeper.events.report(
            LoginAlarm(each.name, each.at, each.kind, each.words, each.app, each.model, each.ip, each.country)
        )


def _packed(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode()


def _user(keeper: Keeper, entry: Entry, users: Users) -> int | None:
    which = (entry.name, entry.generation)
    if which not in users:
        try:
            user = keeper.vault.load(entry.name).user
            users[which] = user.id if user else None
        except TelegramSessionError:  # removed, or it cannot be read: nobody can ask it either
            users[which] = None
    return users[which]


def _ours(keeper: Keeper, entry: Entry, away: frozenset[str]) -> Ours:
    first = min(each.saved_at for each in keeper.vault.history(entry.name) if each.lease == entry.lease)
    quiet = entry.lease not in away and entry.quarantine is None and not is_held(lease_folder(), entry.lease)
    return Ours(entry.name, entry.lease, first, entry.last_used_at, quiet)
