"""A key that Telegram has declared dead: set aside on disk at once, and nobody calls with it again."""

from __future__ import annotations

import asyncio

import pytest
from telethon import errors, functions

from telekeep.errors import (
    AuthKeyDuplicated,
    AuthKeyRevoked,
    StorageUnavailable,
    TelegramAuthError,
    TelegramNetworkError,
)
from telekeep.upstream.record import Kept
from telekeep.vault.record import Quarantine
from upstream.place import Place, until

NEAREST = functions.help.GetNearestDcRequest


def quarantined(place: Place, name: str = "main") -> Quarantine | None:
    return place.vault.quarantined(Kept.read(place.vault, name).session.auth_key.id)


@pytest.mark.parametrize("fault", ["revoke", "unregister", "expire", "ban", "forget", "duplicated"])
async def test_a_key_that_died_in_use_is_never_called_with_again(place: Place, fault: str) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault(fault)
    with pytest.raises((errors.RPCError, errors.AuthKeyNotFound)):
        await client(functions.users.GetUsersRequest([]))
    await until(place.is_free)
    found = quarantined(place)
    assert found is not None and found.checked
    seen = (place.telegram.stats.rpc, place.telegram.stats.connections)
    for _ in range(3):
        with pytest.raises(TelegramAuthError) as told:
            await place.client().connect()
        assert type(told.value).__name__ == found.error
        assert "Telegram was not asked again" in str(told.value) and told.value.remedy
        assert place.is_free()
    assert (place.telegram.stats.rpc, place.telegram.stats.connections) == seen
    assert Kept.read(place.vault, "main").session.auth_key, "set aside, never destroyed"


async def test_a_key_found_dead_while_connecting_is_set_aside_too(place: Place) -> None:
    async with place.client():
        pass
    place.telegram.fault("revoke")
    with pytest.raises(AuthKeyRevoked):
        await place.client().connect()
    found = quarantined(place)
    assert found is not None and (found.error, found.checked) == ("AuthKeyRevoked", True)


async def test_a_401_seen_once_is_asked_about_again_before_the_verdict(place: Place) -> None:
    client = place.client()
    await client.connect()
    place.telegram.fault("error", method="help.getNearestDc", code=401, message="AUTH_KEY_UNREGISTERED")
    connections = place.telegram.stats.connections
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client(NEAREST())
    await until(place.is_free)
    assert place.telegram.stats.connections == connections + 1
    assert quarantined(place) is None
    async with place.client() as again:
        assert await again.get_me()


async def test_who_could_not_ask_again_leaves_that_to_the_next(place: Place) -> None:
    client = place.client()
    await client.connect()

    async def unreachable(hold: object) -> None:
        raise ConnectionError("no way")

    client._ask_again = unreachable  # type: ignore[method-assign,assignment]
    place.telegram.fault("error", method="help.getNearestDc", code=401, message="SESSION_REVOKED")
    with pytest.raises(errors.SessionRevokedError):
        await client(NEAREST())
    await until(place.is_free)
    found = quarantined(place)
    assert found is not None and not found.checked
    async with place.client():
        pass
    assert quarantined(place) is None


async def test_a_406_is_not_asked_about_and_what_was_seen_is_kept(place: Place) -> None:
    place.keep(Kept.read(place.vault, "main").session, "twin")
    client = place.client()
    await client.connect()
    connections = place.telegram.stats.connections
    place.telegram.fault("duplicated")
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await client(NEAREST())
    await until(place.is_free)
    assert place.telegram.stats.connections == connections
    found = quarantined(place)
    assert found is not None and found.checked
    assert "kept here as twin" in found.evidence and "Look for a copy" in found.evidence
    assert {entry.name: entry.quarantine for entry in place.vault.entries()} == {"main": found, "twin": found}
    with pytest.raises(AuthKeyDuplicated):
        await place.client("twin").connect()


async def test_one_probe_may_find_that_the_verdict_was_wrong(place: Place) -> None:
    key_id = Kept.read(place.vault, "main").session.auth_key.id
    place.vault.quarantine(key_id, "AuthKeyDuplicated", checked=True)
    with pytest.raises(AuthKeyDuplicated):
        await place.client().connect()
    assert place.telegram.stats.connections == 0
    async with place.client(terms={"probing": True}):
        pass
    assert quarantined(place) is None
    async with place.client() as client:
        assert await client.get_me()


async def test_the_one_question_more_is_one(place: Place) -> None:
    key_id = Kept.read(place.vault, "main").session.auth_key.id
    place.vault.quarantine(key_id, "AuthKeyDuplicated", checked=True, evidence="Seen then.")
    place.telegram.fault("revoke")
    with pytest.raises(AuthKeyRevoked):
        await place.client(terms={"probing": True}).connect()
    assert place.telegram.stats.connections == 1, "it was the second opinion already"
    found = quarantined(place)
    assert found is not None and found.asked_again and found.checked
    assert (found.error, found.evidence) == ("AuthKeyRevoked", "Seen then.")


async def test_who_was_connected_to_the_same_data_center_is_part_of_what_was_seen(place: Place) -> None:
    client = place.client(terms={"company": lambda: ["process 9 (python bot.py)"]})
    await client.connect()
    place.telegram.fault("duplicated")
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await client(NEAREST())
    await until(place.is_free)
    found = quarantined(place)
    assert found is not None and "process 9 (python bot.py)" in found.evidence and not found.asked_again


async def test_a_key_is_set_aside_even_if_nothing_can_be_seen(place: Place) -> None:
    def blind() -> list[str]:
        raise StorageUnavailable("no /proc")

    client = place.client(terms={"company": blind})
    await client.connect()
    place.telegram.fault("duplicated")
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await client(NEAREST())
    await until(place.is_free)
    assert (found := quarantined(place)) is not None and found.checked


async def test_a_probe_that_fails_changes_nothing(place: Place) -> None:
    key_id = Kept.read(place.vault, "main").session.auth_key.id
    place.vault.quarantine(key_id, "SessionExpired", checked=True)
    place.telegram.fault("revoke")
    with pytest.raises(TelegramAuthError):
        await place.client(terms={"probing": True}).connect()
    found = quarantined(place)
    assert found is not None and found.checked
    with pytest.raises(TelegramAuthError):
        await place.client().connect()


async def test_a_new_login_under_the_same_name_is_free(place: Place) -> None:
    place.vault.quarantine(Kept.read(place.vault, "main").session.auth_key.id, "AuthKeyRevoked", checked=True)
    session = place.telegram.mint(place.ada)
    lease = place.leases.try_acquire(session.auth_key.id)
    place.vault.keep("main", session, fence=lease.fence, expected=place.vault.entry("main").generation)
    lease.release()
    async with place.client() as client:
        assert await client.get_me()
    assert place.vault.entry("main").quarantine is None


async def test_whoever_asks_why_it_ended_is_told_of_trouble_if_the_key_lives(place: Place) -> None:
    """The owner goes on after a 401 that Telegram took back."""
    client = place.client()
    await client.connect()
    place.telegram.fault("error", method="help.getNearestDc", code=401, message="SESSION_REVOKED")
    hold = client._hold
    with pytest.raises(errors.SessionRevokedError):
        await client(NEAREST())
    await asyncio.shield(hold.closing)
    assert isinstance(hold.error, TelegramNetworkError)
