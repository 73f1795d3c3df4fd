"""Two-step verification, QR codes and bot tokens, over real MTProto."""

from __future__ import annotations

import asyncio
import os

import pytest

from login.desk import Desk, Device
from telekeep.emulator import Emulator
from telekeep.emulator.front import Front
from telekeep.errors import ConfigError, FloodWait, LoginBudgetSpent, LoginCancelled, LoginRefused
from telekeep.login import flow
from telekeep.login.prompt import Question, Wish
from telekeep.login.runner import QR_WARNING
from telekeep.mtproto import exchange
from telekeep.mtproto.schema import DH_G, DH_PRIME
from telekeep.secret import Secret
from telekeep.testing.fakes import ManualClock

PHONE, CODE = "9996621234", "22222"
ON_DC_4, CODE_ON_DC_4 = "9996641234", "44444"
BOT_TOKEN = "123456789:AAE-thisisnotarealtokenatall_12345"
TO_THE_PASSWORD = [(Question.PHONE, PHONE), (Question.CODE, CODE)]


async def test_the_password_is_asked_for_with_its_hint_and_proved_without_being_sent(
    desk: Desk, telegram: Emulator
) -> None:
    ada = telegram.add_account(PHONE, password="correct horse")
    user = await desk.log_in([*TO_THE_PASSWORD, (Question.PASSWORD, "correct horse")])
    assert user.id == ada.id


async def test_a_wrong_password_is_asked_again_without_a_new_code(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE, password="correct horse")
    await desk.log_in([*TO_THE_PASSWORD, (Question.PASSWORD, "battery"), (Question.PASSWORD, "correct horse")])
    assert "not the two-step verification password" in str(desk.problems(Question.PASSWORD)[1])
    assert telegram.stats.codes_sent == 1


async def test_three_wrong_passwords_end_the_login(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE, password="correct horse")
    with pytest.raises(LoginRefused, match="last of 3"):
        await desk.log_in([*TO_THE_PASSWORD, *[(Question.PASSWORD, "battery")] * 3])
    assert telegram.stats.logins == 0


