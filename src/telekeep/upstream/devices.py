"""Who is logged in to an account, and what becomes of a login that nobody uses. Asked, never changed."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from telekeep.clock import Clock
from telekeep.errors import TelekeepError


class Device(NamedTuple):
    """A login as Telegram lists it under Devices. Times in wall-clock seconds."""

    app: str
    model: str
    ip: str
    country: str
    created_at: float
    active_at: float


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


def _device(login: Any) -> Device:
    return Device(
        login.app_name or "",
        login.device_model or "",
        login.ip or "",
        login.country or "",
        _seconds(login.date_created),
        _seconds(login.date_active),
    )


def _seconds(date: Any) -> float:
    return float(date.timestamp()) if date is not None else 0.0
