"""What every error means that is not about its own request, by the name of Telethon's class.

Names, not classes: a table for all releases of the range; each release lacks some. Sources: the descriptions in
Telethon's own list, core.telegram.org/api/errors, and what telekeep's users and tests have met.
"""

from __future__ import annotations

from typing import Final, NamedTuple

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
from telekeep.upstream.faults.kinds import Kind

DAY: Final = 86_400.0


class Entry(NamedTuple):
    """What one class of error is. ``ours``: what it becomes.

    ``message`` and ``remedy``: in words; None for those of ``ours``. ``unit``: how many seconds one of the number in
    the error is, 0 if it names none. ``guess``: the seconds to wait where Telegram does not say.
    """

    kind: Kind
    ours: type[TelekeepError]
    message: str | None = None
    remedy: str | None = None
    unit: float = 0.0
    guess: float = 0.0


def _dead(ours: type[TelekeepError], message: str | None = None) -> Entry:
    return Entry(Kind.DEAD, ours, message)


def _wait(ours: type[TelegramRateLimitError] = FloodWait, unit: float = 1.0) -> Entry:
    return Entry(Kind.WAIT, ours, unit=unit)


def _wait_unsaid(message: str) -> Entry:
    """A wait for which Telegram names no time. A day is the longest that was ever reported for these."""
    return Entry(Kind.WAIT, FloodWait, message, guess=DAY)


def _config(message: str, remedy: str) -> Entry:
    return Entry(Kind.CONFIG, ConfigError, message, remedy)


def _line(message: str, remedy: str | None = None) -> Entry:
    return Entry(Kind.TRANSIENT, TelegramNetworkError, message, remedy)


def _answer(message: str, remedy: str) -> Entry:
    """About the request, like those in `telekeep.upstream.faults.requests`, and worth a word of advice."""
    return Entry(Kind.REQUEST, TelekeepError, message, remedy)


FORGOTTEN: Final = "Telegram does not know this key (transport error -404)."
_BAD_API = "Telegram does not take this api id and hash for a pair."
_ASK_FOR_API = "Copy both again from https://my.telegram.org/apps: a number, and 32 hex digits."
_NO_TOKEN = "Telegram does not take this bot token."
_ASK_FOR_TOKEN = "Copy the token again from @BotFather; a token that was revoked there is void."
_INITIAL = "Telegram does not take what this program says about itself when it connects."
_CHECK_INITIAL = "Check device_model, app_version, system_version and the language codes given to the client."
_TROUBLE = "Try again in some minutes."
_YOUNG = "Telegram asks to wait: this login is younger than 24 hours."
_AFTER_A_DAY = "Do it from an older login (another device), or from here when 24 hours have passed."

