"""Files of messages: rows, and files that are whole."""

from __future__ import annotations

import random
from pathlib import Path

from borrow.conftest import PHONE
from borrow.served import Served
from telekeep.work.archive.stores.place import opened
from work.archive.world import historical, monitored, until

DATA = random.Random(1).randbytes(300_000)


async def test_files_are_fetched_whole_and_once(served: Served, tmp_path: Path, log: list[str]) -> None:
    for dc in (2, 4):
        served.telegram.send_file(PHONE, DATA[dc:], f"../report {dc}.PDF", dc=dc)
    path, folder = tmp_path / "archive.db", tmp_path / "files"
    report = await historical(path, "Edsger", media=folder)
    store = opened(str(path), reading=True)
    files = list(store.files())
    store.close()
    assert report.files == 2 and [each.name for each in files] == ["../report 2.PDF", "../report 4.PDF"]
    assert [(folder / (each.path or "")).read_bytes() for each in files] == [DATA[2:], DATA[4:]]
    assert all(each.path == f"{each.chat_id}/{each.id}.pdf" for each in files), files
    assert sorted(each.name for each in folder.rglob("*") if each.is_file()) == sorted(
        f"{each.id}.pdf" for each in files
    )
    log.clear()
    again = await historical(path, "Edsger", media=folder)
    assert again.files == 0 and "upload.getFile" not in log


async def test_a_draft_that_a_killed_process_left_is_no_file(served: Served, tmp_path: Path) -> None:
    served.telegram.send_file(PHONE, DATA, "film.mp4")
    path, folder = tmp_path / "archive.db", tmp_path / "files"
    await historical(path, "Edsger")
    store = opened(str(path), reading=True)
    (file,) = store.files(missing=True)
    store.close()
    draft = folder / str(file.chat_id) / f".{file.id}.mp4.part"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half of another one")
    await historical(path, "Edsger", media=folder)
    assert (draft.parent / f"{file.id}.mp4").read_bytes() == DATA and not draft.exists()


async def test_a_monitor_fetches_files_as_they_come(served: Served, tmp_path: Path) -> None:
    path, folder = tmp_path / "archive.db", tmp_path / "files"
    async with monitored(path, "Edsger", media=folder) as report:
        served.telegram.send_file(PHONE, DATA, "film.mp4")
        await until(lambda: report.files == 1)
    (found,) = [each for each in folder.rglob("*") if each.is_file()]
    assert found.read_bytes() == DATA
