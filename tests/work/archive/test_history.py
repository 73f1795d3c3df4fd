"""History, from where it stopped, with everything that happens meanwhile."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from borrow.served import Served
from telekeep.emulator.world.peer import user
from telekeep.work.archive.asking import Asking
from telekeep.work.archive.news import News
from telekeep.work.archive.writer import Writer
from work.archive.world import deletes, edits, historical, monitored, of_world, rows, until, writes


async def test_the_whole_history_of_several_chats_is_in_the_archive_row_for_row(served: Served, tmp_path: Path) -> None:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(730):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    path = tmp_path / "archive.db"
    report = await historical(path, "Grace", "@bob", *[-each.id for each in served.telegram.world.chats.values()])
    assert not report.failed
    assert rows(path) == of_world(served.ada, [*(each["id"] for each in report.chats.values())])
    assert report.fetched == len(rows(path)) > 730


async def test_a_monitor_keeps_what_comes_is_edited_and_is_deleted(served: Served, tmp_path: Path) -> None:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    old = writes(served.telegram, bob, served.ada, "before anybody looked")
    path = tmp_path / "archive.db"
    async with monitored(path, "bob"):
        kept = [writes(served.telegram, bob, served.ada, f"live {number}") for number in range(30)]
        edits(served.telegram, served.ada, kept[3], "changed")
        deletes(served.telegram, served.ada, kept[5], kept[6])
        world = of_world(served.ada, [bob.id])
        del world[bob.id, old]
        await until(lambda: rows(path) == world)


async def test_what_came_while_nobody_looked_is_caught_up(served: Served, tmp_path: Path) -> None:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(250):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    path = tmp_path / "archive.db"
    await historical(path, "bob")
    ids = [each for _, each in rows(path)]
    writes(served.telegram, bob, served.ada, "while nobody looked")
    edits(served.telegram, served.ada, ids[10], "changed while nobody looked")
    deletes(served.telegram, served.ada, *ids[20:40])
    again = await historical(path, "bob")
    assert rows(path) == of_world(served.ada, [bob.id])
    assert again.fetched == 0 and again.live == 2


async def test_a_hole_is_closed_by_history(served: Served, tmp_path: Path) -> None:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(450):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    path = tmp_path / "archive.db"
    await historical(path, "bob")
    ids = [each for _, each in rows(path)]
    await served.stop()
    writes(served.telegram, bob, served.ada, "lost")
    edits(served.telegram, served.ada, ids[10], "changed, and lost")
    deletes(served.telegram, served.ada, *ids[20:40], ids[-1])
    served.ada.box.forget_log()
    writes(served.telegram, bob, served.ada, "told")
    await served.start()
    again = await historical(path, "bob")
    assert rows(path) == of_world(served.ada, [bob.id])
    assert again.fetched == 431


async def test_what_is_heard_while_a_page_is_on_its_way_counts_and_not_the_page(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    ids = [writes(served.telegram, bob, served.ada, f"from Bob {number}") for number in range(250)]
    heard = 0
    ask, hear = Asking.__call__, Writer.hear

    def noted(writer: Writer, news: News) -> None:
        nonlocal heard
        hear(writer, news)
        heard = news.cursor.pts

    async def late(asking: Asking, request: Any, **options: Any) -> Any:
        answer = await ask(asking, request, **options)
        if type(request).__name__ == "GetHistoryRequest" and request.limit > 1 and answer.messages:
            deletes(served.telegram, served.ada, answer.messages[3].id)
            edits(served.telegram, served.ada, answer.messages[5].id, "changed meanwhile")
            await until(lambda: heard >= served.ada.box.pts)
        return answer

    monkeypatch.setattr(Asking, "__call__", late)
    monkeypatch.setattr(Writer, "hear", noted)
    path = tmp_path / "archive.db"
    await historical(path, "bob")
    assert rows(path) == of_world(served.ada, [bob.id])
    assert 240 < len(rows(path)) < len(ids)


async def test_a_page_that_was_asked_for_ahead_is_thrown_away_if_something_vanished(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its distance is counted from the page before it, of which a message is gone: one message would be missed."""
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(600):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    ask, dice, answered = Asking.__call__, random.Random(5), asyncio.Event()

    async def shaken(asking: Asking, request: Any, **options: Any) -> Any:
        if type(request).__name__ == "GetHistoryRequest" and request.add_offset:
            await answered.wait()  # the page before it
            dialog = served.ada.box.dialogs[user(bob.id)].messages
            page = [each.id for each in dialog if each.id < request.offset_id][-90:]
            deletes(served.telegram, served.ada, dice.choice(page))
            return await ask(asking, request, **options)
        answered.clear()
        answer = await ask(asking, request, **options)
        answered.set()
        return answer

    monkeypatch.setattr(Asking, "__call__", shaken)
    path = tmp_path / "archive.db"
    await historical(path, "bob")
    assert rows(path) == of_world(served.ada, [bob.id])
    assert len(rows(path)) < 600


@pytest.mark.parametrize("name", ["archive.db", "archive.jsonl"])
async def test_a_monitor_goes_on_when_the_daemon_is_another(served: Served, tmp_path: Path, name: str) -> None:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    path = tmp_path / name
    async with monitored(path, "bob", history=True):
        for number in range(3):
            writes(served.telegram, bob, served.ada, f"before {number}")
            await served.stop()
            writes(served.telegram, bob, served.ada, f"between {number}")
            await served.start()
            writes(served.telegram, bob, served.ada, f"after {number}")
        await until(lambda: rows(path) == of_world(served.ada, [bob.id]))
