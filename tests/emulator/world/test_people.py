from __future__ import annotations

import time

import pytest

from telekeep.emulator.world import Account, World
from telekeep.emulator.world.peer import user


def in_dialogs(account: Account) -> int:
    return sum(len(dialog.messages) for dialog in account.box.dialogs.values())


@pytest.mark.parametrize("messages", [0, 1, 2, 3, 4, 5, 99, 100, 101, 1_000])
def test_an_account_has_exactly_the_messages_it_was_given(world: World, messages: int) -> None:
    account = world.add_account("9996621234", messages=messages)
    assert in_dialogs(account) == messages
    assert all(dialog.messages for dialog in account.box.dialogs.values())
    assert sum(dialog.unread for dialog in account.box.dialogs.values()) == 0


def test_a_past_has_private_dialogs_and_a_group(world: World) -> None:
    account = world.add_account("9996621234", messages=50)
    assert {dialog.peer.kind for dialog in account.box.dialogs.values()} == {"user", "chat"}


def test_the_past_is_older_than_now_and_ascending(world: World) -> None:
    account = world.add_account("9996621234", messages=50)
    for dialog in account.box.dialogs.values():
        dates = [message.date for message in dialog.messages]
        assert dates == sorted(dates) and dates[-1] <= world.now


def test_nobody_catches_up_on_the_past(world: World) -> None:
    account = world.add_account("9996621234", messages=50)
    assert account.box.difference(account.box.pts).kind == "empty"
    assert account.box.difference(1).kind == "too long"


def test_a_hundred_thousand_messages_are_there_in_seconds(world: World) -> None:
    begun = time.process_time()
    assert in_dialogs(world.add_account("9996621234", messages=100_000)) == 100_000
    assert time.process_time() - begun < 5


def test_a_friend_who_wrote_before_writes_again(world: World) -> None:
    account = world.add_account("9996621234")
    world.send(account.phone or "", "one")
    world.send(account.phone or "", "two", count=2)
    [dialog] = account.box.dialogs.values()
    assert [message.text for message in dialog.messages] == ["one", "two", "two"]


def test_sending_to_nobody_is_said(world: World) -> None:
    with pytest.raises(ValueError, match="no account has the phone number"):
        world.send("9996629999", "hello")


def test_a_number_names_its_data_center_if_there_is_one(world: World) -> None:
    assert world.add_account("9996621234").home_dc == 2
    assert world.add_account("9996641234").home_dc == 4
    assert world.add_account("9996631234").home_dc == 2  # there is no DC 3 here
    assert world.add_account("14155550100").home_dc == 2
    assert world.add_account("14155550101", home_dc=4).home_dc == 4


def test_what_is_taken_or_malformed_is_refused(world: World) -> None:
    world.add_account("9996621234", username="ada")
    world.add_account(bot_token="77:secret")
    for wrong in (
        {"phone": "+999 662 1234"},
        {"phone": "none"},
        {"phone": "9996625678", "username": "ADA"},
        {"bot_token": "77:another"},
        {"bot_token": "no-colon"},
        {"bot_token": "77:"},
    ):
        with pytest.raises(ValueError):
            world.add_account(**wrong)  # type: ignore[arg-type]  # the dicts differ


def test_codes_of_unknown_form_can_be_read_by_the_owner(world: World) -> None:
    with pytest.raises(ValueError, match="no code was sent"):
        world.login_code("14155550100")
    sent = world.codes.send("14155550100", 1, way="sms", now=0)
    assert world.login_code("+1 415 555 0100") == sent.code


def test_nothing_but_names_shows_in_a_repr(world: World) -> None:
    account = world.add_account("9996621234", password="swordfish")
    bot = world.add_account(bot_token="77:secret")
    shown = f"{world!r} {account!r} {bot!r} {account.password!r} {account.box!r}"
    assert "swordfish" not in shown and "secret" not in shown


def test_a_message_of_the_owner_that_holds_a_code_ends_the_code(world: World) -> None:
    account = world.add_account("9996621234", messages=3)
    friend = next(iter(account.box.dialogs))
    sent = world.codes.send("9996621234", 1, way="app", now=0)
    world.send_message(account, friend, "it is 22222", random_id=5)
    with pytest.raises(Exception, match="PHONE_CODE_EXPIRED"):
        world.codes.enter("9996621234", 1, sent.hash, "22222", now=1)


def test_a_reply_points_at_each_ones_own_copy(world: World) -> None:
    ada, bob = world.add_account("9996621234", messages=7), world.add_account("9996625678")
    question = world.send_message(ada, user(bob.id), "?", random_id=1).event.message
    theirs = bob.box.copy_of(question)
    assert theirs == 1 and question.id == 8
    answer = world.send_message(bob, user(ada.id), "!", random_id=1, reply_to=theirs).event.message
    assert answer.reply_to == 1
    assert ada.box.dialog(user(bob.id)).messages[-1].reply_to == 8
