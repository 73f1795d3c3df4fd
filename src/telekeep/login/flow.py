"""The moves of a login, decided purely: given what is still needed and what just happened, what comes next.

A state says what is still needed, an action what to do about it: a question to a person or a call to Telegram. The
outcome of every action is the next event. `telekeep.login.runner` carries the actions out; nothing here does I/O.

::

    by_phone ──► NeedPhone ──► NeedCode ──► NeedPassword ──► Done
    by_qr ─────────► ShowQr ──────┴────────────┴──────┬────► Failed
    by_bot_token ──► AsBot ───────────────────────────┘

Telegram's side: core.telegram.org/api/auth, /api/qr-login, /api/srp.
"""

from __future__ import annotations

from dataclasses import replace

from telekeep.errors import ConfigError, LoginRefused, MaybeDone, TelekeepError
from telekeep.login.states import (
    Action,
    AsBot,
    AskCode,
    AskPassword,
    AskPhone,
    CheckPassword,
    CodeGiven,
    CodeSent,
    Done,
    Event,
    Failed,
    FetchHint,
    FollowToken,
    HintFetched,
    ImportBot,
    IssueToken,
    LineLost,
    LoggedIn,
    NeedCode,
    NeedPassword,
    NeedPhone,
    NewCodeDeclined,
    NewCodeWanted,
    OfferNewCode,
    PasswordGiven,
    PhoneGiven,
    QrWanted,
    Refused,
    ResendCode,
    ResendWanted,
    SendCode,
    Sent,
    ShowQr,
    ShowToken,
    SignIn,
    SignUpWanted,
    State,
    TokenIssued,
    TokenMoved,
    TokenRanOut,
    TokenScanned,
)
from telekeep.settings import parse_phone

TRIES = 3  # wrong answers to one question; Telegram's own limits come soon after
SENDINGS = 3  # codes of one login, the first included
TOKENS = 10  # QR codes of one login, about thirty seconds each

Move = tuple[State, Action | None]


def by_phone() -> Move:
    """Begin with a phone number."""
    return NeedPhone(), AskPhone()


def by_qr() -> Move:
    """Begin with a QR code."""
    return ShowQr(), IssueToken(first=True)


def by_bot_token() -> Move:
    """Begin with a bot's token."""
    return AsBot(), ImportBot()


def step(state: State, event: Event) -> Move:
    """What follows on ``event`` in ``state``: the next state, and the action to take (None at the end).

    Raises AssertionError for an event that cannot happen in that state: a fault of ours.
    """
    match state, event:
        case _, LoggedIn(user):
            return Done(user), None
        case _, SignUpWanted() | Refused("PHONE_NUMBER_UNOCCUPIED"):
            return _no_account()
        case NeedPhone(), PhoneGiven(phone):
            move: Move | None = _phone_given(state, phone)
        case NeedCode(), _:
            move = _code_move(state, event)
        case NeedPassword(), _:
            move = _password_move(state, event)
        case ShowQr(), _:
            move = _qr_move(state, event)
        case AsBot(), Refused(name):
            move = _fail(f"Telegram refused the bot token ({name}).", remedy="Copy it again from @BotFather.")
        case _:
            move = None
    if move is not None:
        return move
    if isinstance(event, Refused):
        return _fail(f"Telegram refused this login ({event.name}).")
    raise AssertionError(f"{type(event).__name__} cannot happen in {type(state).__name__}")


def _phone_given(state: NeedPhone, typed: str) -> Move:
    phone = digits_of(typed)
    if phone is None:
        return _ask_phone_again(state.tries)
    return NeedCode(phone, phone_tries=state.tries), SendCode(phone)


def _ask_phone_again(tries: int) -> Move:
    problem = "That is no phone number Telegram knows: write it with its country code, like +14155552671."
    if tries + 1 >= TRIES:
        return _fail(problem, remedy="Look the number up in your Telegram app under Settings, and try again.")
    return NeedPhone(tries + 1), AskPhone(problem)


def _code_move(state: NeedCode, event: Event) -> Move | None:
    match event:
        case CodeSent(sent):
            return replace(state, sent=sent), AskCode(sent)
        case QrWanted():
            return by_qr()
        case Refused("PHONE_NUMBER_INVALID"):
            return _ask_phone_again(state.phone_tries)
        case Refused("SESSION_PASSWORD_NEEDED"):
            return NeedPassword(), FetchHint()
        case NewCodeDeclined():
            return _fail("That code has expired, and no new one was asked for.")
        case NewCodeWanted():
            return _send_again(state)
    if state.sent is None:  # asked for, not answered
        match event:
            case LineLost():
                return _send_again(state, MaybeDone("The line was lost while the code was asked for, more than once."))
            case Refused("AUTH_RESTART"):
                return _send_again(state)
    else:
        match event:
            case CodeGiven(code):
                return _code_given(state, state.sent, code)
            case ResendWanted(waited):
                return _resend(state, state.sent, waited)
            case Refused("SEND_CODE_UNAVAILABLE"):
                sent = replace(state.sent, next_kind=None)
                return replace(state, sent=sent), AskCode(sent, "Telegram has no other way to send it.")
            case Refused("PHONE_CODE_INVALID" | "PHONE_CODE_EMPTY"):
                return _wrong_code(state, state.sent, "That is not the code Telegram sent.")
            case Refused("PHONE_CODE_EXPIRED"):
                return state, OfferNewCode(
                    "That code has expired. Codes live for minutes, and end at once when sent on inside Telegram."
                )
            case Refused("AUTH_RESTART"):
                return state, OfferNewCode("Telegram asks to begin this login again.")
            case LineLost():  # while a resend was asked for: the first code may still count
                return state, AskCode(state.sent, "The line was lost: look whether another code arrives.")
    return None