ENTRIES: Final[dict[str, Entry]] = {
    # This authorization is over.
    "AuthKeyUnregisteredError": _dead(AuthKeyRevoked),
    "SessionRevokedError": _dead(AuthKeyRevoked),
    "AuthKeyInvalidError": _dead(AuthKeyRevoked),
    "AuthKeyNotFound": _dead(AuthKeyRevoked, FORGOTTEN),
    "SessionExpiredError": _dead(SessionExpired),
    "AuthKeyDuplicatedError": _dead(AuthKeyDuplicated),
    "UserDeactivatedError": _dead(AccountBanned),
    "UserDeactivatedBanError": _dead(AccountBanned),
    "PhoneNumberBannedError": _dead(AccountBanned, "Telegram has banned this phone number."),
    # Not before.
    "FloodWaitError": _wait(),
    "FloodPremiumWaitError": _wait(),
    "FloodTestPhoneWaitError": _wait(),
    "SlowModeWaitError": _wait(SlowModeWait),
    "TakeoutInitDelayError": _wait(TakeoutDelay),
    "TwoFaConfirmWaitError": _wait(),
    "PasswordTooFreshError": _wait(),
    "SessionTooFreshError": _wait(),
    "PreviousChatImportActiveWaitMinError": _wait(unit=60.0),
    "PhoneNumberFloodError": _wait_unsaid("Too many codes were asked for with this phone number."),
    "PhonePasswordFloodError": _wait_unsaid("Too many logins were tried with this phone number."),
    "FloodError": _wait_unsaid("Telegram limits this request and does not say for how long."),
    # A setting is wrong.
    "ApiIdInvalidError": _config(_BAD_API, _ASK_FOR_API),
    "ConnectionApiIdInvalidError": _config(_BAD_API, _ASK_FOR_API),
    "ApiIdPublishedFloodError": _config(
        "Telegram no longer takes this api id: it was published somewhere.",
        "Make an application of your own at https://my.telegram.org/apps.",
    ),
    "PhoneNumberInvalidError": _config(
        "Telegram does not take this for a phone number.", "Write it with its country code, such as +14155552671."
    ),
    "AccessTokenExpiredError": _config(_NO_TOKEN, _ASK_FOR_TOKEN),
    "AccessTokenInvalidError": _config(_NO_TOKEN, _ASK_FOR_TOKEN),
    **dict.fromkeys(
        (
            "ConnectionAppVersionEmptyError", "ConnectionDeviceModelEmptyError", "ConnectionLangPackInvalidError",
            "ConnectionSystemEmptyError", "ConnectionSystemLangCodeEmptyError", "LangCodeInvalidError",
            "LangCodeNotSupportedError", "LangPackInvalidError",
        ),
        _config(_INITIAL, _CHECK_INITIAL),
    ),
    "TypeNotFoundError": _config(
        "Telegram answered with something that this release of Telethon cannot read.",
        "Upgrade Telethon, within the range that telekeep allows.",
    ),
    # Trouble of Telegram's own.
    **dict.fromkeys(
        (
            "ServerError", "TimedOutError", "BotTimeout", "TimeoutError", "TimedoutError", "AuthRestartError",
            "CallOccupyFailedError", "CdnUploadTimeoutError", "ChatGetFailedError", "ChatIdGenerateFailedError",
            "ChpCallFailError", "EncryptionOccupyFailedError", "GroupcallAddParticipantsFailedError",
            "HistoryGetFailedError", "InterdcCallErrorError", "InterdcCallRichErrorError",
            "MemberOccupyPrimaryLocFailedError", "MsgWaitFailedError", "MsgidDecreaseRetryError",
            "MtSendQueueTooLongError", "ParticipantCallFailedError", "PersistentTimestampOutdatedError",
            "PostponedTimeoutError", "RegIdGenerateFailedError", "RpcCallFailError", "RpcMcgetFailError",
            "ShortnameOccupyFailedError", "SignInFailedError", "SmsCodeCreateFailedError", "StorageCheckFailedError",
            "WorkerBusyTooLongRetryError",
        ),
        Entry(Kind.TRANSIENT, TelegramNetworkError, remedy=_TROUBLE),
    ),
    # Trouble of the line.
    "InvalidChecksumError": _line("What came from Telegram was damaged on the way."),
    "ReadCancelledError": _line("The connection was closed while something was read from it."),
    "SecurityError": _line(
        "Whoever answered did not prove to be Telegram.",
        "Try another network; if it persists, something on the way changes your traffic.",
    ),
    "CdnFileTamperedError": _line("A file that came from Telegram's delivery network is not the one that was sent."),
    "BadMessageError": _line(
        "Telegram did not take a packet of this connection.",
        "Check this machine's clock, then try again.",
    ),
    # A person, or another path, is asked for.
    "SessionPasswordNeededError": Entry(Kind.REQUEST, PasswordNeeded),
    "PeerFloodError": _answer(
        "Telegram limits this account: it was reported for writing to strangers.",
        "Write to nobody new for some days; @SpamBot says for how long.",
    ),
    "FrozenMethodInvalidError": _answer(
        "Telegram has frozen this account: it may only read.", "Open Telegram's own app: it shows how to appeal."
    ),
    "FreshResetAuthorisationForbiddenError": _answer(_YOUNG, _AFTER_A_DAY),
    "FreshChangeAdminsForbiddenError": _answer(_YOUNG, _AFTER_A_DAY),
    "FileReferenceExpiredError": _answer(
        "The reference to this file is too old.", "Fetch the message again, then the file."
    ),
}  # fmt: skip
