"""Every error telekeep raises, in one tree, each with its fields, one remedy and an exit code.

::

    TelekeepError
    ├── TelegramSessionError      7   the session as it lies on this machine
    │   ├── SessionNotFound       1   no such session is kept (the only "is not there")
    │   ├── SessionSealed             the vault cannot be opened: wrong or missing master key
    │   ├── SessionCorrupt            it cannot be read: damaged, swapped, put back, truncated
    │   │   ├── RecordSwapped         it holds what was sealed for another record
    │   │   ├── PasscodeNeeded        a tdata folder's local passcode is missing or wrong
    │   │   └── VaultRolledBack       an older copy was put back; the high-water mark noticed
    │   ├── UnknownFormat             nothing telekeep knows, or a version it does not know
    │   ├── FormatLoss                the target format cannot hold what the session has
    │   ├── StaleFence                a newer holder has written since: this one must stop
    │   └── StorageUnavailable        the disk does not give or take: nothing was changed
    │       ├── DiskReadOnly
    │       └── DiskFull
    ├── SessionConflict           3   somebody else speaks with this key  (also: SessionSafetyError)
    │   ├── SessionBusy               held by another: holder, since
    │   └── LeaseLost                 it was ours, and no longer is: reason
    ├── TelegramAuthError         1   Telegram does not take us for logged in
    │   ├── NeedsLogin
    │   ├── AuthKeyRevoked
    │   ├── SessionExpired
    │   ├── AuthKeyDuplicated
    │   ├── AccountBanned
    │   ├── PasswordNeeded
    │   ├── LoginRefused              what was typed was not accepted: code, password, token
    │   ├── LoginCancelled      130   whoever was asked did not want to answer (Ctrl-C, end of input)
    │   └── LoginBudgetSpent      4   too many attempts: seconds, until
    ├── TelegramRateLimitError    4   Telegram says "not before": seconds, until, method
    │   ├── FloodWait
    │   ├── SlowModeWait
    │   ├── TakeoutDelay
    │   └── LoginTooYoung             a login younger than a day may not end others: until
    ├── TelegramNetworkError      5   no answer, or none that counts
    │   └── MaybeDone                 sent, and the line was lost before the answer
    ├── GatewayError              8   a session that another process lends
    │   ├── OwnerAbsent               no daemon answers, or it ended before it served
    │   ├── ProtocolMismatch          the daemon is of another release than this program
    │   ├── LoanExpired               the loan has ended: its lifetime is over, or it was revoked
    │   └── NotGranted            6   the loan does not allow this method
    ├── ConfigError               6   missing or conflicting settings, bad api id, hash or phone
    │   ├── NoSuchDevice              Telegram lists no such login of this account
    │   └── NoChat                    no chat of this account is called so
    └── BackupError               7   a backup as it lies on a disk
        ├── BackupDamaged             it is not what was written: damaged, or cut short
        ├── BackupSealed              no key at hand opens it: another vault's, or a wrong passphrase
        ├── BackupUnknown             no backup of telekeep's, or one of a version that it does not know
        └── NothingToRestore          there is no backup that holds what was asked for

Errors of Telethon, SQLite and the operating system never leave the room that met them: they become one of these.
``remedy`` names the next command, in one sentence. No message ever holds a secret.
"""

from __future__ import annotations

from typing import Any, ClassVar

from telekeep.words import span, timeline


