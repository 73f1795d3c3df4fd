"""Where Telegram says it sent the code: every way it has, in words, and those that only its own apps can read."""

from __future__ import annotations

from typing import Any, cast

import pytest

from login.desk import APPLICATION
from telekeep.errors import LoginRefused
from telekeep.login import phone
from telekeep.login.states import CodeSent, LoggedIn
from telekeep.mtproto.schema import types
from telekeep.session.model import User
from telekeep.upstream.fresh import Fresh

A = types.auth


class Answers:
    """Stands for a connection on which Telegram answers ``answer``; ``asked`` is the request."""

    application = APPLICATION

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: Any = None

    async def ask(self, request: Any, *, repeat: bool = False) -> Any:
        self.asked = request
        return self.answer


async def sent(kind: Any, **more: Any) -> Any:
    answers = Answers(A.SentCode(type=kind, phone_code_hash="hash", **more))
    return await phone.send_code(cast(Fresh, answers), "9996621234")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (A.SentCodeTypeApp(5), "on a device where this account is logged in"),
        (A.SentCodeTypeSms(5), "by SMS"),
        (A.SentCodeTypeCall(5), "phone call"),
        (A.SentCodeTypeFlashCall("+1415"), "which begins +1415"),
        (A.SentCodeTypeMissedCall("+1415", 6), "the last 6 digits of the number +1415"),
        (A.SentCodeTypeEmailCode("a***@x.org", 6), "by e-mail to a***@x.org"),
        (A.SentCodeTypeFragmentSms("https://fragment.com/x", 5), "https://fragment.com/x"),
        (A.SentCodeTypeSmsWord(), "as a word"),
        (A.SentCodeTypeSmsPhrase(), "as a phrase"),
    ],
)
async def test_where_the_code_went_is_said_in_words(kind: Any, words: str) -> None:
    event = await sent(kind, next_type=A.CodeTypeCall(), timeout=30)
    assert isinstance(event, CodeSent)
    assert words in event.sent.where
    assert "{" not in event.sent.where
    assert (event.sent.next_kind, event.sent.timeout) == ("a phone call", 30)
    assert event.sent.digits != isinstance(kind, A.SentCodeTypeSmsWord | A.SentCodeTypeSmsPhrase)


@pytest.mark.parametrize("kind", [A.SentCodeTypeFirebaseSms(5), A.SentCodeTypeSetUpEmailRequired()])
async def test_a_code_nobody_can_read_points_to_the_qr_code(kind: Any) -> None:
    with pytest.raises(LoginRefused) as refused:
        await sent(kind)
    assert "--qr" in (refused.value.remedy or "")


async def test_being_logged_in_without_a_code_is_a_success() -> None:
    """Telethon raises RuntimeError("logged in right after sending the code") here."""
    authorization = A.Authorization(user=types.User(id=7, username="ada"))
    answers = Answers(A.SentCodeSuccess(authorization=authorization))
    assert await phone.send_code(cast(Fresh, answers), "9996621234") == LoggedIn(User(7, False, "ada"))


async def test_a_code_sent_by_e_mail_goes_back_as_such() -> None:
    event = await sent(A.SentCodeTypeEmailCode("a***@x.org", 6))
    answers = Answers(A.Authorization(user=types.User(id=7)))
    await phone.sign_in(cast(Fresh, answers), "9996621234", event.sent, "123456")
    assert answers.asked.phone_code is None
    assert answers.asked.email_verification.code == "123456"
