from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import functions, types

contacts = functions.contacts


@pytest.fixture
def ada(bench: Bench) -> Account:
    return bench.world.add_account("9996621234", first_name="Ada", username="ada")


@pytest.fixture
def bob(bench: Bench) -> Account:
    return bench.world.add_account("9996625678", first_name="Robert", username="bob_the_builder")


@pytest.fixture
def device(bench: Bench, ada: Account) -> Device:
    return bench.device(ada)


def entry(phone: str, first_name: str = "Bob", last_name: str = "", client_id: int = 7) -> Any:
    return types.InputPhoneContact(client_id, phone, first_name, last_name)


def take_in(*entries: Any) -> Any:
    return contacts.ImportContactsRequest(contacts=list(entries))


def of(shown: Any) -> Any:
    return types.InputUser(shown.id, shown.access_hash)


def names(device: Device) -> list[str]:
    return [each.first_name for each in device(contacts.GetContactsRequest(hash=0)).users]


def test_a_number_that_somebody_has_becomes_a_contact_by_the_name_given(device: Device, bob: Account) -> None:
    answer = device(take_in(entry("+999 662 5678", "Bobby", "B."), entry("9996620000", client_id=8)))
    assert [(each.user_id, each.client_id) for each in answer.imported] == [(bob.id, 7)]
    [shown] = answer.users
    assert (shown.first_name, shown.last_name, shown.phone, shown.contact) == ("Bobby", "B.", "9996625678", True)
    assert names(device) == ["Bobby"]
    [again] = device(functions.users.GetUsersRequest(id=[of(shown)]))
    assert again.first_name == "Bobby"
    assert not again.mutual_contact


def test_the_name_is_the_accounts_own_affair(bench: Bench, device: Device, bob: Account) -> None:
    device(take_in(entry("9996625678", "Bobby")))
    [himself] = bench.device(bob)(functions.users.GetUsersRequest(id=[types.InputUserSelf()]))
    assert himself.first_name == "Robert"


def test_oneself_and_the_nameless_are_passed_over(device: Device, ada: Account, bob: Account) -> None:
    answer = device(take_in(entry(ada.phone or ""), entry("9996625678", " ")))
    assert (answer.imported, answer.users, names(device)) == ([], [], [])


def test_one_who_was_met_is_added_and_deleted_by_name(bench: Bench, device: Device, bob: Account) -> None:
    shown = device(contacts.ResolveUsernameRequest(username="bob_the_builder")).users[0]
    add = contacts.AddContactRequest(id=of(shown), first_name="Bobby", last_name="", phone="")
    assert device(add).users[0].contact
    assert names(device) == ["Bobby"]
    gone = device(contacts.DeleteContactsRequest(id=[of(shown)]))
    assert (gone.users[0].first_name, bool(gone.users[0].contact)) == ("Robert", False)
    assert names(device) == []
    nameless = contacts.AddContactRequest(id=of(shown), first_name="", last_name=" ", phone="")
    assert device.refused(nameless) == "CONTACT_NAME_EMPTY"
    oneself = contacts.AddContactRequest(id=types.InputUserSelf(), first_name="Me", last_name="", phone="")
    assert device.refused(oneself) == "CONTACT_ID_INVALID"


def test_a_foreign_hash_deletes_nobody(bench: Bench, device: Device, ada: Account, bob: Account) -> None:
    device(take_in(entry("9996625678")))
    other = bench.device(ada)
    foreign = other(contacts.GetContactsRequest(hash=0)).users[0]
    request = contacts.DeleteContactsRequest(id=[types.InputUser(foreign.id, foreign.access_hash)])
    assert device.refused(request) == "PEER_ID_INVALID"
    assert names(device) == ["Bob"]


def test_a_search_finds_ones_own_by_name_and_strangers_by_username(bench: Bench, device: Device, bob: Account) -> None:
    bench.world.add_account("9996629999", first_name="Bob", username="somebody_else")
    found = device(contacts.SearchRequest(q="@BOB", limit=10))
    assert ([each.user_id for each in found.results], found.my_results) == ([bob.id], [])
    assert device(functions.users.GetUsersRequest(id=[of(found.users[0])]))[0].id == bob.id, "who is found is met"
    device(take_in(entry("9996625678", "Friend")))
    found = device(contacts.SearchRequest(q="fri", limit=10))
    assert ([each.user_id for each in found.my_results], found.results) == ([bob.id], [])
    assert device(contacts.SearchRequest(q="fri", limit=0)).my_results == []
    assert device.refused(contacts.SearchRequest(q="!", limit=10)) == "SEARCH_QUERY_EMPTY"
    assert device.refused(contacts.SearchRequest(q="b", limit=10)) == "QUERY_TOO_SHORT"
