"""Which error of ours an error of Telegram's is. The one border where they are named.

By exact class: Telethon's families mix what ends a session with what is harmless (AuthKeyError is AUTH_KEY_DUPLICATED
and also UPDATE_APP_TO_LOGIN; UnauthorizedError is SESSION_REVOKED and also SESSION_PASSWORD_NEEDED).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, NamedTuple

from telethon import errors as telegram

from telekeep.clock import Clock
from telekeep.errors import (
    AccountBanned,
    AuthKeyDuplicated,
    AuthKeyRevoked,
    ConfigError,
    FloodWait,
    PasswordNeeded,
    SessionExpired,
    SlowModeWait,
    TakeoutDelay,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.mtproto.schema import method_name


class Fault(NamedTuple):
    """What is known of an error when it is named."""

    error: Any
    method: str | None
    clock: Clock


Builder = Callable[[Fault], TelekeepError]

_DAY = 86_400


def _plain(kind: type[TelekeepError], message: str | None = None, *, remedy: str | None = None) -> Builder:
    return lambda fault: kind(message, remedy=remedy)


def _wait(kind: type[TelegramRateLimitError]) -> Builder:
    def build(fault: Fault) -> TelekeepError:
        seconds = float(fault.error.seconds)
        return kind(seconds=seconds, until=fault.clock.wall() + seconds, method=fault.method)

    return build


def _wait_unsaid(message: str) -> Builder:
    """A flood for which Telegram names no time. A day is the longest that was ever reported for these."""
    return lambda fault: FloodWait(message, seconds=_DAY, until=fault.clock.wall() + _DAY, method=fault.method)


def _server(fault: Fault) -> TelekeepError:
    what = type(fault.error).__name__.removesuffix("Error")
    asked = f" when asked for {fault.method}" if fault.method else ""
    return TelegramNetworkError(
        f"Telegram has trouble of its own{asked} ({what}).", remedy="Try again in some minutes."
    )


def _buffer(fault: Fault) -> TelekeepError:
    """A transport error: four bytes instead of a packet (core.telegram.org/mtproto/mtproto-transports)."""
    if fault.error.code == 404:
        return AuthKeyRevoked(_FORGOTTEN)
    if fault.error.code == 429:
        return TelegramRateLimitError(
            "Telegram refuses more connections from here for now (transport error 429).", method=fault.method
        )
    return TelegramNetworkError("What came from Telegram is no packet.")


_FORGOTTEN = "Telegram does not know this key (transport error -404)."
_BAD_PHONE = "Telegram does not take this for a phone number."
_BAD_API = "Telegram does not take this api id and hash for a pair."
_ASK_FOR_API = "Copy both again from https://my.telegram.org/apps: a number, and 32 hex digits."

_TABLE: dict[type[BaseException], Builder] = {
    # This authorization is over.
    telegram.AuthKeyUnregisteredError: _plain(AuthKeyRevoked),
    telegram.SessionRevokedError: _plain(AuthKeyRevoked),
    telegram.AuthKeyInvalidError: _plain(AuthKeyRevoked),
    telegram.AuthKeyNotFound: _plain(AuthKeyRevoked, _FORGOTTEN),
    telegram.SessionExpiredError: _plain(SessionExpired),
    telegram.AuthKeyDuplicatedError: _plain(AuthKeyDuplicated),
    telegram.UserDeactivatedError: _plain(AccountBanned),
    telegram.UserDeactivatedBanError: _plain(AccountBanned),
    telegram.PhoneNumberBannedError: _plain(AccountBanned, "Telegram has banned this phone number."),
    # It wants something of us first.
    telegram.SessionPasswordNeededError: _plain(PasswordNeeded),
    telegram.ApiIdInvalidError: _plain(ConfigError, _BAD_API, remedy=_ASK_FOR_API),
    telegram.ApiIdPublishedFloodError: _plain(
        ConfigError,
        "Telegram no longer takes this api id: it was published somewhere.",
        remedy="Make an application of your own at https://my.telegram.org/apps.",
    ),
    telegram.PhoneNumberInvalidError: _plain(
        ConfigError, _BAD_PHONE, remedy="Write it with its country code, such as +14155552671."
    ),
    # Not before.
    telegram.FloodWaitError: _wait(FloodWait),
    telegram.FloodPremiumWaitError: _wait(FloodWait),
    telegram.FloodTestPhoneWaitError: _wait(FloodWait),
    telegram.SlowModeWaitError: _wait(SlowModeWait),
    telegram.TakeoutInitDelayError: _wait(TakeoutDelay),
    telegram.PhoneNumberFloodError: _wait_unsaid("Too many codes were asked for with this phone number."),
    telegram.PhonePasswordFloodError: _wait_unsaid("Too many logins were tried with this phone number."),
    telegram.FloodError: _wait_unsaid("Telegram limits this request and does not say for how long."),
    # Trouble of its own, or of the line.
    **{
        getattr(telegram, name): _server
        for name in (
            "ServerError", "TimedOutError", "TimeoutError", "TimedoutError", "RpcCallFailError", "RpcMcgetFailError",
            "InterdcCallErrorError", "InterdcCallRichErrorError", "ChpCallFailError", "HistoryGetFailedError",
            "MsgidDecreaseRetryError", "MtSendQueueTooLongError", "PersistentTimestampOutdatedError",
            "PostponedTimeoutError", "StorageCheckFailedError", "WorkerBusyTooLongRetryError",
        )
        if hasattr(telegram, name)  # the list of errors grows from release to release
    },
    telegram.InvalidBufferError: _buffer,
    telegram.InvalidChecksumError: _plain(TelegramNetworkError, "What came from Telegram was damaged on the way."),
    telegram.SecurityError: _plain(
        TelegramNetworkError,
        "Whoever answered did not prove to be Telegram.",
        remedy="Try another network; if it persists, something on the way changes your traffic.",
    ),
}  # fmt: skip

DEAD: frozenset[type[BaseException]] = frozenset(
    {
        telegram.AuthKeyUnregisteredError,
        telegram.SessionRevokedError,
        telegram.AuthKeyInvalidError,
        telegram.AuthKeyNotFound,
        telegram.SessionExpiredError,
        telegram.AuthKeyDuplicatedError,
        telegram.UserDeactivatedError,
        telegram.UserDeactivatedBanError,
    }
)
"""Errors after which nothing may be sent with this key any more."""


def another(error: Exception) -> Exception:
    """An error of Telethon's once more, to be raised elsewhere."""
    return type(error)() if type(error) is telegram.AuthKeyNotFound else copy(error)


def named(error: BaseException, *, method: str | None = None, clock: Clock) -> TelekeepError:
    """The error of ours that ``error``, of Telethon or of the operating system, is.

    ``method``: the TL method that was asked for; by default the one that the error itself remembers. ``clock`` says
    from when on a wait counts. An error that is ours already is returned as it is; one that nobody knows becomes a
    plain TelekeepError that names its class.
    """
    if isinstance(error, TelekeepError):
        return error
    if type(error) is telegram.MultiError:
        first: Any = next(each for each in vars(error)["exceptions"] if each is not None)
        return named(first, method=method, clock=clock)
    build = _TABLE.get(type(error))
    if build is not None:
        return build(Fault(error, method or _method_of(error), clock))
    if isinstance(error, (OSError, EOFError)):  # the operating system's have dozens of classes and one meaning
        return _line(error)
    return _unknown(error, method or _method_of(error))


def _line(error: BaseException) -> TelekeepError:
    said = getattr(error, "strerror", None) or str(error)
    return TelegramNetworkError(f"Telegram could not be reached: {said}." if said else None)


def _unknown(error: Any, method: str | None) -> TelekeepError:
    said = type(error).__name__
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
