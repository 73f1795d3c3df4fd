"""Phone number and code: auth.sendCode, auth.resendCode, auth.signIn (core.telegram.org/api/auth)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telekeep.errors import LoginRefused
from telekeep.login.doubt import sign_on
from telekeep.login.states import CodeSent, Event, LoggedIn, Sent
from telekeep.mtproto.schema import functions, types
from telekeep.secret import Secret
from telekeep.upstream.fresh import Fresh, user_of

# How Telegram says it has sent a code: TL class → short name and words. What a class of a newer schema means is said by
# its name. Firebase is missing: only Telegram's own apps can read that one.
_WAYS = {
    "SentCodeTypeApp": ("app", "to the Telegram app on a device where this account is logged in"),
    "SentCodeTypeSms": ("sms", "by SMS"),
    "SentCodeTypeCall": ("call", "by a phone call that reads it out"),
    "SentCodeTypeFlashCall": ("flash-call", "by a flash call: the code is the calling number, which begins {pattern}"),
    "SentCodeTypeMissedCall": ("missed-call", "by a missed call: the last {length} digits of the number {prefix}…"),
    "SentCodeTypeEmailCode": ("email", "by e-mail to {email_pattern}"),
    "SentCodeTypeFragmentSms": ("fragment", "to Fragment, where this number was bought: {url}"),
    "SentCodeTypeSmsWord": ("word", "by SMS, as a word"),
    "SentCodeTypeSmsPhrase": ("phrase", "by SMS, as a phrase"),
}
_NEXT = {
    "CodeTypeSms": "SMS",
    "CodeTypeCall": "a phone call",
    "CodeTypeFlashCall": "a flash call",
    "CodeTypeMissedCall": "a missed call",
    "CodeTypeFragmentSms": "Fragment",
}
_IN_WORDS = frozenset({"word", "phrase"})


async def send_code(fresh: Fresh, phone: str, tokens: Sequence[Secret] = ()) -> Event:
    """Ask Telegram to send a code. The budget must have been asked before.

    ``tokens``: of earlier logins of this account; Telegram may let us in for one of them, without a code.
    """
    application = fresh.application
    settings = types.CodeSettings(logout_tokens=[each.reveal() for each in tokens] or None)
    request = functions.auth.SendCodeRequest(
        phone, application.api_id, application.api_hash.reveal().decode(), settings
    )
    return _sent(await fresh.ask(request))


async def resend_code(fresh: Fresh, phone: str, sent: Sent) -> Event:
    """Ask Telegram to send the code another way."""
    return _sent(await fresh.ask(functions.auth.ResendCodeRequest(phone, sent.code_hash)))


async def sign_in(fresh: Fresh, phone: str, sent: Sent, code: str) -> Event:
    """Give the code back."""
    given: dict[str, Any] = {"phone_code": code}
    if sent.kind == "email":
        given = {"email_verification": types.EmailVerificationCode(code)}
    return await sign_on(fresh, lambda: functions.auth.SignInRequest(phone, sent.code_hash, **given))


def _sent(answer: Any) -> Event:
    match answer:
        case types.auth.SentCode():
            return CodeSent(describe(answer))
        case types.auth.SentCodeSuccess():  # logged in without a code, for a token of an earlier login
            return LoggedIn(user_of(answer.authorization.user))
    raise LoginRefused(  # auth.sentCodePaymentRequired, and whatever comes after it
        f"Telegram wants something of this number that only its own apps can do ({type(answer).__name__}).",
        remedy="Log in with --qr, from an app where the account is already logged in.",
    )


def describe(answer: Any) -> Sent:
    """Where a code went, in words. Raises LoginRefused if nobody but an official app can read or receive it."""
    name = type(answer.type).__name__
    if name == "SentCodeTypeSetUpEmailRequired":
        raise LoginRefused(
            "Telegram wants this account to have a login e-mail before it sends a code.",
            remedy="Set it up in a Telegram app (Settings > Privacy and Security), or log in with --qr.",
        )
    if name not in _WAYS:
        raise LoginRefused(
            f"Telegram sent the code in a way that only its own apps can read ({name.removeprefix('SentCodeType')}).",
            remedy="Log in with --qr, from an app where the account is already logged in.",
        )
    kind, words = _WAYS[name]
    next_type = type(answer.next_type).__name__
    return Sent(
        kind=kind,
        where=words.format_map(vars(answer.type)),
        code_hash=answer.phone_code_hash,
        length=getattr(answer.type, "length", None) or None,
        next_kind=_NEXT.get(next_type),
        timeout=answer.timeout,
        digits=kind not in _IN_WORDS,
    )