def _code_given(state: NeedCode, sent: Sent, typed: str) -> Move:
    code = typed.strip()
    if sent.digits:
        code = "".join(letter for letter in code if letter not in " -")
        if not code.isascii() or not code.isdigit() or (sent.length and len(code) != sent.length):
            shape = f"{sent.length} digits" if sent.length else "digits only"
            return _wrong_code(state, sent, f"That cannot be it: the code has {shape}.")
    if not code:
        return _wrong_code(state, sent, "That was empty.")
    return state, SignIn(state.phone, sent, code)


def _wrong_code(state: NeedCode, sent: Sent, problem: str) -> Move:
    if state.tries + 1 >= TRIES:
        return _fail(
            f"{problem} That was the last of {TRIES} tries.",
            remedy="Wait for the next code, or use --qr; each try counts against the number's limit.",
        )
    return replace(state, tries=state.tries + 1), AskCode(sent, problem)


def _resend(state: NeedCode, sent: Sent, waited: float) -> Move:
    if sent.next_kind is None:
        return state, AskCode(sent, "Telegram has no other way to send it.")
    if sent.timeout and waited < sent.timeout:
        return state, AskCode(sent, f"Telegram sends it another way in {sent.timeout - waited:.0f} s, not sooner.")
    if state.sendings >= SENDINGS:
        return state, AskCode(sent, f"{SENDINGS} codes were sent already; more would only lock the number.")
    return replace(state, sendings=state.sendings + 1), ResendCode(state.phone, sent)


def _send_again(state: NeedCode, otherwise: TelekeepError | None = None) -> Move:
    if state.sendings >= SENDINGS:
        return Failed(otherwise or _refusal(f"{SENDINGS} codes were sent, and none of them led in.")), None
    return replace(state, sent=None, tries=0, sendings=state.sendings + 1), SendCode(state.phone)


def _password_move(state: NeedPassword, event: Event) -> Move | None:
    match event:
        case HintFetched(hint):
            return replace(state, hint=hint), AskPassword(hint)
        case PasswordGiven(password):
            return state, CheckPassword(password)
        case Refused("PASSWORD_HASH_INVALID" | "PASSWORD_EMPTY"):
            problem = "That is not the two-step verification password of this account."
            if state.tries + 1 >= TRIES:
                return _fail(
                    f"{problem} That was the last of {TRIES} tries.",
                    remedy="Look it up, or reset it in a Telegram app: Settings > Privacy and Security.",
                )
            return replace(state, tries=state.tries + 1), AskPassword(state.hint, problem)
    return None


def _qr_move(state: ShowQr, event: Event) -> Move | None:
    match event:
        case TokenIssued(url, expires):
            if state.shown >= TOKENS:
                return _fail(
                    f"Nobody scanned the QR code in {TOKENS} tries.", remedy="Run it again with your phone at hand."
                )
            return ShowQr(state.shown + 1), ShowToken(url, expires)
        case TokenScanned() | TokenRanOut():
            return state, IssueToken()
        case TokenMoved(dc_id, token):
            return state, FollowToken(dc_id, token)
        case Refused("AUTH_TOKEN_EXPIRED" | "AUTH_TOKEN_INVALID" | "AUTH_TOKEN_INVALIDX" | "AUTH_RESTART"):
            if state.shown >= TOKENS:
                return _fail("Telegram takes none of its own login tokens.")
            return ShowQr(state.shown + 1), IssueToken()
        case Refused("SESSION_PASSWORD_NEEDED"):
            return NeedPassword(), FetchHint()
    return None


def _no_account() -> Move:
    return _fail(
        "No Telegram account has this number.",
        remedy="Check the number; new accounts are made in Telegram's own apps only.",
    )


def _fail(message: str, *, remedy: str | None = None) -> Move:
    return Failed(_refusal(message, remedy)), None


def _refusal(message: str, remedy: str | None = None) -> LoginRefused:
    return LoginRefused(message, remedy=remedy or "Run `telekeep auth NAME` again; nothing was changed.")


def digits_of(phone: str) -> str | None:
    """A phone number as Telegram takes it, digits only, or None if it cannot be one."""
    try:
        return parse_phone(phone).removeprefix("+")
    except ConfigError:
        return None
