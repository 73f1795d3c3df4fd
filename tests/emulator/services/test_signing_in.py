from __future__ import annotations

from typing import Any

import pytest
from telethon import password as client_side

from emulator.services.bench import Bench, Device
from telekeep.mtproto.schema import functions, types

ADA, BOB_ON_4 = "9996621234", "9996641234"
auth = functions.auth


def send_code(phone: str = ADA, tokens: list[bytes] | None = None) -> Any:
    settings = types.CodeSettings(logout_tokens=tokens)
    return auth.SendCodeRequest(phone_number=phone, api_id=1, api_hash="any", settings=settings)


def sign_in(device: Device, code: str = "22222", phone: str = ADA) -> Any:
    sent = device(send_code(phone))
    return auth.SignInRequest(phone_number=phone, phone_code_hash=sent.phone_code_hash, phone_code=code)


def prove(device: Device, words: str) -> Any:
    return client_side.compute_check(device(functions.account.GetPasswordRequest()), words)


def test_a_code_opens_the_account(bench: Bench) -> None:
    account = bench.world.add_account(ADA, first_name="Ada")
    device = bench.device()
    answer = device(sign_in(device))
    assert (answer.user.id, answer.user.is_self, answer.user.phone) == (account.id, True, ADA)
    assert device.authorization.is_logged_in
    assert (bench.stats.codes_sent, bench.stats.logins) == (1, 1)


def test_a_wrong_code_opens_nothing(bench: Bench) -> None:
    bench.world.add_account(ADA)
    device = bench.device()
    assert device.refused(sign_in(device, "11111")) == "PHONE_CODE_INVALID"
    assert not device.authorization.is_logged_in
    assert bench.stats.logins == 0


def test_without_a_device_the_code_comes_by_sms_and_says_how_long_it_is(bench: Bench) -> None:
    bench.world.add_account(ADA)
    sent = bench.device()(send_code())
    assert isinstance(sent.type, types.auth.SentCodeTypeSms) and sent.type.length == 5
    assert isinstance(sent.next_type, types.auth.CodeTypeCall)


def test_with_a_device_it_comes_by_the_app_and_is_no_message_of_the_account(bench: Bench) -> None:
    account = bench.world.add_account(ADA, messages=5)
    phone = bench.device(account)
    sent = bench.device()(send_code())
    assert isinstance(sent.type, types.auth.SentCodeTypeApp)
    [notice] = phone.updates[0].updates
    assert isinstance(notice, types.UpdateServiceNotification) and "22222" in notice.message
    assert sum(len(dialog.messages) for dialog in account.box.dialogs.values()) == 5
    assert account.box.pts == 6


