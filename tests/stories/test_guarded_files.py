"""Session files that people have: twenty copies are one session, and programs with a manager obey one another."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from stories.days import HOUR, Clock, said_hours
from telekeep.cli.demo.stage import Stage, first_line

GUARDED = """\
import asyncio, sys, telekeep

async def main():
    from telethon import TelegramClient  # stock, and only now: who is refused loads nothing
    async with TelegramClient(sys.argv[1], 1, "0" * 32) as client:
        print("holding as", (await client.get_me()).id, flush=True)
        while True:
            await client.get_messages("me", limit=1)
            await asyncio.sleep(0.05)

try:
    with telekeep.SafeSessionContext(sys.argv[1], "story", timeout=float(sys.argv[2])):
        asyncio.run(main())
except telekeep.errors.SessionConflict as conflict:
    print("refused for", getattr(conflict.holder, "pid", 0), flush=True)
"""

MANAGED = """\
import asyncio, sys, telekeep

async def main():
    manager = telekeep.TelegramSessionManager(1, "0" * 32, "+9996621234", sys.argv[1], timeout=0)
    try:
        if manager.is_rate_limited():
            print("limited", manager.get_rate_limit_info()["expires_human"], flush=True)
        client = await manager.get_client()
        print("as", (await client.get_me()).id, flush=True)
        for word in sys.argv[2:]:
            if word == "stay":
                await asyncio.sleep(600)
            await client.send_message("me", word)
    except telekeep.errors.TelekeepError as error:
        print(type(error).__name__, error, flush=True)
    finally:
        await manager.close()

asyncio.run(main())
"""


@pytest.fixture
def filed(kept: Stage) -> Stage:
    """The login is in ``bot.session`` too, as stock Telethon keeps it."""
    assert kept.telekeep("export", "main", "--to", "telethon-sqlite", "--out", "bot.session", "--yes").code == 0
    kept.write("guarded.py", GUARDED)
    kept.write("managed.py", MANAGED)
    return kept


def test_twenty_copies_in_twenty_folders_and_twenty_processes_have_one_holder(filed: Stage) -> None:
    """002-1, 002-F2: stock clients, started at once, each on a copy of its own."""
    names = ["bot"]
    for number in range(1, 20):
        folder = filed.folder / f"copy{number}"
        folder.mkdir()
        shutil.copy(filed.folder / "bot.session", folder / f"{number}.session")
        names.append(f"copy{number}/{number}" + (".session" if number % 2 else ""))
    programs = [filed.start("guarded.py", name, "0") for name in names]
    lines = {each: first_line(each) for each in programs}
    [holder] = [each for each, line in lines.items() if line.startswith("holding as")]
    refused = [line for each, line in lines.items() if each is not holder]
    assert len(refused) == 19
    assert set(refused) <= {f"refused for {holder.pid}", "refused for 0"}  # 0: the holder had not signed yet
    said = filed.telekeep("safety-check", "bot.session")
    assert said.code == 3 and said.out.splitlines()[0] == f"🚫 UNSAFE: Workers running (PIDs: {holder.pid})"
    waiting = filed.start("guarded.py", names[7], "30")
    filed.kill(holder)
    assert first_line(waiting).startswith("holding as")
    filed.kill(waiting)
    seen = filed.stats()
    assert (seen["duplicated"], seen["overlap"]) == (0, 0)


def test_a_manager_and_a_stock_client_take_turns_on_one_file(filed: Stage) -> None:
    """The file stays one that stock Telethon goes on from, and nobody is on the line beside another."""
    stock = filed.start("guarded.py", "bot", "0")
    assert first_line(stock).startswith("holding as")
    said = filed.run("managed.py", "bot.session")
    assert said.out.startswith("SessionBusy") and str(stock.pid) in said.out, said
    filed.kill(stock)
    said = filed.run("managed.py", "bot", "hello")
    assert said.out.startswith("as "), said
    stock = filed.start("guarded.py", "bot", "0")
    assert first_line(stock).startswith("holding as")
    seen = filed.stats()
    assert (seen["duplicated"], seen["overlap"], seen["logins"]) == (0, 0, 1)


def test_a_flood_of_a_day_is_obeyed_by_every_process_and_passes(filed: Stage, clock: Clock) -> None:
    """003-F2: the deadline is the account's, on disk, and outlives processes and the boot."""
    fault = ("emulator", "fault", "flood", "--method", "messages.sendMessage", "--seconds", str(22 * 3600))
    began = time.monotonic()
    assert filed.telekeep(*fault).code == 0
    said = filed.run("managed.py", "bot", "hello")
    assert "FloodWait" in said.out and said_hours(said.out, 22 * HOUR, began), said
    asked = filed.stats()["rpc"]
    clock.pass_by(2 * 3600)
    clock.reboot(down=3600)
    shutil.copy(filed.folder / "bot.session", filed.folder / "copy.session")
    for name in ("bot", "copy.session", "bot.session"):
        said = filed.run("managed.py", name, "hello")
        first, second = said.out.splitlines()
        assert first.startswith("limited ") and said_hours(first, 19 * HOUR, began), said
        assert second.startswith("FloodWait"), said
    assert filed.stats()["rpc"] == asked
    clock.pass_by(19 * 3600)
    said = filed.run("managed.py", "bot", "hello")
    assert said.code == 0 and said.out.startswith("as ") and len(said.out.splitlines()) == 1, said


def test_programs_with_managers_share_a_kept_session(kept: Stage) -> None:
    """On loans: nobody has to stop for anybody."""
    kept.write("managed.py", MANAGED)
    staying = [kept.start("managed.py", "main", "stay") for _ in range(2)]
    assert {first_line(each).split()[0] for each in staying} == {"as"}
    said = kept.run("managed.py", "main", "hello")
    assert said.out.startswith("as "), said
    status = json.loads(kept.telekeep("status", "--json").out)
    assert status["sessions"][0]["held"]
    said = kept.telekeep("safety-check", "main")
    assert said.code == 3 and "borrow it" in said.out, said
    seen = kept.stats()
    assert (seen["duplicated"], seen["overlap"]) == (0, 0)


def test_the_page_about_moving_shows_what_works(filed: Stage) -> None:
    """docs/moving.md, as it stands."""
    page = (Path(__file__).parents[2] / "docs" / "moving.md").read_text()
    guard, manager = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    said = filed.run(filed.write("guard.py", guard).name)
    assert (said.code, said.out) == (0, "nobody else uses it while this runs"), said
    said = filed.run(filed.write("manager.py", manager).name)
    assert said.code == 0 and said.out.startswith("logged in as "), said
    said = filed.telekeep("safety-check", "bot.session")
    assert (said.code, said.out) == (0, "✅ SAFE: No conflicts detected")


def test_an_adopted_file_is_borrowed_from_as_it_was_lent(filed: Stage) -> None:
    """Whoever adopts the file later need not touch the program; what the loan may not do, its manager may not."""
    said = filed.telekeep("adopt", "bot.session", "--grant", "read-only", "--yes")
    assert said.code == 0, said
    said = filed.run("managed.py", "bot.session", "hello")
    assert said.out.startswith("as ") and "NOT_GRANTED" in said.out + said.err, said
    assert filed.stats()["overlap"] == 0
