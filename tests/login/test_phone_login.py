"""Logging in with a phone number, over real MTProto: every answer Telegram may give."""

from __future__ import annotations

import asyncio

import pytest

from login.desk import Desk
from telekeep.emulator import Emulator
from telekeep.errors import (
    AccountBanned,
    FloodWait,
    LoginBudgetSpent,
    LoginCancelled,
    LoginRefused,
    NeedsLogin,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.events import Event, WaitingOut, WaitOver
from telekeep.login.budget import CODES_PER_DAY
from telekeep.login.prompt import Question, Wish
from telekeep.testing.fakes import ManualClock

PHONE, CODE = "9996621234", "22222"
ON_DC_4, CODE_4 = "9996641234", "44444"


async def test_a_number_and_its_code_lead_to_the_account(desk: Desk, telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE, username="ada")
    user = await desk.log_in([(Question.PHONE, "+999 66 2 1234"), (Question.CODE, CODE)])
    assert (user.id, user.username, user.is_bot) == (ada.id, "ada", False)
    assert desk.session is not None
    assert desk.session.user == user
    assert desk.session.network == telegram.network.name
    assert desk.session.state is not None
    assert telegram.authorization_of(desk.session) in telegram.authorizations(ada)
    assert telegram.stats.codes_sent == telegram.stats.logins == 1


async def test_an_account_on_another_data_center_is_followed_there(desk: Desk, telegram: Emulator) -> None:
    bob = telegram.add_account(ON_DC_4)
    user = await desk.log_in([(Question.PHONE, ON_DC_4), (Question.CODE, CODE_4)])
    assert user.id == bob.id
    assert desk.session is not None
    assert desk.session.dc == telegram.network.dc(4)
    assert telegram.stats.codes_sent == 1
    assert telegram.stats.overlap == 0


async def test_where_the_code_went_is_shown(desk: Desk, telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE)
    await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, CODE)])
    (sent, _) = desk.prompt.asked[-1][1]
    assert (sent.kind, sent.where, sent.length) == ("sms", "by SMS", 5)
    telegram.mint(ada)
    await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, CODE)])
    (sent, _) = desk.prompt.asked[-1][1]
    assert sent.kind == "app"
    assert "on a device where this account is logged in" in sent.where
    assert sent.next_kind == "SMS"


async def test_a_wrong_code_is_asked_again_and_costs_no_second_one(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE)
    await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, "11111"), (Question.CODE, CODE)])
    assert desk.problems(Question.CODE) == [None, "That is not the code Telegram sent."]
    assert telegram.stats.codes_sent == 1


async def test_three_wrong_codes_end_the_login(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE)
    with pytest.raises(LoginRefused, match="last of 3"):
        await desk.log_in([(Question.PHONE, PHONE), *[(Question.CODE, "11111")] * 3])
    assert telegram.stats.logins == 0


async def test_an_expired_code_is_replaced_by_one_new_one_if_that_is_wanted(
    desk: Desk, telegram: Emulator, clock: ManualClock
) -> None:
    telegram.add_account(PHONE)

    def late(_shown: object) -> str:
        clock.advance(600)
        return CODE

    await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, late), (Question.CONFIRM, True), (Question.CODE, CODE)])
    assert telegram.stats.codes_sent == 2
    with pytest.raises(LoginRefused, match="expired"):
        await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, late), (Question.CONFIRM, False)])
    assert telegram.stats.codes_sent == 3


async def test_a_code_sent_on_inside_telegram_has_expired_and_the_words_say_why(desk: Desk, telegram: Emulator) -> None:
    """001-F5: forwarding a code inside Telegram ends it (Telethon#97)."""
    ada, bob = telegram.add_account(PHONE), telegram.add_account(ON_DC_4)
    from telekeep.emulator.world.peer import user

    def told_to_a_friend(_shown: object) -> str:
        telegram.world.send_message(ada, user(bob.id), f"my code is {CODE}")
        return CODE

    with pytest.raises(LoginRefused):
        await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, told_to_a_friend), (Question.CONFIRM, False)])
    assert "sent on inside Telegram" in str(desk.prompt.asked[-1][1])


async def test_the_code_may_be_sent_another_way_after_telegrams_wait(
    desk: Desk, telegram: Emulator, clock: ManualClock
) -> None:
    telegram.add_account(PHONE)

    def patient(_shown: object) -> Wish:
        clock.advance(60)
        return Wish.RESEND

    await desk.log_in(
        [(Question.PHONE, PHONE), (Question.CODE, Wish.RESEND), (Question.CODE, patient), (Question.CODE, CODE)]
    )
    kinds = [shown[0].kind for question, shown in desk.prompt.asked if question == Question.CODE]
    assert kinds == ["sms", "sms", "call"]
    assert "60 s" in str(desk.problems(Question.CODE)[1])
    assert telegram.stats.codes_sent == 2


async def test_a_number_telegram_does_not_know_is_asked_again(desk: Desk, telegram: Emulator) -> None:
    """001-9: PhoneNumberInvalidError means the country code is missing."""
    telegram.add_account(PHONE)
    telegram.fault("error", method="auth.sendCode", code=400, message="PHONE_NUMBER_INVALID")
    await desk.log_in([(Question.PHONE, "1511 234567"), (Question.PHONE, PHONE), (Question.CODE, CODE)])
    assert "country code" in str(desk.problems(Question.PHONE)[1])


