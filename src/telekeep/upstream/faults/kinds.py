"""The kinds of failure there are, and what each asks of whoever meets it."""

from __future__ import annotations

from enum import StrEnum

from telekeep import errors as ours


class Kind(StrEnum):
    """What is to be done. Exactly one holds for every error."""

    DEAD = "dead"  # this key, or this account, is over: nothing is sent with it any more
    WAIT = "wait"  # not before a certain time
    TRANSIENT = "transient"  # the line, or Telegram's own trouble: the same may succeed later
    CONFIG = "config"  # a setting is wrong: nothing changes until a person changes it
    LOCAL = "local"  # this machine: its files, its disk, another process
    REQUEST = "request"  # an ordinary answer about this request: whoever asked must look at it


_KINDS: tuple[tuple[type[ours.TelekeepError], Kind], ...] = (
    (ours.AuthKeyRevoked, Kind.DEAD),
    (ours.SessionExpired, Kind.DEAD),
    (ours.AuthKeyDuplicated, Kind.DEAD),
    (ours.AccountBanned, Kind.DEAD),
    (ours.LoginBudgetSpent, Kind.WAIT),
    (ours.TelegramRateLimitError, Kind.WAIT),
    (ours.MaybeDone, Kind.REQUEST),
    (ours.TelegramNetworkError, Kind.TRANSIENT),
    (ours.GatewayError, Kind.TRANSIENT),
    (ours.ConfigError, Kind.CONFIG),
    (ours.TelegramSessionError, Kind.LOCAL),
    (ours.SessionConflict, Kind.LOCAL),
    (ours.BackupError, Kind.LOCAL),
)


def kind_of(error: ours.TelekeepError) -> Kind:
    """Of which kind an error of ours is."""
    return next((kind for family, kind in _KINDS if isinstance(error, family)), Kind.REQUEST)
