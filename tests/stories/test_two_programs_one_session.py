"""A day in the life of one session on one machine."""

from __future__ import annotations

import json
import shutil

import pytest

from telekeep.cli.demo.programs import NOTEBOOK, WORKER
from telekeep.cli.demo.stage import Stage, first_line


def test_whoever_comes_second_is_told_who_holds_it_and_since_when(kept: Stage) -> None:
    worker = kept.start(str(kept.write("worker.py", WORKER)))
    assert first_line(worker).startswith("holding as")
    second = kept.telekeep("test", "main", "--json")
    assert second.code == 3
    answer = json.loads(second.out)
    assert answer["state"] == "conflict" and answer["error"] == "SessionBusy"
    status = json.loads(kept.telekeep("status", "--json").out)
    (main,) = status["sessions"]
    assert main["holder"]["pid"] == worker.pid and "worker.py" in main["holder"]["command"]
    assert kept.stats()["overlap"] == 0


@pytest.mark.parametrize("spelling", ["copy.session", "./sub/../other.session", "string.txt"])
def test_a_copy_is_one_lease_with_the_original_whatever_its_name_or_home(kept: Stage, spelling: str) -> None:
    """002-F2: a file, its string and its vault record are one session."""
    kind = "telethon-string" if spelling.endswith(".txt") else "telethon-sqlite"
    (kept.folder / "sub").mkdir()
    said = kept.telekeep("export", "main", "--to", kind, "--out", spelling, "--yes")
    assert said.code == 0, said
    said = kept.telekeep("import", spelling, "--as", "twin", home="elsewhere")
    assert said.code == 0, said
    worker = kept.start(str(kept.write("worker.py", WORKER)))
    first_line(worker)
    said = kept.run(str(kept.write("notebook.py", NOTEBOOK)), "twin", home="elsewhere")
    assert said.code == 1 and "refused:" in said.err and str(worker.pid) in said.err, said
    kept.kill(worker)
    said = kept.run(str(kept.folder / "notebook.py"), "twin", home="elsewhere")
    assert said.code == 0, said
    seen = kept.stats()
    assert (seen["duplicated"], seen["overlap"]) == (0, 0)


def test_a_worker_without_a_terminal_is_never_asked_for_a_code(kept: Stage) -> None:
    """003-F1: the original's worst fault. A dead session ends a program; it starts no login."""
    before = kept.stats()["codes_sent"]
    assert kept.telekeep("emulator", "fault", "revoke", "--phone", "9996621234").code == 0
    said = kept.run(str(kept.write("worker.py", WORKER)))
    assert said.code != 0 and "AuthKeyRevoked" in said.err, said
    said = kept.telekeep("test", "main")
    assert said.code == 1 and said.out.startswith("✗ Session is invalid"), said
    assert kept.stats()["codes_sent"] == before


def test_a_home_put_back_from_an_older_copy_is_noticed(kept: Stage) -> None:
    older = kept.folder / "older"
    shutil.copytree(kept.folder / "home", older)
    said = kept.telekeep("auth", "main", "--phone", "9996621234", "--code", "22222",
                         "--password-file", "password", "--replace")  # fmt: skip
    assert said.code == 0, said
    shutil.rmtree(kept.folder / "home")
    shutil.copytree(older, kept.folder / "home")
    said = kept.telekeep("test", "main", "--json")
    assert said.code == 7 and json.loads(said.out)["error"] == "VaultRolledBack", said


def test_messages_that_came_while_nobody_looked_are_delivered_once(kept: Stage) -> None:
    listener = kept.write("listener.py", LISTENER)
    assert kept.run(str(listener), "0").code == 0
    assert kept.telekeep("emulator", "send", "--to", "9996621234", "--text", "while away", "--count", "3").code == 0
    said = kept.run(str(listener), "3")
    assert said.code == 0 and said.out.splitlines() == ["while away"] * 3, said
    said = kept.run(str(listener), "0")
    assert said.out == "", said


LISTENER = """\
import asyncio, sys, telekeep
from telethon import events

async def main():
    wanted, seen = int(sys.argv[1]), []
    client = telekeep.client("main", direct=True)
    enough = asyncio.Event()

    @client.on(events.NewMessage(incoming=True))
    async def _(event):
        seen.append(event.raw_text)
        print(event.raw_text, flush=True)
        if len(seen) >= wanted:
            enough.set()

    async with client:
        await client.get_me()
        if wanted:
            await asyncio.wait_for(enough.wait(), 20)
        await client.get_dialogs()

asyncio.run(main())
"""


def test_nothing_open_is_left_behind(kept: Stage) -> None:
    """Modes: everything of ours is for its owner only (002-F11)."""
    for path in (kept.folder / "home").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (kept.folder / "home.key" / "key").stat().st_mode & 0o777 == 0o600