async def test_parameters_that_went_out_of_date_are_fetched_again(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(PHONE, password="correct horse")
    telegram.fault("error", method="auth.checkPassword", code=400, message="SRP_ID_INVALID")
    await desk.log_in([*TO_THE_PASSWORD, (Question.PASSWORD, "correct horse")])
    assert desk.problems(Question.PASSWORD) == [None]


async def test_ctrl_c_at_the_password_leaves_no_authorization(desk: Desk, telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE, password="correct horse")
    with pytest.raises(LoginCancelled):
        await desk.log_in([*TO_THE_PASSWORD, (Question.PASSWORD, LoginCancelled)])
    assert telegram.authorizations(ada) == []


# ---- QR codes


def scanned_by(device: Device) -> tuple[Question, object]:
    async def scan(shown: tuple[str, float]) -> None:
        await device.scan(shown[0])

    return Question.SCAN, scan


async def test_a_scanned_qr_code_leads_to_the_account_without_a_code(desk: Desk, telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE)
    phone = Device(telegram.mint(ada))
    user = await desk.log_in([scanned_by(phone)], begin=flow.by_qr())
    assert user.id == ada.id
    assert telegram.stats.codes_sent == 0
    assert QR_WARNING in desk.prompt.told
    assert len(telegram.authorizations(ada)) == 2


async def test_a_qr_code_scanned_for_an_account_elsewhere_is_followed_there(desk: Desk, telegram: Emulator) -> None:
    bob = telegram.add_account(ON_DC_4)
    user = await desk.log_in([scanned_by(Device(telegram.mint(bob)))], begin=flow.by_qr())
    assert user.id == bob.id
    assert desk.session is not None
    assert desk.session.dc.id == 4


@pytest.mark.parametrize("begin", [flow.by_qr(), flow.by_phone()], ids=["qr", "phone"])
async def test_the_first_key_at_another_data_center_may_be_refused(
    desk: Desk, telegram: Emulator, monkeypatch: pytest.MonkeyPatch, begin: flow.Move
) -> None:
    """One key in 256 begins with a zero byte: the server answers dh_gen_retry, which Telethon takes for a failure."""
    bob = telegram.add_account(ON_DC_4)
    met: list[bytes] = []
    monkeypatch.setattr(Front, "taken", lambda self, key: self.dc_id == 4 and met.append(key) is None and len(met) == 1)
    script: list[tuple[Question, object]] = [(Question.PHONE, ON_DC_4), (Question.CODE, CODE_ON_DC_4)]
    if begin == flow.by_qr():
        script = [scanned_by(Device(telegram.mint(bob)))]
    _no_key_begins_with_a_zero(monkeypatch)  # by chance: Telethon would refuse the second one, and it tries no third
    user = await desk.log_in(script, begin=begin)
    assert user.id == bob.id
    assert len(met) == 2


def _no_key_begins_with_a_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's secret is known, and so the client's can be chosen. Other random numbers stay what they are."""
    size_of_secret, secret = exchange._EXPONENT_BITS, 1 << (exchange._EXPONENT_BITS - 1)
    g_a = pow(DH_G, secret, DH_PRIME)
    drawn = (b for b in range(1 << 80, 1 << 81) if pow(g_a, b, DH_PRIME) >> 2040)
    genuine, bits_of = os.urandom, exchange.secrets.randbits
    monkeypatch.setattr(exchange.secrets, "randbits", lambda bits: secret if bits == size_of_secret else bits_of(bits))
    monkeypatch.setattr(os, "urandom", lambda size: next(drawn).to_bytes(256, "big") if size == 256 else genuine(size))


@pytest.mark.parametrize("phone", [PHONE, ON_DC_4])
async def test_a_scanned_qr_code_still_needs_the_password(desk: Desk, telegram: Emulator, phone: str) -> None:
    ada = telegram.add_account(phone, password="correct horse")
    device = Device(telegram.mint(ada))
    user = await desk.log_in([scanned_by(device), (Question.PASSWORD, "correct horse")], begin=flow.by_qr())
    assert user.id == ada.id


async def test_a_qr_code_that_ran_out_is_shown_anew(desk: Desk, telegram: Emulator, clock: ManualClock) -> None:
    ada = telegram.add_account(PHONE)
    login = asyncio.ensure_future(
        desk.log_in([(Question.SCAN, None), scanned_by(Device(telegram.mint(ada)))], begin=flow.by_qr())
    )
    await clock.until_sleeping()
    clock.advance(31)
    assert (await login).id == ada.id
    first, second = (shown[0] for _, shown in desk.prompt.asked)
    assert first != second


async def test_a_qr_code_nobody_scans_ends_after_ten(desk: Desk, clock: ManualClock) -> None:
    login = asyncio.ensure_future(desk.log_in([(Question.SCAN, None)] * flow.TOKENS, begin=flow.by_qr()))
    for _ in range(flow.TOKENS):
        await clock.until_sleeping()
        clock.advance(31)
        await asyncio.sleep(0)
    with pytest.raises(LoginRefused, match="Nobody scanned"):
        await login


async def test_at_the_code_a_qr_code_may_be_wished_for_instead(desk: Desk, telegram: Emulator) -> None:
    ada = telegram.add_account(PHONE)
    device = Device(telegram.mint(ada))
    user = await desk.log_in([(Question.PHONE, PHONE), (Question.CODE, Wish.QR), scanned_by(device)])
    assert user.id == ada.id


async def test_qr_logins_are_no_codes_but_their_floods_are_remembered(desk: Desk, telegram: Emulator) -> None:
    telegram.fault("flood", method="auth.exportLoginToken", seconds=500)
    with pytest.raises(FloodWait):
        await desk.log_in([], begin=flow.by_qr())
    with pytest.raises(LoginBudgetSpent):
        await desk.log_in([], begin=flow.by_qr())
    telegram.add_account(PHONE)
    await desk.log_in(TO_THE_PASSWORD)


# ---- bots


async def test_a_bot_logs_in_with_its_token(desk: Desk, telegram: Emulator) -> None:
    bot = telegram.add_account(bot_token=BOT_TOKEN, username="ada_bot")
    user = await desk.log_in([], begin=flow.by_bot_token(), token=Secret(BOT_TOKEN.encode()))
    assert (user.id, user.is_bot) == (bot.id, True)


async def test_a_bot_elsewhere_is_followed_there(desk: Desk, telegram: Emulator) -> None:
    telegram.add_account(bot_token=BOT_TOKEN, home_dc=4)
    await desk.log_in([(Question.BOT_TOKEN, BOT_TOKEN)], begin=flow.by_bot_token())
    assert desk.session is not None
    assert desk.session.dc.id == 4


@pytest.mark.parametrize("name", ["ACCESS_TOKEN_INVALID", "ACCESS_TOKEN_EXPIRED"])
async def test_a_refused_bot_token_is_named_and_not_shown(desk: Desk, telegram: Emulator, name: str) -> None:
    telegram.fault("error", method="auth.importBotAuthorization", code=400, message=name)
    with pytest.raises(LoginRefused) as refused:
        await desk.log_in([], begin=flow.by_bot_token(), token=Secret(BOT_TOKEN.encode()))
    assert name in refused.value.message
    assert BOT_TOKEN not in str(vars(refused.value)) + refused.value.message


async def test_what_is_no_bot_token_is_not_sent(desk: Desk, telegram: Emulator) -> None:
    with pytest.raises(ConfigError) as refused:
        await desk.log_in([(Question.BOT_TOKEN, "my-secret-token")], begin=flow.by_bot_token())
    assert "my-secret-token" not in refused.value.message
    assert telegram.stats.connections == 0
