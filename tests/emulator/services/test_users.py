from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import functions, types


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account("9996621234", first_name="Ada", username="ada", messages=40)


@pytest.fixture
def device(bench: Bench, ada: Account) -> Device:
    return bench.device(ada)


def get(*users: Any) -> Any:
    return functions.users.GetUsersRequest(id=list(users))


def friend(device: Device, name: str = "Grace") -> Any:
    contacts = device(functions.contacts.GetContactsRequest(hash=0))
    return next(user for user in contacts.users if user.first_name == name)


def stranger(device: Device) -> Any:
    """Somebody the account shares nothing but a group with, and the group."""
    dialogs = device(
        functions.messages.GetDialogsRequest(
            offset_date=None, offset_id=0, offset_peer=types.InputPeerEmpty(), limit=100, hash=0
        )
    )
    full = device(functions.messages.GetFullChatRequest(chat_id=dialogs.chats[0].id))
    return next(user for user in full.users if user.first_name == "Barbara")


def of(user: Any) -> Any:
    return types.InputUser(user_id=user.id, access_hash=user.access_hash)


def test_users_come_in_the_order_asked_and_nobody_as_empty(device: Device, ada: Account) -> None:
    grace = friend(device)
    nobody = types.InputUser(user_id=999_999_999, access_hash=5)
    found = device(get(of(grace), nobody, types.InputUserSelf()))
    assert [user.id for user in found] == [grace.id, 999_999_999, ada.id]
    assert isinstance(found[1], types.UserEmpty)
    assert [bool(getattr(user, "is_self", False)) for user in found] == [False, False, True]


def test_a_change_of_a_user_shows_in_the_next_answer(device: Device, ada: Account) -> None:
    grace = friend(device)
    assert device(get(of(grace)))[0].contact
    ada.contacts.discard(grace.id)
    device.bench.world.accounts[grace.id].first_name = "Hopper"
    [again] = device(get(of(grace)))
    assert (again.first_name, bool(again.contact)) == ("Hopper", False)


def test_one_sees_ones_own_number_but_not_a_strangers(bench: Bench, device: Device) -> None:
    bench.world.add_account("9996625678", username="bob")
    [me] = device(get(types.InputUserSelf()))
    bob = device(functions.contacts.ResolveUsernameRequest(username="bob")).users[0]
    assert me.phone == "9996621234"
    assert bob.phone is None


def test_an_access_hash_of_another_login_of_the_same_account_is_foreign(bench: Bench, device: Device) -> None:
    """What the prototype let pass: the hash of authorization A, used by B."""
    grace = friend(device)
    other = bench.device(device.bench.world.account_of("9996621234"))
    assert friend(other).access_hash != grace.access_hash
    assert other.refused(get(of(grace))) == "PEER_ID_INVALID"
    assert other.refused(functions.users.GetFullUserRequest(id=of(grace))) == "PEER_ID_INVALID"


@pytest.mark.parametrize("access_hash", [0, 1, -1])
def test_a_guessed_access_hash_opens_nothing(device: Device, access_hash: int) -> None:
    guessed = types.InputUser(user_id=friend(device).id, access_hash=access_hash)
    assert device.refused(get(guessed)) == "PEER_ID_INVALID"


def test_a_bot_may_leave_the_hash_out_for_somebody_it_has_met_and_nobody_else(bench: Bench, ada: Account) -> None:
    bot = bench.world.add_account(bot_token="77:secret")
    device = bench.device(bot)
    assert device.refused(get(types.InputUser(user_id=ada.id, access_hash=0))) == "PEER_ID_INVALID"
    bench.world.meet(bot, ada)
    assert device(get(types.InputUser(user_id=ada.id, access_hash=0)))[0].id == ada.id


def test_somebody_seen_only_in_a_group_is_min_and_the_hash_opens_nothing(device: Device) -> None:
    barbara = stranger(device)
    assert barbara.min and barbara.access_hash
    assert device.refused(get(of(barbara))) == "PEER_ID_INVALID"


def test_a_min_user_is_addressed_through_a_message_of_theirs(device: Device, ada: Account) -> None:
    barbara = stranger(device)
    spoken = next(m for d in ada.box.dialogs.values() for m in d.messages if m.sender == barbara.id)
    group = types.InputPeerChat(chat_id=spoken.peer.id)
    through = types.InputUserFromMessage(peer=group, msg_id=spoken.id, user_id=barbara.id)
    assert device(get(through))[0].first_name == "Barbara"
    for wrong in (
        types.InputUserFromMessage(peer=group, msg_id=spoken.id, user_id=friend(device).id),
        types.InputUserFromMessage(peer=types.InputPeerSelf(), msg_id=spoken.id, user_id=barbara.id),
        types.InputUserFromMessage(peer=group, msg_id=99_999, user_id=barbara.id),
    ):
        assert device.refused(get(wrong)) == "MSG_ID_INVALID"


def test_a_full_user_counts_common_groups(device: Device) -> None:
    full = device(functions.users.GetFullUserRequest(id=of(friend(device))))
    assert full.full_user.common_chats_count == 1
    assert full.users[0].first_name == "Grace"
    assert device(functions.users.GetFullUserRequest(id=types.InputUserSelf())).users[0].is_self


def test_nobody_has_no_full_user(device: Device) -> None:
    nobody = types.InputUser(user_id=999_999_999, access_hash=5)
    assert device.refused(functions.users.GetFullUserRequest(id=nobody)) == "USER_ID_INVALID"


def test_a_username_is_found_whatever_its_case_and_its_owner_can_be_addressed(bench: Bench, device: Device) -> None:
    bob = bench.world.add_account("9996625678", username="Bob_1")
    found = device(functions.contacts.ResolveUsernameRequest(username="bob_1"))
    assert found.peer.user_id == bob.id
    assert device(get(of(found.users[0])))[0].id == bob.id


def test_a_number_is_found_too(bench: Bench, device: Device) -> None:
    bob = bench.world.add_account("9996625678")
    assert device(functions.contacts.ResolvePhoneRequest(phone="+9996625678")).users[0].id == bob.id


def test_names_and_numbers_of_nobody_are_said_to_be(device: Device) -> None:
    assert device.refused(functions.contacts.ResolveUsernameRequest(username="nobody")) == "USERNAME_NOT_OCCUPIED"
    assert device.refused(functions.contacts.ResolveUsernameRequest(username="no body!")) == "USERNAME_INVALID"
    assert device.refused(functions.contacts.ResolvePhoneRequest(phone="9996629999")) == "PHONE_NOT_OCCUPIED"


def test_contacts_known_already_are_not_sent_again(device: Device) -> None:
    contacts = device(functions.contacts.GetContactsRequest(hash=0))
    held = fold(contact.user_id for contact in contacts.contacts)
    assert isinstance(device(functions.contacts.GetContactsRequest(hash=held)), types.contacts.ContactsNotModified)
    assert isinstance(device(functions.contacts.GetContactsRequest(hash=held + 1)), types.contacts.Contacts)


def test_the_configuration_names_every_address_and_grants_one_main_connection(bench: Bench) -> None:
    config = bench.device(dc=4)(functions.help.GetConfigRequest())
    assert [(option.id, option.port) for option in config.dc_options] == [(2, 442), (4, 444)]
    assert (config.this_dc, config.tmp_sessions) == (4, None)
    assert bench.device(dc=4)(functions.help.GetNearestDcRequest()).nearest_dc == 2
