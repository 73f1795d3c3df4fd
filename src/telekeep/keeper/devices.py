"""The logins of an account: shown, ended, and their lifetime set. Each question is asked by whoever holds the session:
the daemon that owns it, else this process, for the moment.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from telekeep.errors import ConfigError, LoginTooYoung, SessionConflict, TelegramAuthError
from telekeep.health.logins import Alarm, Known, Ours, Register
from telekeep.keeper import watching
from telekeep.keeper.deadline import SECONDS, STEP_SECONDS, within
from telekeep.upstream.devices import FRESH, Device, Devices

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.keeper.keeper import Keeper

SLACK = 120.0  # seconds by which our clock and Telegram's may differ


class Listing(NamedTuple):
    """Who is logged in to the account of the session ``name``, and what we know of it.

    ``known``: for each device that was seen before, by its hash (0 for our own), what is known of it. ``since``: the
    first look, None if nobody has said whose the session is; ``is_first``: this one. ``alarms`` that nobody has looked
    at; ``kept``: every session of the account that is kept here.
    """

    name: str
    found: Devices
    known: dict[int, Known]
    since: float | None
    is_first: bool
    alarms: list[Alarm]
    kept: tuple[Ours, ...]

    def ours(self, device: Device) -> Known | None:
        """What is known of a device that is a session of ours."""
        known = self.known.get(device.hash)
        return known if known is not None and known.lease in {each.lease for each in self.kept} else None


class Lockdown(NamedTuple):
    """What a lockdown would end, and what it spares: logins of sessions that are kept here, by their names."""

    listing: Listing
    ends: tuple[Device, ...]
    spares: dict[int, str]


async def carry_out(client: Any, clock: Clock, order: dict[str, Any]) -> dict[str, Any]:
    """Carry an order out with a connected client of a person's account: ``end`` (a hash), ``spare`` (hashes: all others
    but these end), ``days`` (to live without use), or nothing; then who is logged in, and who was ended, as JSON.

    Raises as `telekeep.upstream.devices.end`.
    """
    from telekeep.upstream.devices import devices, end, end_others, set_ttl

    ended: list[Device] = []
    if order.get("end") is not None:
        await end(client, order["end"], clock=clock)
    if order.get("spare") is not None:
        ended = await end_others(client, order["spare"], clock=clock)
    if order.get("days") is not None:
        await set_ttl(client, order["days"], clock=clock)
    found = await devices(client, clock=clock)
    return {"devices": found.facts(), "ended": [each._asdict() for each in ended]}


async def listing(keeper: Keeper, name: str) -> Listing:
    """Ask who is logged in, and look at it as the daemon's watch does. Raises what stands in the way."""
    earlier = watching.before(keeper, name)
    said = await _ordered(keeper, name, {})
    return _listed(keeper, name, earlier, Devices.of(said["devices"]))


async def end(keeper: Keeper, name: str, hash: int) -> None:
    """End the login of this hash. Raises as `telekeep.upstream.devices.end`; LoginTooYoung names who may do it."""
    try:
        await _ordered(keeper, name, {"end": hash})
    except LoginTooYoung as error:
        raise _advised(keeper, name, error) from None


async def plan_lockdown(keeper: Keeper, name: str) -> Lockdown:
    """What `lock_down` would end and spare.

    Each session of this account that is kept here is spared; one of which nobody knows which login it is, is asked.
    Raises what stands in the way of that: a login that may be ours is not ended.
    """
    shown = await listing(keeper, name)
    for each in shown.kept:
        if each.name == name or any(known.lease == each.lease for known in shown.known.values()):
            continue
        try:
            await listing(keeper, each.name)
        except TelegramAuthError:  # it is over: Telegram lists it no more
            continue
        except SessionConflict as error:
            raise SessionConflict(
                f"Nobody knows yet which login is that of {each.name!r}, which is kept here too, and it cannot be "
                f"asked just now: {error.message}",
                remedy="Try again when it is free: what may be ours is not ended.",
            ) from None
    again = await listing(keeper, name)
    spares = {}
    for device in again.found.others:
        known = again.ours(device)
        if known is not None:
            spares[device.hash] = known.name
    ends = tuple(each for each in again.found.others if each.hash not in spares)
    return Lockdown(again, ends, spares)


