"""Who is logged in to an account, what becomes of a login that nobody uses, and the end of one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, NamedTuple

from telekeep.clock import Clock, SystemClock
from telekeep.errors import LoginTooYoung, NoSuchDevice, TelekeepError

FRESH = 24 * 3600.0
"""Seconds a login must have lasted before it may end others (FRESH_RESET_AUTHORISATION_FORBIDDEN,
core.telegram.org/method/account.resetAuthorization)."""


class Device(NamedTuple):
    """A login as Telegram lists it under Devices. Times in wall-clock seconds of Telegram's.

    ``hash``: its number, the same for all who ask, but 0 for the login that asks.
    """

    app: str
    model: str
    ip: str
    country: str
    created_at: float
    active_at: float
    hash: int = 0


class Devices(NamedTuple):
    """Our own login, the others, newest use first, and two limits of inactivity in days.

    ``ttl_days``: after which Telegram ends a login; ``account_days``: after which it deletes the account. Either is
    None where Telegram does not say.
    """

    own: Device | None
    others: tuple[Device, ...]
    ttl_days: int | None
    account_days: int | None

    def facts(self) -> dict[str, Any]:
        """As JSON; `Devices.of` reads it back."""
        return {
            "own": self.own._asdict() if self.own else None,
            "others": [each._asdict() for each in self.others],
            "ttl_days": self.ttl_days,
            "account_days": self.account_days,
        }

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Devices:
        own = Device(**facts["own"]) if facts["own"] else None
        others = tuple(Device(**each) for each in facts["others"])
        return cls(own, others, facts["ttl_days"], facts["account_days"])


async def devices(client: Any, *, clock: Clock) -> Devices:
    """Ask Telegram with a connected ``client`` of a person's account (bots have no devices).

    Two requests, at the same time. Raises what Telegram answers, by telekeep's names.
    """
    from telekeep.mtproto.schema import functions
    from telekeep.upstream.faults import named

    try:
        found, limit = await asyncio.gather(
            client(functions.account.GetAuthorizationsRequest()), client(functions.account.GetAccountTTLRequest())
        )
    except TelekeepError:
        raise
    except Exception as error:
        raise named(error, clock=clock) from error
    seen = [(bool(each.current), _device(each)) for each in found.authorizations]
    others = sorted((each for current, each in seen if not current), key=lambda each: -each.active_at)
    own = next((each for current, each in seen if current), None)
    return Devices(own, tuple(others), found.authorization_ttl_days or None, limit.days or None)


async def end(client: Any, hash: int, *, clock: Clock | None = None) -> None:
    """End the login of this `Device.hash`, with a connected ``client`` of the same account.

    Raises LoginTooYoung while the asking login is younger than 24 hours, NoSuchDevice if there is no such login (any
    more), and whatever else Telegram answers, by telekeep's names. A ``hash`` of 0 would be our own: ValueError.
    """
    from telekeep.mtproto.schema import functions

    if not hash:
        raise ValueError("the hash 0 is that of the login that asks")
    await _ask(client, functions.account.ResetAuthorizationRequest(hash=hash), clock)


async def end_others(client: Any, spare: Collection[int], *, clock: Clock | None = None) -> list[Device]:
    """End all logins but the asking one and those whose `Device.hash` is in ``spare``; returns those that were ended.

    One by one: auth.resetAuthorizations would spare nobody. One that has ended meanwhile is no error. Raises as `end`;
    what was ended by then stays ended.
    """
    clock = clock or SystemClock()
    ended = []
    for each in (await devices(client, clock=clock)).others:
        if not each.hash or each.hash in spare:
            continue
        try:
            await end(client, each.hash, clock=clock)
        except NoSuchDevice:
            continue
        ended.append(each)
    return ended


async def set_ttl(client: Any, days: int, *, clock: Clock | None = None) -> None:
    """Let Telegram end every login of the account that was not used for ``days`` days, 1 to 366. Raises as `end`."""
    from telekeep.mtproto.schema import functions

    await _ask(client, functions.account.SetAuthorizationTTLRequest(authorization_ttl_days=days), clock)


async def _ask(client: Any, request: Any, clock: Clock | None) -> None:
    from telethon import errors as telegram

    from telekeep.upstream.faults import named

    clock = clock or SystemClock()
    try:
        await client(request)
    except TelekeepError:
        raise
    except telegram.FreshResetAuthorisationForbiddenError as error:
        until = await _allowed_at(client, clock)
        raise LoginTooYoung(seconds=max(0.0, until - clock.wall()) if until else 0.0, until=until) from error
    except telegram.HashInvalidError as error:
        raise NoSuchDevice from error
    except Exception as error:
        raise named(error, clock=clock) from error


async def _allowed_at(client: Any, clock: Clock) -> float | None:
    """When the asking login will be old enough, as far as Telegram tells when it began."""
    try:
        own = (await devices(client, clock=clock)).own
    except TelekeepError:
        return None
    return own.created_at + FRESH if own is not None and own.created_at else None


def _device(login: Any) -> Device:
    return Device(
        login.app_name or "",
        login.device_model or "",
        login.ip or "",
        login.country or "",
        _seconds(login.date_created),
        _seconds(login.date_active),
        int(login.hash or 0),
    )


def _seconds(date: Any) -> float:
    return float(date.timestamp()) if date is not None else 0.0
