"""An error, named: by exact class, with its numbers."""

from __future__ import annotations

import errno
import sqlite3
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

from telethon import errors as telegram

from telekeep import database
from telekeep.clock import Clock
from telekeep.errors import (
    AuthKeyRevoked,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.mtproto.schema import method_name
from telekeep.upstream.faults.entries import ENTRIES, FORGOTTEN, Entry
from telekeep.upstream.faults.kinds import Kind, kind_of
from telekeep.upstream.faults.requests import REQUESTS


class Fault(NamedTuple):
    """What is known of a failure.

    ``seconds``: to wait, 0 if there is nothing to wait for; ``method``: the TL method that was asked for; ``dc``: the
    data center that the error names; ``remedy``: one sentence with the next command.
    """

    kind: Kind
    error: TelekeepError
    seconds: float
    method: str | None
    dc: int | None
    remedy: str | None


_KNOWN: dict[type[BaseException], Entry] = {
    getattr(telegram, name): entry for name, entry in ENTRIES.items() if hasattr(telegram, name)
}

DEAD: frozenset[type[BaseException]] = frozenset(
    kind for kind, entry in _KNOWN.items() if entry.kind is Kind.DEAD and kind is not telegram.PhoneNumberBannedError
)
"""Errors after which nothing may be sent with this key any more."""

# What the system says of this machine, not of the line.
_LOCAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})


def judge(error: BaseException, *, method: str | None = None, clock: Clock) -> Fault:
    """What is known of ``error``; the parameters are those of `named`."""
    if type(error) is telegram.MultiError:
        error = _first(error)
    ours = named(error, method=method, clock=clock)
    entry = _KNOWN.get(type(error))
    dc = getattr(error, "new_dc", None) or getattr(error, "dc", None)
    return Fault(
        kind_of(ours) if entry is None else entry.kind,
        ours,
        float(getattr(ours, "seconds", 0.0)),
        getattr(ours, "method", None) or method or _method_of(error),
        dc if isinstance(dc, int) else None,
        ours.remedy,
    )


def another(error: Exception) -> Exception:
    """An error of Telethon's once more, to be raised elsewhere."""
    return type(error)() if type(error) is telegram.AuthKeyNotFound else copy(error)


def named(error: BaseException, *, method: str | None = None, clock: Clock) -> TelekeepError:
    """The error of ours that ``error``, of Telethon, SQLite or the operating system, is.

    ``method``: the TL method that was asked for; by default the one that the error itself remembers. ``clock`` says
    from when on a wait counts. An error that is ours already is returned as it is; one that nobody knows becomes a
    plain TelekeepError that names its class.
    """
    if isinstance(error, TelekeepError):
        return error
    if type(error) is telegram.MultiError:
        return named(_first(error), method=method, clock=clock)
    method = method or _method_of(error)
    entry = _KNOWN.get(type(error))
    if entry is not None:
        return _made(entry, error, method, clock)
    if type(error) is telegram.InvalidBufferError:
        return _buffer(error, method)
    if isinstance(error, sqlite3.Error):
        return database.named(error, _FILE)
    if type(error) is OSError and error.errno in _LOCAL:  # by exact class: ssl has numbers of its own
        return database.named(error, _FILE)
    if isinstance(error, (OSError, EOFError)):  # the operating system's have dozens of classes and one meaning
        return _line(error)
    return _unknown(error, method)


_FILE = Path("a file of this program")


def _first(error: BaseException) -> BaseException:
    """The first of several errors."""
    found: BaseException = next(each for each in vars(error)["exceptions"] if each is not None)
    return found


def _made(entry: Entry, error: Any, method: str | None, clock: Clock) -> TelekeepError:
    message = entry.message
    if issubclass(entry.ours, TelegramRateLimitError):
        seconds = float(getattr(error, "seconds", 0) or getattr(error, "minutes", 0)) * entry.unit or entry.guess
        return entry.ours(message, seconds=seconds, until=clock.wall() + seconds, method=method, remedy=entry.remedy)
    if entry.kind is Kind.TRANSIENT and message is None:
        what = type(error).__name__.removesuffix("Error")
        asked = f" when asked for {method}" if method else ""
        message = f"Telegram has trouble of its own{asked} ({what})."
    return entry.ours(message, remedy=entry.remedy)


def _buffer(error: Any, method: str | None) -> TelekeepError:
    """A transport error: four bytes instead of a packet (core.telegram.org/mtproto/mtproto-transports)."""
    if error.code == 404:
        return AuthKeyRevoked(FORGOTTEN)
    if error.code == 429:
        return TelegramRateLimitError(
            "Telegram refuses more connections from here for now (transport error 429).", method=method
        )
    return TelegramNetworkError("What came from Telegram is no packet.")


def _line(error: BaseException) -> TelekeepError:
    said = getattr(error, "strerror", None) or str(error)
    return TelegramNetworkError(f"Telegram could not be reached: {said}." if said else None)


def _unknown(error: Any, method: str | None) -> TelekeepError:
    said = type(error).__name__
    if said.removesuffix("Error") in REQUESTS:
        return TelekeepError(f"Telegram refuses {method or 'this request'}: {said}.")
    if type(error) in telegram.base_errors.values() or type(error) is telegram.RPCError:
        said = f"{error.code} {error.message}"  # the server's own words: no class of Telethon's bears this name
    asked = f" to {method}" if method else ""
    if isinstance(error, telegram.RPCError):
        return TelekeepError(f"Telegram answered{asked} with an error that telekeep has no name for: {said}.")
    return TelekeepError(f"Speaking to Telegram failed{asked and ' in the answer' + asked}: {said}.")


def _method_of(error: Any) -> str | None:
    request = getattr(error, "request", None)
    while request is not None and getattr(request, "query", None) is not None:
        request = request.query  # invokeWithLayer and its kin say nothing about what was asked
    return method_name(type(request)) if request is not None else None