class TelekeepError(Exception):
    """Something telekeep can name.

    Parameters: ``message``, what happened in plain words (default: the first line of the class docstring);
    ``remedy``, one sentence with the next command.
    """

    exit_code: ClassVar[int] = 8
    default_remedy: ClassVar[str | None] = None

    def __init__(self, message: str | None = None, *, remedy: str | None = None) -> None:
        # not super(): some are Telethon's or the system's errors as well, and those would write a message of their own
        Exception.__init__(self, message or (type(self).__doc__ or type(self).__name__).strip().splitlines()[0])
        self.remedy = remedy or self.default_remedy

    @property
    def message(self) -> str:
        return str(self.args[0])

    @property
    def remedy(self) -> str | None:
        """One sentence with the next command. A traceback shows it too."""
        return self._remedy

    @remedy.setter
    def remedy(self, sentence: str | None) -> None:
        self._remedy = sentence
        self.__notes__ = [f"→ {sentence}"] if sentence else []

    def fields(self) -> dict[str, Any]:
        """What ``--json`` prints of this error: its public attributes, none of them secret."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_") and value is not None}


# ---- the session as it lies on this machine


class TelegramSessionError(TelekeepError):
    """The session on this machine cannot be used."""

    exit_code = 7


class SessionNotFound(TelegramSessionError):
    """No such session is kept here."""

    exit_code = 1
    default_remedy = "Run `telekeep list` to see what is kept, or `telekeep auth NAME` to log in."


class SessionSealed(TelegramSessionError):
    """The vault is sealed: its master key is missing or wrong."""

    default_remedy = "Give the key this vault was made with (TELEKEEP_KEY_FILE, or its passphrase)."


class SessionCorrupt(TelegramSessionError):
    """The session cannot be read: it is damaged."""

    default_remedy = "See `telekeep history NAME`: older generations are stored, and `telekeep restore` puts one back."


class RecordSwapped(SessionCorrupt):
    """The record holds what was sealed for another one."""


class PasscodeNeeded(SessionCorrupt):
    """This tdata folder has a local passcode, and the right one was not given."""

    default_remedy = "Give it with --passcode-file FILE."


class VaultRolledBack(SessionCorrupt):
    """An older copy of the vault was put back."""

    default_remedy = "If you did this on purpose, run `telekeep vault accept`; otherwise find out who did."


class UnknownFormat(TelegramSessionError):
    """This is no session format that telekeep knows."""

    default_remedy = "Run `telekeep check FILE` to see which rule it breaks."


class FormatLoss(TelegramSessionError):
    """The target format cannot hold everything this session has."""

    def __init__(self, message: str | None = None, *, losses: tuple[str, ...] = (), remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.losses = losses


class StaleFence(TelegramSessionError):
    """A newer holder has written to this session since."""

    default_remedy = "Stop this program: another one holds the session now (`telekeep status`)."

    def __init__(
        self, message: str | None = None, *, fence: int = 0, newest: int = 0, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.fence = fence
        self.newest = newest


class StorageUnavailable(TelegramSessionError):
    """The disk does not take or give what was asked; nothing was changed."""

    default_remedy = "Free space or mend the permissions that the message names, then run the command again."


class DiskReadOnly(StorageUnavailable):
    """The disk, or the file, may be read but not written; nothing was changed."""

    default_remedy = "Make it writable again (mount, or chmod u+w), then run the command again."


class DiskFull(StorageUnavailable):
    """The disk is full; nothing was changed."""

    default_remedy = "Free some space, then run the command again."


# ---- somebody else speaks with this key


class SessionConflict(TelekeepError):
    """Another process uses this session."""

    exit_code = 3


SessionSafetyError = SessionConflict


class SessionBusy(SessionConflict):
    """This session is held by another process.

    ``holder`` is a `telekeep.lease.Holder` (or None where the kernel knows no more than "held"), ``since`` wall-clock
    seconds. A guard of session files (`telekeep.guard`) also tells the ``pids`` of all who use it, and the
    ``operation`` it refused.
    """

    pids: tuple[int, ...] = ()
    operation: str | None = None

    default_remedy = "Wait for it, stop it, or let it lend: `telekeep status` shows who it is."

    def __init__(
        self, message: str | None = None, *, holder: Any = None, since: float | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.holder = holder
        self.since = since


class LeaseLost(SessionConflict, ConnectionError):
    """The lease on this session is gone; the connection was closed. ``reason`` says how.

    A ConnectionError too: programs written for Telethon catch that, and Telethon's own loops survive nothing else.
    """

    default_remedy = "Open the session again; `telekeep status` shows who holds it now."

    def __init__(self, message: str | None = None, *, reason: str = "unknown", remedy: str | None = None) -> None:
        super().__init__(
            message or f"The lease on this session is gone ({reason}); the connection was closed.", remedy=remedy
        )
        self.reason = reason


# ---- Telegram does not take us for logged in


class TelegramAuthError(TelekeepError):
    """Telegram does not accept this login."""

    exit_code = 1
    default_remedy = "Log in again in a terminal: `telekeep auth NAME --replace`."


class NeedsLogin(TelegramAuthError):
    """This session is not logged in."""


class AuthKeyRevoked(TelegramAuthError):
    """Telegram no longer knows this authorization: it was logged out or terminated under Devices."""


class SessionExpired(TelegramAuthError):
    """Telegram ended this authorization because it expired."""


class AuthKeyDuplicated(TelegramAuthError):
    """Telegram saw this key on two connections at once and ended it for good."""

    default_remedy = "Find the second copy first; then log in again with `telekeep auth NAME --replace`."


class AccountBanned(TelegramAuthError):
    """Telegram has deactivated this account."""

    default_remedy = "Write to recover@telegram.org; logging in again cannot help."


class PasswordNeeded(TelegramAuthError):
    """This account has a two-step verification password, and none was given."""

    default_remedy = "Give it when asked, or with --password-file FILE."


class LoginRefused(TelegramAuthError):
    """Telegram did not accept what was given: a code, a password or a token."""


class LoginCancelled(TelegramAuthError):
    """Cancelled. Nothing was changed."""

    exit_code = 130  # what shells report of a program that Ctrl-C ended
    default_remedy = "Run the command again when you have what it asks for."


class LoginBudgetSpent(TelegramAuthError):
    """No further login attempt for this number for now. ``seconds`` from now, ``until`` in wall-clock seconds."""

    exit_code = 4
    default_remedy = "Wait until then: every further attempt makes Telegram's own limit longer."

    def __init__(
        self, message: str | None = None, *, seconds: float = 0, until: float = 0, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.seconds = seconds
        self.until = until


# ---- not before


class TelegramRateLimitError(TelekeepError):
    """Telegram asks us to wait.

    ``seconds`` from now, ``until`` in wall-clock seconds, ``method`` the TL method that was limited.
    """

    exit_code = 4
    default_remedy = "Wait until then; asking again sooner makes the wait longer."

    def __init__(
        self,
        message: str | None = None,
        *,
        seconds: float = 0,
        until: float | None = None,
        method: str | None = None,
        remedy: str | None = None,
    ) -> None:
        what = method or "request"
        said = f"Telegram asks to wait {span(seconds)} before the next {what}."
        if until:
            said = f"Telegram asks to wait before the next {what}: {timeline(seconds, until)}."
        super().__init__(message or said, remedy=remedy)
        self.seconds = seconds
        self.until = until
        self.method = method


class FloodWait(TelegramRateLimitError):
    """Telegram asks us to wait (FLOOD_WAIT)."""


class SlowModeWait(TelegramRateLimitError):
    """This chat is in slow mode (SLOWMODE_WAIT)."""


class TakeoutDelay(TelegramRateLimitError):
    """Telegram delays this data export (TAKEOUT_INIT_DELAY)."""


class LoginTooYoung(TelegramRateLimitError):
    """A login younger than 24 hours may not end others (FRESH_RESET_AUTHORISATION_FORBIDDEN).

    ``until`` is when it may, in wall-clock seconds; None where Telegram has not said when it began.
    """

    default_remedy = (
        "Wait until then, do it with an older login of this account, or in any Telegram app under Settings › Devices."
    )

    def __init__(
        self,
        message: str | None = None,
        *,
        seconds: float = 0,
        until: float | None = None,
        method: str | None = None,
        remedy: str | None = None,
    ) -> None:
        said = "Telegram does not let a login that is younger than 24 hours end others or set their lifetime"
        when = f" ({timeline(seconds, until)})" if until else ""
        super().__init__(message or f"{said}{when}.", seconds=seconds, until=until, method=method, remedy=remedy)


# ---- no answer


class TelegramNetworkError(TelekeepError, ConnectionError):
    """Telegram could not be reached, or answered with an error of its own.

    A ConnectionError too: programs written for Telethon catch that.
    """

    exit_code = 5
    default_remedy = "Check the connection, try another network, and try again in some minutes."


class MaybeDone(TelegramNetworkError):
    """The request was sent, but the line was lost before the answer: it may have been carried out."""

    default_remedy = "Look whether it was done before you do it again."


# ---- the rest


class GatewayError(TelekeepError):
    """The gateway cannot serve this."""


class OwnerAbsent(GatewayError):
    """No daemon answers here."""

    default_remedy = "Start it with `telekeep daemon start`; `telekeep daemon logs` shows what it said last."


class ProtocolMismatch(GatewayError):
    """The daemon that runs is of another release than this program."""

    default_remedy = "Run `telekeep daemon restart`."


class LoanExpired(GatewayError):
    """This loan has ended."""

    default_remedy = "Make a new one; the session itself is untouched."


class NotGranted(GatewayError):
    """This loan does not allow that."""

    exit_code = 6
    default_remedy = "Make a loan whose grant allows it."


class ConfigError(TelekeepError):
    """A setting is missing, malformed, or contradicts another."""

    exit_code = 6


class NoSuchDevice(ConfigError):
    """Telegram lists no such login of this account; it may have ended."""

    default_remedy = "`telekeep devices NAME` shows those there are."


class NoChat(ConfigError):
    """No chat of this account is called so."""

    default_remedy = "Write a user name, a link, the title as Telegram shows it, or a marked id."


class BackupError(TelekeepError):
    """The backup cannot be used."""

    exit_code = 7


class BackupDamaged(BackupError):
    """The backup is damaged or cut short."""

    default_remedy = "Take another: `telekeep restore --list` shows which are whole. Nothing was changed."


class BackupSealed(BackupError):
    """The backup is sealed with a key that is not at hand."""

    default_remedy = "Put back the key file of the vault it was made of (TELEKEEP_KEY_FILE). Nothing was changed."


class BackupUnknown(BackupError):
    """This is no backup that this telekeep can read."""

    default_remedy = "See `telekeep restore --list`. Nothing was changed."


class NothingToRestore(BackupError):
    """There is nothing here to restore."""

    default_remedy = "See `telekeep restore --list`; --from names a backup that lies elsewhere."
