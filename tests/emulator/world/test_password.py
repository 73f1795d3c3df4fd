"""The client's side here is Telethon's own: it shares no line with the server's."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import password as client_side

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.password import Challenge, Password, PasswordDesk
from telekeep.mtproto.schema import DH_G, DH_PRIME, types

KEY, OTHER_KEY, ACCOUNT = 1, 2, 7
DAY = 86_400.0


@pytest.fixture(scope="module")
def password() -> Password:
    return Password.of("correct horse")


def answer(challenge: Challenge, words: str) -> Any:
    asked = types.account.Password(
        new_algo=types.PasswordKdfAlgoUnknown(),
        new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
        secure_random=b"",
        has_password=True,
        current_algo=types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
            salt1=challenge.password.salts.client,
            salt2=challenge.password.salts.server,
            g=DH_G,
            p=DH_PRIME.to_bytes(256, "big"),
        ),
        srp_B=challenge.B,
        srp_id=challenge.id,
    )
    return client_side.compute_check(asked, words)


def judge(desk: PasswordDesk, password: Password, given: Any, *, key: int = KEY, now: float = 0.0) -> None:
    desk.judge(key, ACCOUNT, password, srp_id=given.srp_id, a=given.A, proof=given.M1, now=now)


def test_the_right_words_prove_themselves_and_are_never_kept(password: Password) -> None:
    desk = PasswordDesk()
    judge(desk, password, answer(desk.ask(KEY, password), "correct horse"))
    assert "correct" not in repr(vars(password))


def test_wrong_words_do_not(password: Password) -> None:
    desk = PasswordDesk()
    with pytest.raises(RpcError, match="PASSWORD_HASH_INVALID"):
        judge(desk, password, answer(desk.ask(KEY, password), "correct Horse"))


def test_an_answer_is_good_once(password: Password) -> None:
    desk = PasswordDesk()
    given = answer(desk.ask(KEY, password), "correct horse")
    judge(desk, password, given)
    with pytest.raises(RpcError, match="SRP_ID_INVALID"):
        judge(desk, password, given)


def test_a_newer_challenge_voids_the_older(password: Password) -> None:
    desk = PasswordDesk()
    given = answer(desk.ask(KEY, password), "correct horse")
    desk.ask(KEY, password)
    with pytest.raises(RpcError, match="SRP_ID_INVALID"):
        judge(desk, password, given)


def test_an_answer_to_another_keys_challenge_is_refused(password: Password) -> None:
    desk = PasswordDesk()
    given = answer(desk.ask(KEY, password), "correct horse")
    with pytest.raises(RpcError, match="SRP_ID_INVALID"):
        judge(desk, password, given, key=OTHER_KEY)


def test_a_password_changed_meanwhile_is_said_to_be(password: Password) -> None:
    desk = PasswordDesk()
    given = answer(desk.ask(KEY, password), "correct horse")
    with pytest.raises(RpcError, match="SRP_PASSWORD_CHANGED"):
        judge(desk, Password.of("correct horse"), given)


@pytest.mark.parametrize("a", [0, 1, DH_PRIME - 1, DH_PRIME, 2 * DH_PRIME])
def test_an_a_that_needs_no_password_is_refused(password: Password, a: int) -> None:
    desk = PasswordDesk()
    challenge = desk.ask(KEY, password)
    with pytest.raises(RpcError, match="SRP_A_INVALID"):
        desk.judge(KEY, ACCOUNT, password, srp_id=challenge.id, a=a.to_bytes(257, "big"), proof=bytes(32), now=0)


def test_after_five_wrong_answers_even_the_right_one_waits_for_a_day(password: Password) -> None:
    desk = PasswordDesk()
    for _ in range(PasswordDesk.TRIES):
        with pytest.raises(RpcError, match="PASSWORD_HASH_INVALID"):
            desk.judge(KEY, ACCOUNT, password, srp_id=desk.ask(KEY, password).id, a=b"\2", proof=bytes(32), now=0)
    given = answer(desk.ask(KEY, password), "correct horse")
    with pytest.raises(RpcError, match="PHONE_PASSWORD_FLOOD") as caught:
        judge(desk, password, given)
    assert caught.value.code == 406
    judge(desk, password, given, now=DAY)
