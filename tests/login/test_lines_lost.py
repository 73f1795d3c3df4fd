"""A line lost in the middle of a login: nothing is done twice that must not be, and nothing that was done is lost."""

from __future__ import annotations

import pytest

from login.desk import Desk
from telekeep.emulator import Emulator
from telekeep.errors import LoginBudgetSpent, MaybeDone, TelegramNetworkError
from telekeep.login import flow
from telekeep.login.budget import CODES_PER_DAY
from telekeep.login.prompt import Question
from telekeep.secret import Secret
from telekeep.testing.fakes import ManualClock

PHONE, CODE = "9996621234", "22222"
BOT_TOKEN = "123456789:AAE-thisisnotarealtokenatall_12345"
ANSWERS = [(Question.PHONE, PHONE), (Question.CODE, CODE), (Question.PASSWORD, "correct horse")]


@pytest.mark.parametrize("method", ["auth.signIn", "auth.checkPassword", "account.getPassword", "users.getUsers"])
@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
async def test_a_login_goes_on_after_its_line_was_lost_and_happens_once(
    desk: Desk, telegram: Emulator, method: str, kind: str
) -> None:
    ada = telegram.add_account(PHONE, password="correct horse")
    telegram.fault(kind, method=method)
    user = await desk.log_in(ANSWERS)
    assert user.id == ada.id
    assert telegram.stats.logins == telegram.stats.codes_sent == 1
    assert len(telegram.authorizations(ada)) == 1
    assert telegram.stats.overlap == 0


@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
async def test_a_code_asked_for_when_the_line_was_lost_counts_and_is_asked_for_again(
    desk: Desk, telegram: Emulator, kind: str
) -> None:
    """Telethon itself would send the request again without a word: a second code that nobody counted."""
    telegram.add_account(PHONE)
    telegram.fault(kind, method="auth.sendCode")
    await desk.log_in(ANSWERS[:2])
    assert telegram.stats.codes_sent == (2 if kind == "drop-after" else 1)
    for _ in range(CODES_PER_DAY - 2):
        desk.budget.count_code(f"{telegram.network.name} phone {PHONE}")
    with pytest.raises(LoginBudgetSpent):
        desk.budget.count_code(f"{telegram.network.name} phone {PHONE}")


async def test_a_line_that_is_lost_each_time_ends_the_login(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE)
    telegram.fault("drop-before", method="auth.sendCode", times=10)
    with pytest.raises(MaybeDone):
        await desk.log_in(ANSWERS[:1])


async def test_a_line_lost_while_the_code_is_looked_for_is_taken_up_again(desk: Desk, telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE)

    async def outage(_shown: object) -> str:
        await telegram.stop()
        await telegram.start()
        return CODE

    user = await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, outage)])
    assert user.id == ada.id
    assert telegram.stats.codes_sent == 1


async def test_a_bot_login_whose_answer_was_lost_is_not_made_twice(desk: Desk, telegram: Emulator) -> None:
    bot = telegram.add_account(bot_token=BOT_TOKEN)
    telegram.fault("drop-after", method="auth.importBotAuthorization")
    user = await desk.log_in([], begin=flow.by_bot_token(), token=Secret(BOT_TOKEN.encode()))
    assert user.id == bot.id
    assert telegram.stats.logins == 1


async def test_no_telegram_at_all_is_a_network_error_with_advice(
    desk: Desk, telegram: Emulator, clock: ManualClock
) -> None:
    """000-8: what is wrong and where, "Please try again", and what to check."""
    home = telegram.network.first_dc
    await telegram.stop()
    with pytest.raises(TelegramNetworkError, match=f"Telegram at {home.host}:{home.port} refuses") as refused:
        await desk.log_in(ANSWERS[:1])
    assert "Please try again" in (refused.value.remedy or "")
