"""Channels of a client that holds the session itself: where they stand is kept, and what was missed is fetched."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import events

from telekeep.emulator.world.channel import Channel
from upstream.place import Place, until


@pytest.fixture
def club(place: Place) -> Channel:
    return place.telegram.add_channel("Club", username="the_club", broadcast=False, messages=9, members=[place.ada])


def ear(client: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    async def take(event: Any) -> None:
        found.append((event.chat_id, event.raw_text))

    client.add_event_handler(take, events.NewMessage)
    return found


async def test_where_a_channel_stands_is_kept_and_what_was_missed_is_fetched(place: Place, club: Channel) -> None:
    marked = int(f"-100{club.id}")
    client = place.client(sequential_updates=True)
    heard = ear(client)
    async with client:
        place.telegram.post(club, "before")
        await until(lambda: heard)
    assert place.state.channels == {club.id: club.box.pts}
    (peer,) = [each for each in place.vault.load("main").peers if each.id == club.id]
    assert (peer.username, bool(peer.access_hash)) == ("the_club", True)
    missed = [f"missed {number}" for number in range(120)]
    for text in missed:
        place.telegram.post(club, text)
    client = place.client(sequential_updates=True)
    heard = ear(client)
    async with client:
        await until(lambda: len(heard) == 120)
        place.telegram.post(club, "now")
        await until(lambda: len(heard) == 121)
    assert heard == [(marked, text) for text in [*missed, "now"]]
    assert place.state.channels == {club.id: club.box.pts}


async def test_a_channel_that_threw_it_out_meanwhile_stops_nothing(place: Place, club: Channel) -> None:
    client = place.client(sequential_updates=True)
    heard = ear(client)
    async with client:
        place.telegram.post(club, "before")
        await until(lambda: heard)
    place.telegram.world.broadcasting.ban(club, place.ada)
    place.telegram.post(club, "for the others")
    client = place.client(sequential_updates=True)
    heard = ear(client)
    async with client:
        await client.get_me()
        place.telegram.send("9996621234", "hello")
        await until(lambda: heard)
    assert [text for _, text in heard] == ["hello"]
