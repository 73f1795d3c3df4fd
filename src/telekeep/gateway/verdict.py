"""How a session that is over is told to its borrowers: at the start, by Telegram's own error, and never so that a
program would ask a person for a code.

A stock client's ``start()`` prompts on any 401 to users.getUsers; the same 401 as the answer to initConnection raises
the error's own class instead, and as the answer to updates.getDifference ends a listening client with it: anything else
leaves it listening for ever [measured with Telethon 1.45].
"""

from __future__ import annotations

from typing import NamedTuple

from telekeep.errors import (
    AccountBanned,
    AuthKeyDuplicated,
    AuthKeyRevoked,
    SessionExpired,
    TelegramAuthError,
    TelekeepError,
)
from telekeep.gateway.asked import Asked, Refused
from telekeep.gateway.loans import OPEN, Loan

_UNKNOWN_KEY = "AuthKeyNotFound"  # the cause where Telegram answered with transport error -404
_TEXTS: tuple[tuple[type[TelekeepError], int, str], ...] = (
    (AuthKeyDuplicated, 406, "AUTH_KEY_DUPLICATED"),
    (SessionExpired, 401, "SESSION_EXPIRED"),
    (AccountBanned, 401, "USER_DEACTIVATED_BAN"),
    (AuthKeyRevoked, 401, "SESSION_REVOKED"),
    (TelegramAuthError, 401, "AUTH_KEY_UNREGISTERED"),
)
_ENDED = {"expired": "LOAN_EXPIRED", "revoked": "LOAN_REVOKED", "logged out": "LOAN_LOGGED_OUT"}


class Verdict(NamedTuple):
    """Why nothing is carried out any more. ``forgotten``: Telegram does not know the key; said by -404."""

    error: TelekeepError
    code: int
    text: str
    forgotten: bool

    def answer(self, asked: Asked) -> Refused:
        """What to answer a request with."""
        if asked.initial or self.code != 401 or asked.method.startswith("updates."):
            return Refused(self.code, self.text)
        return Refused(400, f"UPSTREAM_{self.text}")


def verdict(error: Exception | None) -> Verdict | None:
    """The verdict that ``error`` is, None if the session may be tried again."""
    for kind, code, text in _TEXTS:
        if isinstance(error, kind):
            return Verdict(error, code, text, type(error.__cause__).__name__ == _UNKNOWN_KEY)
    return None


def end_of(loan: Loan, asked: Asked, now: float) -> Refused | None:
    """What to answer a request with whose loan has ended; None if it is open."""
    state = loan.state(now)
    return None if state == OPEN else Refused(_code_of_end(asked), _ENDED[state])


def _code_of_end(asked: Asked) -> int:
    """The code by which a request is told that its loan has ended: one that ends the program, not its session file.

    Telethon's update loop ends its client on a 401, and goes on for ever after anything else; kurigram connects anew
    for ever, without a pause, where initConnection is answered with anything else. Elsewhere some programs take a 401
    for the end of the login, and delete their session.
    """
    application = asked.application
    is_pyrogram = application is not None and application.app_version.startswith("Pyrogram")
    return 401 if asked.method.startswith("updates.") or (asked.initial and is_pyrogram) else 400
