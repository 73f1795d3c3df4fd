"""The words of a login: what is still needed (states), what to do next (actions), what happened (events).

`telekeep.login.flow` moves between them, `telekeep.login.runner` carries the actions out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from telekeep.errors import TelekeepError
from telekeep.secret import Secret
from telekeep.session.model import User


@dataclass(frozen=True, slots=True)
class Sent:
    """A code that Telegram says it has sent.

    ``kind``: short name of the way; ``where``: the same in words. ``length``: letters of the code, where known.
    ``next_kind``: the other way, which may be asked for after ``timeout`` seconds. ``digits``: False for words.
    """

    kind: str
    where: str
    code_hash: str = field(repr=False)
    length: int | None = None
    next_kind: str | None = None
    timeout: int | None = None
    digits: bool = True


# ---- states: what is still needed


@dataclass(frozen=True, slots=True)
class NeedPhone:
    tries: int = 0


@dataclass(frozen=True, slots=True)
class NeedCode:
    """``sent`` is None from the moment a code is asked for until Telegram says where it went."""

    phone: str
    sent: Sent | None = None
    tries: int = 0
    sendings: int = 1
    phone_tries: int = 0


@dataclass(frozen=True, slots=True)
class NeedPassword:
    hint: str | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class ShowQr:
    shown: int = 0


@dataclass(frozen=True, slots=True)
class AsBot:
    pass


@dataclass(frozen=True, slots=True)
class Done:
    user: User


@dataclass(frozen=True, slots=True)
class Failed:
    error: TelekeepError


State = NeedPhone | NeedCode | NeedPassword | ShowQr | AsBot | Done | Failed


# ---- actions: questions to a person


@dataclass(frozen=True, slots=True)
class AskPhone:
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class AskCode:
    sent: Sent
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class OfferNewCode:
    """The code is of no use any more: shall another be sent?"""

    problem: str


@dataclass(frozen=True, slots=True)
class AskPassword:
    hint: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ShowToken:
    """Show the QR code of ``url`` until it is scanned, or until ``expires`` (wall-clock seconds)."""

    url: str = field(repr=False)
    expires: float


# ---- actions: calls to Telegram


@dataclass(frozen=True, slots=True)
class SendCode:
    phone: str


@dataclass(frozen=True, slots=True)
class ResendCode:
    phone: str
    sent: Sent


@dataclass(frozen=True, slots=True)
class SignIn:
    phone: str
    sent: Sent
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FetchHint:
    pass


@dataclass(frozen=True, slots=True)
class CheckPassword:
    password: Secret


@dataclass(frozen=True, slots=True)
class IssueToken:
    """Ask for a login token. ``first``: none was shown in this login yet."""

    first: bool = False


@dataclass(frozen=True, slots=True)
class FollowToken:
    """Hand the token to the data center where the account lives."""

    dc_id: int
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImportBot:
    pass


Action = (
    AskPhone | AskCode | OfferNewCode | AskPassword | ShowToken
    | SendCode | ResendCode | SignIn | FetchHint | CheckPassword | IssueToken | FollowToken | ImportBot
)  # fmt: skip


# ---- events: what happened


@dataclass(frozen=True, slots=True)
class PhoneGiven:
    phone: str


@dataclass(frozen=True, slots=True)
class CodeGiven:
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResendWanted:
    """``waited``: seconds since the last code was sent."""

    waited: float


@dataclass(frozen=True, slots=True)
class NewCodeWanted:
    pass


@dataclass(frozen=True, slots=True)
class NewCodeDeclined:
    pass


@dataclass(frozen=True, slots=True)
class QrWanted:
    pass


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    password: Secret


@dataclass(frozen=True, slots=True)
class CodeSent:
    sent: Sent


@dataclass(frozen=True, slots=True)
class HintFetched:
    hint: str | None


@dataclass(frozen=True, slots=True)
class TokenIssued:
    url: str = field(repr=False)
    expires: float


@dataclass(frozen=True, slots=True)
class TokenMoved:
    dc_id: int
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenScanned:
    pass


@dataclass(frozen=True, slots=True)
class TokenRanOut:
    pass


@dataclass(frozen=True, slots=True)
class LoggedIn:
    user: User


@dataclass(frozen=True, slots=True)
class SignUpWanted:
    """The code was right, but no account has this number."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Telegram answered with the error ``name``, one of `telekeep.upstream.fresh.ANSWERABLE`."""

    name: str


@dataclass(frozen=True, slots=True)
class LineLost:
    """The line was lost before the answer: whether the call was carried out is not known."""


Event = (
    PhoneGiven | CodeGiven | ResendWanted | NewCodeWanted | NewCodeDeclined | QrWanted | PasswordGiven
    | CodeSent | HintFetched | TokenIssued | TokenMoved | TokenScanned | TokenRanOut
    | LoggedIn | SignUpWanted | Refused | LineLost
)  # fmt: skip
