from __future__ import annotations

import pytest

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world import numbers
from telekeep.emulator.world.codes import A_DAY, LIFETIME, TRIES, Codes

PHONE, KEY, OTHER_KEY = "9996621234", 1, 2
DAY = 86_400.0


@pytest.fixture
def codes() -> Codes:
    return Codes(b"secret")


def refusal(name: str) -> object:
    return pytest.raises(RpcError, match=name)


def test_a_test_number_gets_the_code_it_names(codes: Codes) -> None:
    assert codes.send(PHONE, KEY, way="sms", now=0).code == "22222"


def test_any_other_number_gets_a_code_that_its_owner_can_read(codes: Codes) -> None:
    sent = codes.send("14155550100", KEY, way="sms", now=0)
    assert len(sent.code) == 5 and sent.code.isdigit()
    assert codes.latest("14155550100") == sent.code
    assert codes.latest("14155550101") is None


def test_the_right_code_is_accepted_until_it_is_used(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="sms", now=0)
    assert codes.enter(PHONE, KEY, sent.hash, "22222", now=1) is sent
    codes.use(sent)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, KEY, sent.hash, "22222", now=2)


def test_an_empty_code_and_an_empty_hash_are_named(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="sms", now=0)
    with refusal("PHONE_CODE_EMPTY"):
        codes.enter(PHONE, KEY, sent.hash, "", now=1)
    with refusal("PHONE_CODE_HASH_EMPTY"):
        codes.enter(PHONE, KEY, "", "22222", now=1)


def test_a_code_tried_too_often_is_void_even_for_the_right_one(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="sms", now=0)
    for _ in range(TRIES):
        with refusal("PHONE_CODE_INVALID"):
            codes.enter(PHONE, KEY, sent.hash, "12345", now=1)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, KEY, sent.hash, "22222", now=1)


def test_a_code_lives_five_minutes(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="sms", now=0)
    assert codes.enter(PHONE, KEY, sent.hash, "22222", now=LIFETIME - 1)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, KEY, sent.hash, "22222", now=LIFETIME)


def test_a_hash_means_nothing_for_another_key_or_number(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="sms", now=0)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, OTHER_KEY, sent.hash, "22222", now=1)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter("9996621235", KEY, sent.hash, "22222", now=1)


def test_asking_again_voids_the_earlier_code_of_the_same_key_only(codes: Codes) -> None:
    first = codes.send(PHONE, KEY, way="sms", now=0)
    elsewhere = codes.send(PHONE, OTHER_KEY, way="sms", now=0)
    codes.send(PHONE, KEY, way="sms", now=1)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, KEY, first.hash, "22222", now=2)
    assert codes.enter(PHONE, OTHER_KEY, elsewhere.hash, "22222", now=2)


def test_a_code_sent_on_inside_telegram_expires_at_once(codes: Codes) -> None:
    """001-F5: "PHONE_CODE_EXPIRED if the code is sent in any Telegram chat"."""
    sent = codes.send(PHONE, KEY, way="sms", now=0)
    codes.given_away(PHONE, "nothing to see")
    codes.given_away("9996621235", "my code is 22222")
    assert codes.enter(PHONE, KEY, sent.hash, "22222", now=1)
    codes.given_away(PHONE, "my code is 22222")
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, KEY, sent.hash, "22222", now=1)


def test_a_code_takes_the_next_way_until_there_is_none(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="app", now=0)
    assert codes.resend(PHONE, KEY, sent.hash, now=1).way == "sms"
    assert codes.resend(PHONE, KEY, sent.hash, now=2).way == "call"
    with refusal("SEND_CODE_UNAVAILABLE"):
        codes.resend(PHONE, KEY, sent.hash, now=3)
    assert codes.enter(PHONE, KEY, sent.hash, "22222", now=4)


def test_a_cancelled_code_opens_nothing(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="app", now=0)
    codes.cancel(PHONE, KEY, sent.hash, now=1)
    with refusal("PHONE_CODE_EXPIRED"):
        codes.enter(PHONE, KEY, sent.hash, "22222", now=1)


def flooded(codes: Codes, *, start: float = 0.0, apart: float = 0.0) -> tuple[float, int]:
    """Ask until it floods; return when, and the seconds it says."""
    for number in range(A_DAY):
        codes.send(PHONE, KEY, way="sms", now=start + number * apart)
    now = start + A_DAY * apart
    with pytest.raises(RpcError) as caught:
        codes.send(PHONE, KEY, way="sms", now=now)
    assert caught.value.code == 420
    return now, int(caught.value.message.removeprefix("FLOOD_WAIT_"))


@pytest.mark.parametrize("apart", [0.0, 7.5, 3_600.0])
def test_the_sixth_code_in_a_day_floods_and_who_waits_that_long_gets_it(codes: Codes, apart: float) -> None:
    now, seconds = flooded(codes, apart=apart)
    assert 3_600 <= seconds <= DAY
    assert codes.send(PHONE, KEY, way="sms", now=now + seconds)


def test_who_asks_on_during_a_flood_is_refused_outright(codes: Codes) -> None:
    now, seconds = flooded(codes)
    with refusal("PHONE_NUMBER_FLOOD"):
        codes.send(PHONE, KEY, way="sms", now=now + seconds - 1)
    assert codes.send(PHONE, KEY, way="sms", now=now + seconds)


def test_a_resent_code_counts_as_one_asked_for(codes: Codes) -> None:
    sent = codes.send(PHONE, KEY, way="app", now=0)
    codes.resend(PHONE, KEY, sent.hash, now=0)
    codes.resend(PHONE, KEY, sent.hash, now=0)
    for _ in range(A_DAY - 3):
        codes.send(PHONE, KEY, way="sms", now=0)
    with refusal("FLOOD_WAIT_86400"):
        codes.send(PHONE, KEY, way="sms", now=0)


def test_another_number_is_not_flooded(codes: Codes) -> None:
    flooded(codes)
    assert codes.send("9996625678", KEY, way="sms", now=0)


@pytest.mark.parametrize("written", ["+9996621234", "999 662-1234", "(999) 662.12.34"])
def test_a_number_is_one_however_it_is_written(written: str) -> None:
    assert numbers.normal(written) == PHONE


@pytest.mark.parametrize("written", ["", "12345", "0123456789", "1" * 16, "phone", "99966a1234", "１２３４５６７８"])
def test_what_is_no_number_is_invalid(written: str) -> None:
    with refusal("PHONE_NUMBER_INVALID"):
        numbers.normal(written)