async def test_a_number_without_an_account_is_said_to_have_none(desk: Desk) -> None:
    with pytest.raises(LoginRefused, match="No Telegram account has this number"):
        await desk.log_in([(Question.PHONE, "9996629999"), (Question.CODE, CODE)])


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (400, "PHONE_NUMBER_BANNED", AccountBanned),
        (420, "FLOOD_WAIT_79200", FloodWait),
        (400, "API_ID_INVALID", TelekeepError),
        (500, "SOMETHING_INTERNAL", TelegramNetworkError),
    ],
)
async def test_what_a_login_cannot_go_on_from_ends_it_by_name(
    desk: Desk, telegram: Emulator, code: int, message: str, kind: type[TelekeepError]
) -> None:
    telegram.add_account(PHONE)
    telegram.fault("error", method="auth.sendCode", code=code, message=message)
    with pytest.raises(kind):
        await desk.log_in([(Question.PHONE, PHONE)])
    assert telegram.stats.codes_sent == 0


async def test_a_flood_is_remembered_and_telegram_is_not_asked_again(
    desk: Desk, telegram: Emulator, clock: ManualClock
) -> None:
    """003-F2, 003-14: the deadline survives the attempt, and nobody calls before it."""
    telegram.add_account(PHONE)
    telegram.fault("flood", method="auth.sendCode", seconds=79_200)
    with pytest.raises(FloodWait) as flood:
        await desk.log_in([(Question.PHONE, PHONE)])
    assert flood.value.seconds == 79_200
    asked = telegram.stats.rpc
    with pytest.raises(LoginBudgetSpent) as refused:
        await desk.log_in([(Question.PHONE, PHONE)])
    assert refused.value.until == pytest.approx(clock.wall() + 79_200)
    assert telegram.stats.rpc == asked
    clock.advance(79_200)
    await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, CODE)])


async def test_a_short_flood_is_waited_out_in_the_open_and_its_code_counts_once(
    desk: Desk, telegram: Emulator, clock: ManualClock
) -> None:
    telegram.add_account(PHONE)
    heard: list[Event] = []
    desk.events.listen(heard.append)
    for _ in range(CODES_PER_DAY):
        telegram.fault("flood", method="auth.sendCode", seconds=42)
        login = asyncio.create_task(desk.log_in([(Question.PHONE, PHONE), (Question.CODE, CODE)], patience=60.0))
        async with asyncio.timeout(30):
            await clock.until_sleeping()
        (waiting,) = heard
        assert isinstance(waiting, WaitingOut) and (waiting.seconds, waiting.method) == (42, "auth.sendCode")
        clock.advance(42)
        await login
        assert isinstance(heard[-1], WaitOver)
        heard.clear()
    assert telegram.stats.codes_sent == CODES_PER_DAY, "each try cost one, not two"
    with pytest.raises(LoginBudgetSpent):
        await desk.log_in([(Question.PHONE, PHONE)])


async def test_a_flood_longer_than_the_patience_is_said_at_once(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE)
    telegram.fault("flood", method="auth.sendCode", seconds=61)
    with pytest.raises(FloodWait):
        await desk.log_in([(Question.PHONE, PHONE)], patience=60.0)


async def test_a_number_telegram_calls_flooded_is_left_alone_for_a_day(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE)
    telegram.fault("error", method="auth.sendCode", code=400, message="PHONE_NUMBER_FLOOD")
    with pytest.raises(TelegramRateLimitError):
        await desk.log_in([(Question.PHONE, PHONE)])
    with pytest.raises(LoginBudgetSpent) as refused:
        await desk.log_in([(Question.PHONE, PHONE)])
    assert refused.value.seconds == pytest.approx(86_400)


async def test_the_sixth_code_of_a_day_is_refused_before_telegram_is_asked(desk: Desk, telegram: Emulator) -> None:
    """001-F5, X-3. The emulator answers FLOOD_WAIT to a sixth, as Telegram does; it is never asked."""
    telegram.add_account(PHONE)
    for _ in range(CODES_PER_DAY):
        with pytest.raises(LoginCancelled):
            await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, LoginCancelled)])
    seen = (telegram.stats.rpc, telegram.stats.connections, telegram.stats.handshakes)
    with pytest.raises(LoginBudgetSpent):
        await desk.log_in([(Question.PHONE, PHONE)])
    assert (telegram.stats.rpc, telegram.stats.connections, telegram.stats.handshakes) == seen
    assert telegram.stats.codes_sent == CODES_PER_DAY


async def test_no_code_is_asked_for_that_nobody_could_type(desk: Desk, telegram: Emulator) -> None:
    """003-F1: a worker asked for a code every four minutes until a flood of 22 hours."""
    telegram.add_account(PHONE)
    with pytest.raises(NeedsLogin) as refused:
        await desk.log_in([(Question.PHONE, PHONE)], cannot=[Question.CODE])
    assert "--code" in (refused.value.remedy or "")
    assert telegram.stats.codes_sent == telegram.stats.connections == 0


@pytest.mark.parametrize("question", [Question.PHONE, Question.CODE])
async def test_ctrl_c_at_a_question_leaves_no_authorization(desk: Desk, telegram: Emulator, question: Question) -> None:
    ada = telegram.add_account(PHONE)
    answers = [(Question.PHONE, PHONE), (Question.CODE, CODE)]
    place = [asked for asked, _ in answers].index(question)
    with pytest.raises(LoginCancelled):
        await desk.log_in([*answers[:place], (question, LoginCancelled)])
    assert telegram.authorizations(ada) == []
    assert telegram.stats.logins == 0