def test_a_resent_code_comes_by_sms_and_keeps_its_hash(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    bench.device(account)
    device = bench.device()
    sent = device(send_code())
    again = device(auth.ResendCodeRequest(phone_number=ADA, phone_code_hash=sent.phone_code_hash))
    assert isinstance(again.type, types.auth.SentCodeTypeSms)
    assert again.phone_code_hash == sent.phone_code_hash


def test_a_number_is_sent_to_its_own_data_center(bench: Bench) -> None:
    bench.world.add_account(BOB_ON_4)
    assert bench.device(dc=2).refused(send_code(BOB_ON_4)) == "PHONE_MIGRATE_4"
    assert bench.device(dc=4)(send_code(BOB_ON_4))
    assert bench.stats.codes_sent == 1


def test_a_number_without_an_account_is_sent_there_as_well(bench: Bench) -> None:
    assert bench.device(dc=4).refused(send_code(ADA)) == "PHONE_MIGRATE_2"


def test_a_number_that_is_none_and_a_banned_one_get_no_code(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    assert bench.device().refused(send_code("12")) == "PHONE_NUMBER_INVALID"
    bench.world.ban(account.id)
    assert bench.device().refused(send_code()) == "PHONE_NUMBER_BANNED"
    assert bench.stats.codes_sent == 0


def test_a_ban_between_code_and_sign_in_counts(bench: Bench) -> None:
    bench.world.add_account(ADA)
    device = bench.device()
    request = sign_in(device)
    bench.world.ban_number(ADA)
    assert device.refused(request) == "PHONE_NUMBER_BANNED"


def test_a_code_expires_on_the_emulators_clock(bench: Bench) -> None:
    bench.world.add_account(ADA)
    device = bench.device()
    request = sign_in(device)
    bench.clock.advance(301)
    assert device.refused(request) == "PHONE_CODE_EXPIRED"


# ---- signing up


def sign_up(device: Device, code_hash: str, first_name: str = "Eve") -> Any:
    return auth.SignUpRequest(phone_number=ADA, phone_code_hash=code_hash, first_name=first_name, last_name="")


def test_a_free_number_is_told_to_sign_up_and_can(bench: Bench) -> None:
    device = bench.device()
    request = sign_in(device)
    assert isinstance(device(request), types.auth.AuthorizationSignUpRequired)
    assert not device.authorization.is_logged_in
    assert device.refused(sign_up(device, request.phone_code_hash, " ")) == "FIRSTNAME_INVALID"
    assert device(sign_up(device, request.phone_code_hash)).user.first_name == "Eve"
    assert bench.world.account_of(ADA) is not None


def test_signing_up_without_the_code_is_refused(bench: Bench) -> None:
    device = bench.device()
    assert device.refused(sign_up(device, device(send_code()).phone_code_hash)) == "PHONE_CODE_INVALID"


def test_a_number_taken_meanwhile_is_occupied(bench: Bench) -> None:
    device = bench.device()
    request = sign_in(device)
    device(request)
    bench.world.add_account(ADA)
    assert device.refused(sign_up(device, request.phone_code_hash)) == "PHONE_NUMBER_OCCUPIED"


# ---- the second step


def owing(bench: Bench) -> Device:
    bench.world.add_account(ADA, password="correct horse")
    device = bench.device()
    assert device.refused(sign_in(device)) == "SESSION_PASSWORD_NEEDED"
    return device


def test_an_account_with_a_password_needs_it_too(bench: Bench) -> None:
    device = owing(bench)
    assert not device.authorization.is_logged_in
    assert device.refused(auth.CheckPasswordRequest(password=prove(device, "wrong"))) == "PASSWORD_HASH_INVALID"
    assert bench.stats.logins == 0
    answer = device(auth.CheckPasswordRequest(password=prove(device, "correct horse")))
    assert answer.user.is_self and device.authorization.is_logged_in
    assert bench.stats.logins == 1


def test_a_key_that_owes_nothing_may_not_even_ask_about_the_password(bench: Bench) -> None:
    bench.world.add_account(ADA, password="correct horse")
    stranger = bench.device()
    empty = types.InputCheckPasswordEmpty()
    assert stranger.refused(functions.account.GetPasswordRequest()) == "AUTH_KEY_UNREGISTERED"
    assert stranger.refused(auth.CheckPasswordRequest(password=empty)) == "AUTH_KEY_UNREGISTERED"


def test_no_answer_is_no_proof(bench: Bench) -> None:
    device = owing(bench)
    empty = types.InputCheckPasswordEmpty()
    assert device.refused(auth.CheckPasswordRequest(password=empty)) == "PASSWORD_HASH_INVALID"


# ---- logout tokens


def test_logging_out_of_an_account_with_a_password_makes_the_next_login_code_less_once(bench: Bench) -> None:
    account = bench.world.add_account(ADA, password="correct horse")
    token = bench.device(account)(auth.LogOutRequest()).future_auth_token
    answer = bench.device()(send_code(tokens=[b"other", token]))
    assert isinstance(answer, types.auth.SentCodeSuccess) and answer.authorization.user.id == account.id
    assert bench.stats.codes_sent == 0
    assert isinstance(bench.device()(send_code(tokens=[token])), types.auth.SentCode)


def test_an_account_without_a_password_leaves_no_token(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    assert bench.device(account)(auth.LogOutRequest()).future_auth_token is None


def test_logging_out_ends_this_login_everywhere_and_no_other(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    device, other, abroad = bench.device(account), bench.device(account), bench.device(dc=4)
    exported = device(auth.ExportAuthorizationRequest(dc_id=4))
    abroad(auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes))
    device(auth.LogOutRequest())
    assert device.refused(functions.updates.GetStateRequest()) == "AUTH_KEY_UNREGISTERED"
    assert abroad.refused(functions.updates.GetStateRequest()) == "AUTH_KEY_UNREGISTERED"
    assert other(functions.updates.GetStateRequest())


# ---- bots


def bot_login(token: str) -> Any:
    return auth.ImportBotAuthorizationRequest(flags=0, api_id=1, api_hash="any", bot_auth_token=token)


def test_a_bot_token_opens_the_bot_on_its_own_data_center(bench: Bench) -> None:
    bench.world.add_account(bot_token="77:secret", home_dc=4, first_name="Marvin")
    assert bench.device(dc=2).refused(bot_login("77:secret")) == "USER_MIGRATE_4"
    answer = bench.device(dc=4)(bot_login("77:secret"))
    assert (answer.user.id, answer.user.bot) == (77, True)


def test_a_wrong_and_an_expired_token_open_nothing(bench: Bench) -> None:
    bot = bench.world.add_account(bot_token="77:secret")
    assert bench.device().refused(bot_login("77:guess")) == "ACCESS_TOKEN_INVALID"
    bot.bot_token_expired = True
    assert bench.device().refused(bot_login("77:secret")) == "ACCESS_TOKEN_EXPIRED"


def test_what_is_for_people_is_not_for_bots(bench: Bench) -> None:
    device = bench.device(bench.world.add_account(bot_token="77:secret"))
    history = functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 10, 0, 0, 0)
    assert device.refused(history) == "BOT_METHOD_INVALID"
    assert device(functions.updates.GetStateRequest())


# ---- other data centers


def test_an_exported_authorization_is_for_files_not_for_the_account(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    device, abroad = bench.device(account), bench.device(dc=4)
    exported = device(auth.ExportAuthorizationRequest(dc_id=4))
    answer = abroad(auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes))
    assert answer.user.id == account.id
    assert answer.user.access_hash == device(functions.users.GetUsersRequest([types.InputUserSelf()]))[0].access_hash
    assert abroad.refused(functions.updates.GetStateRequest()) == "USER_MIGRATE_2"
    assert bench.stats.logins == 0


def test_an_authorization_is_exported_to_another_known_data_center_only(bench: Bench) -> None:
    device = bench.device(bench.world.add_account(ADA))
    for dc_id in (2, 5, 0):
        assert device.refused(auth.ExportAuthorizationRequest(dc_id=dc_id)) == "DC_ID_INVALID"


@pytest.mark.parametrize("spoil", ["used", "elsewhere", "guessed", "ended"])
def test_what_was_exported_is_imported_once_there_and_while_its_login_lives(bench: Bench, spoil: str) -> None:
    device, abroad = bench.device(bench.world.add_account(ADA)), bench.device(dc=4)
    exported = device(auth.ExportAuthorizationRequest(dc_id=4))
    request = auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes)
    if spoil == "used":
        bench.device(dc=4)(request)
    elif spoil == "elsewhere":
        abroad = bench.device(dc=2)
    elif spoil == "guessed":
        request.bytes = bytes(128)
    else:
        device(auth.LogOutRequest())
    assert abroad.refused(request) == "AUTH_BYTES_INVALID"
    assert not abroad.authorization.is_logged_in
