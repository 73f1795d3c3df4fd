"""Channels and supergroups: each has its own line of updates, and its own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("telekeep.emulator.world.channels", reason="the emulator knows no channels yet")

from borrow.served import Served
from telekeep.work.archive.rows import CHANNELS_BELOW
from telekeep.work.archive.stores.place import opened
from work.archive.world import historical, monitored, rows, until, writes


@pytest.fixture
def club(served: Served) -> Any:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    return served.telegram.add_channel(
        "The club", username="the_club", broadcast=False, messages=350, members=[bob], creator=served.ada
    )


@pytest.fixture
def news(served: Served) -> Any:
    return served.telegram.add_channel("News", broadcast=True, messages=120, creator=served.ada)


def of(channel: Any) -> dict[tuple[int, int], tuple[Any, ...]]:
    """A channel's messages, as `rows` has them; posts are the channel's own."""
    chat_id = CHANNELS_BELOW - channel.id
    return {
        (chat_id, each.id): (
            each.text,
            chat_id if channel.is_broadcast else each.sender,
            each.date,
            each.sender == channel.creator_id,
            each.edited,
            each.reply_to,
        )
        for each in channel.history.messages
    }


def happens(served: Served, channel: Any, word: str) -> None:
    """A message, an edit, and a deletion of an old and of a young one."""
    world = served.telegram.world
    sent = world.broadcasting.send(served.ada, channel, f"{word} said")
    doomed = world.broadcasting.send(served.ada, channel, f"{word} taken back")
    edited = world.broadcasting.edit(served.ada, channel, sent.event.message.id, text=f"{word} changed")
    old = next(each.id for each in channel.history.messages if each.action is None)
    gone = world.broadcasting.delete(served.ada, channel, [old, doomed.event.message.id])
    assert gone is not None
    for each in (sent, doomed, edited, gone):
        world.outlet(each.deliveries)


async def test_a_history_of_channels_is_in_the_archive_row_for_row(
    served: Served, club: Any, news: Any, tmp_path: Path
) -> None:
    path = tmp_path / "archive.db"
    report = await historical(path, "https://t.me/the_club", CHANNELS_BELOW - news.id)
    assert [each["kind"] for each in report.chats.values()] == ["supergroup", "channel"]
    assert rows(path) == {**of(club), **of(news)}


async def test_what_happens_in_channels_is_kept(served: Served, club: Any, news: Any, tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    await historical(path, "the_club", "News")
    async with monitored(path, "the_club", "News"):
        for channel in (club, news):
            happens(served, channel, "now")
        await until(lambda: rows(path) == {**of(club), **of(news)})


async def test_what_happened_in_channels_while_nobody_looked_is_caught_up(
    served: Served, club: Any, news: Any, tmp_path: Path
) -> None:
    path = tmp_path / "archive.db"
    await historical(path, "the_club", "News")
    for channel in (club, news):
        happens(served, channel, "away")
    await historical(path, "the_club", "News")
    assert rows(path) == {**of(club), **of(news)}
    await served.stop()
    happens(served, club, "nobody there")
    await served.start()
    again = await historical(path, "the_club", "News")
    assert rows(path) == {**of(club), **of(news)}
    assert again.fetched < 100


async def test_a_hole_in_a_channel_is_closed_by_its_history_alone(
    served: Served, club: Any, news: Any, tmp_path: Path
) -> None:
    path = tmp_path / "archive.db"
    await historical(path, "the_club", "News")
    await served.stop()
    happens(served, club, "lost")
    club.box.forget_log()
    await served.start()
    again = await historical(path, "the_club", "News")
    assert rows(path) == {**of(club), **of(news)}
    assert again.fetched == len(of(club))


async def test_numbers_of_a_channel_are_its_own(served: Served, news: Any, tmp_path: Path) -> None:
    """What is deleted in a private chat leaves a channel's message of that number alone, and the other way round."""
    path = tmp_path / "archive.db"
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(30):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    await historical(path, "bob", "News")
    async with monitored(path, "bob", "News"):
        world = served.telegram.world
        gone = world.revisions.delete(served.ada, [10, 11], revoke=False)
        world.outlet(gone.deliveries)
        happens(served, news, "now")
        await until(lambda: {**of(news)}.items() <= rows(path).items() and (bob.id, 10) not in rows(path))
    store = opened(str(path), reading=True)
    assert store.count(CHANNELS_BELOW - news.id) == len(of(news))
    assert store.count(bob.id) == 30 - 2
    store.close()
