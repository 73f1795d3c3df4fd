"""Answers known beforehand, and nobody there to ask."""

from __future__ import annotations

import pytest

from telekeep.errors import ConfigError, LoginRefused, NeedsLogin, PasswordNeeded, TelekeepError
from telekeep.login.prompt import Given, Question, Unattended, Wish
from telekeep.login.states import Sent
from telekeep.secret import Secret
from telekeep.testing.fakes import ScriptedPrompt

APP = Sent("app", "to the app", "hash", length=5)


async def test_a_given_answer_is_used_once_and_then_somebody_is_asked() -> None:
    asked = ScriptedPrompt([(Question.PHONE, "2"), (Question.CODE, "22222"), (Question.PASSWORD, "right")])
    prompt = Given(asked, phone="1", code="11111", password=Secret(b"wrong"))
    assert await prompt.phone() == "1"
    assert await prompt.phone("not that one") == "2"
    assert await prompt.code(APP) == "11111"
    assert await prompt.code(APP, "not that one") == "22222"
    assert await prompt.password("hint") == Secret(b"wrong")
    assert await prompt.password("hint", "not that one") == Secret(b"right")


async def test_where_a_code_went_is_told_even_if_it_was_given_beforehand() -> None:
    asked = ScriptedPrompt()
    await Given(asked, code="11111").code(APP)
    assert asked.told == ["Telegram sent the code to the app."]


@pytest.mark.parametrize(
    ("question", "kind", "flag"),
    [
        ("phone", ConfigError, "--phone"),
        ("code", NeedsLogin, "--code"),
        ("password", PasswordNeeded, "--password-file"),
        ("bot_token", ConfigError, "--bot-token-file"),
        ("api_id", ConfigError, "TELEGRAM_API_ID"),
        ("api_hash", ConfigError, "TELEGRAM_API_HASH"),
    ],
)
async def test_nobody_there_is_an_error_that_names_what_would_have_answered(
    question: str, kind: type[TelekeepError], flag: str
) -> None:
    """003-F1, X-3: no code path ends in input()."""
    arguments = {"code": (APP,), "password": ("hint",)}.get(question, ())
    with pytest.raises(kind) as refused:
        await getattr(Unattended(), question)(*arguments)
    assert flag in (refused.value.remedy or "")


async def test_a_given_answer_that_was_wrong_is_called_wrong_and_not_missing() -> None:
    prompt = Given(Unattended(), phone="1", code="2", password=Secret(b"3"))
    for question, first in (("phone", ()), ("code", (APP,)), ("password", (None,))):
        await getattr(prompt, question)(*first)
        with pytest.raises(LoginRefused, match="That is not it"):
            await getattr(prompt, question)(*first, "That is not it.")


async def test_a_prompt_knows_what_it_can_answer() -> None:
    assert not Given(Unattended()).can(Question.CODE)
    assert Given(Unattended(), code="1").can(Question.CODE)
    assert not Given(Unattended(), code="1").can(Question.PASSWORD)
    assert Given(ScriptedPrompt()).can(Question.CODE)
    assert not await Given(Unattended()).confirm("Sure?")
    assert await Given(Unattended(), yes=True).confirm("Sure?")


def test_wishes_are_words_and_no_codes() -> None:
    assert not any(str(wish).isdigit() for wish in Wish)
