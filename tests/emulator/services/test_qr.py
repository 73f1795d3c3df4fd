from __future__ import annotations

from typing import Any

from telethon import password as client_side

from emulator.services.bench import Bench, Device
from telekeep.mtproto.schema import functions, types

ADA, BOB_ON_4 = "9996621234", "9996641234"
auth = functions.auth
EXPORT = auth.ExportLoginTokenRequest(api_id=1, api_hash="any", except_ids=[])


def accept(shown: Any) -> Any:
    return auth.AcceptLoginTokenRequest(token=shown.token)


def test_a_shown_token_that_is_accepted_logs_the_waiting_device_in(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    phone, waiting = bench.device(account), bench.device()
    shown = waiting(EXPORT)
    assert isinstance(shown, types.auth.LoginToken)
    assert 29 <= shown.expires.timestamp() - bench.world.now <= 31
    phone(accept(shown))
    [told] = waiting.updates
    assert isinstance(told.update, types.UpdateLoginToken)
    assert not phone.updates
    answer = waiting(EXPORT)
    assert isinstance(answer, types.auth.LoginTokenSuccess) and answer.authorization.user.id == account.id
    assert waiting.authorization.hash != phone.authorization.hash
    assert bench.stats.logins == 1


def test_until_it_is_accepted_nobody_is_logged_in(bench: Bench) -> None:
    waiting = bench.device()
    first, second = waiting(EXPORT), waiting(EXPORT)
    assert first.token != second.token
    assert waiting.refused(functions.updates.GetStateRequest()) == "AUTH_KEY_UNREGISTERED"
    assert waiting.refused(auth.ImportLoginTokenRequest(token=second.token)) == "AUTH_TOKEN_INVALID"


def test_an_accepted_token_logs_nobody_else_in(bench: Bench) -> None:
    phone, waiting, thief = bench.device(bench.world.add_account(ADA)), bench.device(), bench.device()
    phone(accept(waiting(EXPORT)))
    assert isinstance(thief(EXPORT), types.auth.LoginToken)
    assert not thief.authorization.is_logged_in


def test_a_token_is_too_old_after_half_a_minute(bench: Bench) -> None:
    phone, waiting = bench.device(bench.world.add_account(ADA)), bench.device()
    shown = waiting(EXPORT)
    bench.clock.advance(31)
    assert phone.refused(accept(shown)) == "AUTH_TOKEN_EXPIRED"


def test_a_token_is_accepted_once(bench: Bench) -> None:
    phone, waiting = bench.device(bench.world.add_account(ADA)), bench.device()
    shown = waiting(EXPORT)
    phone(accept(shown))
    assert phone.refused(accept(shown)) == "AUTH_TOKEN_ALREADY_ACCEPTED"


def test_a_made_up_token_is_invalid_and_a_stranger_may_not_accept(bench: Bench) -> None:
    phone, waiting = bench.device(bench.world.add_account(ADA)), bench.device()
    assert phone.refused(auth.AcceptLoginTokenRequest(token=bytes(32))) == "AUTH_TOKEN_INVALID"
    assert bench.device().refused(accept(waiting(EXPORT))) == "AUTH_KEY_UNREGISTERED"


def test_an_account_from_elsewhere_is_taken_up_on_its_own_data_center(bench: Bench) -> None:
    account = bench.world.add_account(BOB_ON_4)
    phone, waiting = bench.device(account), bench.device(dc=2)
    phone(accept(waiting(EXPORT)))
    moved = waiting(EXPORT)
    assert isinstance(moved, types.auth.LoginTokenMigrateTo) and moved.dc_id == 4
    assert not waiting.authorization.is_logged_in
    there = bench.device(dc=4)
    answer = there(auth.ImportLoginTokenRequest(token=moved.token))
    assert answer.authorization.user.id == account.id
    assert bench.device(dc=4).refused(auth.ImportLoginTokenRequest(token=moved.token)) == "AUTH_TOKEN_INVALID"


def test_a_password_is_owed_all_the_same(bench: Bench) -> None:
    account = bench.world.add_account(ADA, password="correct horse")
    phone, waiting = bench.device(account), bench.device()
    phone(accept(waiting(EXPORT)))
    assert waiting.refused(EXPORT) == "SESSION_PASSWORD_NEEDED"
    proof = client_side.compute_check(waiting(functions.account.GetPasswordRequest()), "correct horse")
    assert waiting(auth.CheckPasswordRequest(password=proof)).user.id == account.id


def test_a_device_can_fork_its_own_login(bench: Bench) -> None:
    account = bench.world.add_account(ADA)
    phone, forked = bench.device(account), bench.device()
    shown = forked(EXPORT)
    assert isinstance(phone(accept(shown)), types.Authorization)
    forked(EXPORT)
    assert len(bench.authorizations(account)) == 2
    assert can_speak(phone) and can_speak(forked)


def can_speak(device: Device) -> bool:
    return bool(device(functions.updates.GetStateRequest()))