async def lock_down(keeper: Keeper, name: str, spare: Collection[int]) -> list[Device]:
    """End all logins but ``name`` itself and those of the hashes ``spare``; returns those that were ended.

    Raises LoginTooYoung, which names another session of ours that may do it, if there is one.
    """
    try:
        said = await _ordered(keeper, name, {"spare": sorted(spare)})
    except LoginTooYoung as error:
        raise _advised(keeper, name, error) from None
    return [Device(**each) for each in said["ended"]]


async def set_ttl(keeper: Keeper, name: str, days: int) -> int | None:
    """Let Telegram end logins that nobody used for ``days`` days; what is in force now. Raises as `lock_down`."""
    try:
        said = await _ordered(keeper, name, {"days": days})
    except LoginTooYoung as error:
        raise _advised(keeper, name, error) from None
    return Devices.of(said["devices"]).ttl_days


async def _ordered(keeper: Keeper, name: str, order: dict[str, Any]) -> dict[str, Any]:
    """What came of an order, carried out by the daemon if it owns the session, else here."""
    from telekeep.health.doctor import in_thread
    from telekeep.keeper.client import hold
    from telekeep.keeper.handover import ask

    owned: dict[str, Any] | None = await in_thread(
        partial(ask, keeper, "device_order", patience=SECONDS, name=name, **order)
    )
    if owned is not None:
        return owned
    client = hold(
        keeper, name, timeout=0.0, purpose="devices", receive_updates=False, brief=True,
        connect_seconds=STEP_SECONDS, connection_retries=2, request_retries=0,
    )  # fmt: skip
    async with within(), client:
        keeper.vault.note_uses([(name, client.fence, keeper.clock.wall())])
        if client.session.user.is_bot:
            raise no_devices(name)
        return await carry_out(client, keeper.clock, order)


def no_devices(name: str) -> ConfigError:
    """What is raised for the session of a bot."""
    words = f"{name!r} is a bot's session: bots have no devices."
    return ConfigError(words, remedy="To end a bot's logins, change its token at @BotFather.")


def _listed(keeper: Keeper, name: str, earlier: watching.Before | None, found: Devices) -> Listing:
    if earlier is None:
        return Listing(name, found, {}, None, False, [], ())
    seen = watching.after(keeper, earlier, found)
    known = _by_hash(seen.register, found, earlier.asker)
    told = [alarm for each in earlier.kept for alarm in watching.alarms(keeper, each.name)]
    return Listing(name, found, known, seen.register.since, seen.is_first, told, earlier.kept)


def _by_hash(known: Register, found: Devices, asker: Ours) -> dict[int, Known]:
    named = {each.hash: login for each in found.others if (login := known.numbered(each.hash)) is not None}
    own = known.of(asker.lease)
    return {**named, 0: own} if own is not None else named


def _advised(keeper: Keeper, name: str, error: LoginTooYoung) -> LoginTooYoung:
    """The same, naming a session of ours that is old enough, if there is one."""
    earlier = watching.before(keeper, name)
    known = watching.register(keeper, earlier.account) if earlier else None
    older = _old_enough(known, earlier.kept, keeper.clock.wall()) if earlier and known else None
    if older is not None:
        error.remedy = f"The session {older!r} of the same account is old enough: run the command with its name."
    return error


def too_young(keeper: Keeper, name: str) -> float:
    """Seconds until the login of ``name`` may end others, as far as telekeep has seen when it began; 0 if it may, or if
    nobody has looked. Telegram is not asked. Raises what the vault says.
    """
    earlier = watching.before(keeper, name)
    known = watching.register(keeper, earlier.account) if earlier else None
    own = known.of(earlier.asker.lease) if earlier and known else None
    return max(0.0, own.created_at + FRESH + SLACK - keeper.clock.wall()) if own and own.created_at else 0.0


def _old_enough(known: Register, kept: Sequence[Ours], now: float) -> str | None:
    logins = {each.lease: each for each in known.logins if each.lease}
    found = [each.name for each in kept if each.lease in logins and now - logins[each.lease].created_at > FRESH]
    return found[0] if found else None
