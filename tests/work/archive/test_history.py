"""History, from where it stopped, with everything that happens meanwhile."""

from __future__ import annotations

from pathlib import Path

from borrow.served import Served
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
