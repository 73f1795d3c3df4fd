"""When a job runs: always, at intervals, by a cron expression, or once. Pure; moments are wall-clock seconds.

A run that was missed, because the machine slept or the last one took longer, is made up for once, not as often as it
was missed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from telekeep.errors import ConfigError
from telekeep.words import seconds_of

_REMEDY = (
    "An interval is written 90s, 15m, 8h or 1d, a cron expression '0 3 * * *' (minute, hour, day, month, weekday), a "
    "moment 2026-12-24T18:00."
)
_SHORTEST, _LONGEST = 1.0, 100 * 365 * 86_400.0  # seconds; beyond, calendars and clocks give out


@dataclass(frozen=True, slots=True)
class Schedule:
    """``every``: seconds from one start to the next; ``cron``: an expression, in the machine's time zone; ``at``: the
    one moment for a job that runs once.

    With none of them, the job is to run always.
    """

    every: float | None = None
    cron: str | None = None
    at: float | None = None

    @classmethod
    def read(cls, *, every: Any = None, cron: Any = None, at: Any = None) -> Schedule:
        """The schedule that a person has written. Raises ConfigError for what is none."""
        if sum(each is not None for each in (every, cron, at)) > 1:
            raise ConfigError(
                "A job runs at intervals, by a cron expression or once, not two of these.", remedy=_REMEDY
            )
        if at is not None:
            return cls(at=_moment(at))
        if cron is not None:
            if not isinstance(cron, str):
                raise ConfigError("A cron expression is a text of five fields.", remedy=_REMEDY)
            made = cls(cron=cron)
            made.after(0.0, last=None)  # says what is wrong with it
            return made
        if every is None:
            return ALWAYS
        seconds = seconds_of(every) if isinstance(every, str) else every
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not _SHORTEST <= seconds <= _LONGEST:
            shown = repr(every)[:40]
            raise ConfigError(f"{shown} is no interval of a second or more, and at most a century.", remedy=_REMEDY)
        return cls(every=float(seconds))

    @property
    def is_always(self) -> bool:
        return self.every is None and self.cron is None and self.at is None

    @property
    def told(self) -> str:
        """As a person would say it."""
        if self.cron is not None:
            return f"cron {self.cron}"
        from telekeep.words import moment, span

        if self.at is not None:
            return f"once, {moment(self.at)}"
        if self.every is None:
            return "always"

        return f"every {span(self.every)}"

    def after(self, now: float, *, last: float | None) -> float:
        """When it is to start next, if it was started ``last`` and nothing keeps it from it; infinity for never."""
        if self.at is not None:
            return self.at if last is None else math.inf
        if self.cron is not None:
            return _next(self.cron, last if last is not None else now)
        if self.every is None or last is None:
            return now
        return last + self.every

    def following(self, now: float, *, last: float | None) -> float:
        """As `after`, and never before ``now``: what was missed until now is let go."""
        at = self.after(now, last=last)
        return at if at > now else self.after(now, last=now)


def _moment(at: Any) -> float:
    """A moment as TOML has it, or as a person types it; without a time zone, the machine's."""
    try:
        found = at if isinstance(at, datetime) else datetime.fromisoformat(at)
        moment = found.timestamp()
        datetime.fromtimestamp(moment + _LONGEST)  # there are calendars for it, and for what is reckoned from it
    except (TypeError, ValueError, OverflowError, OSError):
        raise ConfigError(f"{at!r} is no moment.", remedy="Write it as 2026-12-24T18:00.") from None
    return moment


class _Here(tzinfo):
    """The machine's time zone, over all its changes: which of two hours of one name is meant, `fold` says."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        return at.replace(tzinfo=None).astimezone().utcoffset() if at is not None else None

    def dst(self, at: datetime | None) -> timedelta | None:
        return None

    def tzname(self, at: datetime | None) -> str | None:
        return None

    def fromutc(self, at: datetime) -> datetime:
        return datetime.fromtimestamp(at.replace(tzinfo=UTC).timestamp()).replace(tzinfo=self)


_HERE = _Here()


def _next(expression: str, after: float) -> float:
    """As cron does it: what is to run at times of the day runs once where an hour is missing or comes twice; what is to
    run all the time goes on in real time.
    """
    from cronsim import CronSim, CronSimError

    try:
        for each in CronSim(expression, datetime.fromtimestamp(after, _HERE)):
            if (moment := each.timestamp()) > after:  # the first of two hours of one name may be over
                return moment
        raise StopIteration
    except CronSimError as error:
        raise ConfigError(f"{expression!r} is no cron expression: {error}.", remedy=_REMEDY) from None
    except StopIteration:
        raise ConfigError(f"{expression!r} names no time that ever comes.", remedy=_REMEDY) from None


ALWAYS = Schedule()
