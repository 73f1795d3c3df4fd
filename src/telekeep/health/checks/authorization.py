"""The login: does Telegram accept it, until when if nobody uses it, and who else is logged in?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telekeep.errors import TelegramRateLimitError, TelekeepError
from telekeep.health.check import Finding, note, of_error, ok, warning
from telekeep.upstream.devices import FRESH, Device, Devices
from telekeep.words import span

CHECK = "authorization"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What Telegram said of the session ``name``, at wall-clock second ``now``.

    ``error``: what it said instead. ``devices`` is None for a bot, which has none, and where Telegram has asked not to
    be asked about them, as ``unasked`` says. ``ours``: by their `Device.hash`, those that are sessions kept here.
    """

    name: str
    now: float
    error: TelekeepError | None = None
    user_id: int | None = None
    username: str | None = None
    devices: Devices | None = None
    unasked: str | None = None
    ours: frozenset[int] = frozenset()


def left_alone(names: Sequence[str]) -> list[Finding]:
    """Sessions that Telegram was not asked about, because their keys are set aside."""
    return [note(CHECK, f"{name} was not asked about: its key is in quarantine.", name=name) for name in names]


def judge(facts: Facts) -> list[Finding]:
    name = facts.name
    if isinstance(facts.error, TelegramRateLimitError):
        remedy = f"`telekeep recover {name} --when-clear` waits until then, and looks again."
        words = f"{name} is not asked about now: {facts.error.message}"
        return [of_error(CHECK, type(facts.error)(words, remedy=remedy), name=name)]
    if facts.error is not None:
        return [of_error(CHECK, facts.error, name=name)]
    who = f"user {facts.user_id}" + (f", @{facts.username}" if facts.username else "")
    findings = [ok(CHECK, f"{name} is valid ({who}).{_limit(facts.devices)}", name=name)]
    if facts.unasked is not None:
        findings.append(note(CHECK, f"{name}: who else is logged in was not asked: {facts.unasked}", name=name))
    if facts.devices is not None:
        strange = [each for each in facts.devices.others if each.hash not in facts.ours]
        findings += _company(name, strange, facts.now)
    return findings


def _limit(devices: Devices | None) -> str:
    if devices is None or devices.ttl_days is None:
        return ""
    return f" Telegram ends it after {devices.ttl_days} days without use."


def _company(name: str, others: Sequence[Device], now: float) -> list[Finding]:
    if not others:
        return []
    told = "; ".join(_told(each, now) for each in others[:_SHOWN])
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    count = f"{len(others)} other login{'s' * (len(others) != 1)}"
    remedy = f"If one is not yours, end it: `telekeep devices {name}`, or Settings › Devices in any Telegram app."
    new = [each for each in others if now - each.created_at < FRESH]
    if new:
        words = f"{name} has {count}, of which {len(new)} began within the last day: {told}{more}."
        return [warning(CHECK, words, remedy, name=name)]
    return [note(CHECK, f"{name} has {count}: {told}{more}.", remedy, name=name)]


def _told(device: Device, now: float) -> str:
    what = " ".join(each for each in (device.app, device.model) if each) or "an unnamed program"
    where = " ".join(each for each in (device.ip, device.country) if each)
    return f"{what}{f' from {where}' if where else ''}, active {span(now - device.active_at)} ago"
