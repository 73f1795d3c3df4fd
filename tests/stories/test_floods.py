"""Telegram says "not before": nobody asks, whatever happens to processes, machine and clock; then all go on alone."""

from __future__ import annotations

import os
import time

from stories.days import HOUR, Clock, Worker, is_left, said_hours
from telekeep.cli.demo.stage import Stage

DIRECT = """\
import asyncio, telekeep

async def main():
    while True:
        try:
            async with telekeep.client("main", direct=True, timeout=60) as client:
                print("ok", (await client.get_me()).id, flush=True)
        except telekeep.errors.FloodWait as wait:
            print("wait", wait, flush=True)
        await asyncio.sleep(0.1)

asyncio.run(main())
"""

BORROWED = """\
import asyncio, telekeep
from telethon import errors

async def main():
    async with telekeep.client("main", flood_sleep_threshold=0) as client:
        while True:
            try:
                await client.get_messages("me", limit=1)
                print("ok", flush=True)
            except errors.FloodWaitError as wait:
                print("wait", wait.seconds, flush=True)
            await asyncio.sleep(0.1)

asyncio.run(main())
"""


def flood(stage: Stage, method: str, seconds: float) -> None:
    said = stage.telekeep("emulator", "fault", "flood", "--method", method, "--seconds", str(seconds))
    assert said.code == 0, said


def calls(stage: Stage) -> int:
    return int(stage.stats()["rpc"])


def three(stage: Stage, name: str) -> list[Worker]:
    return [Worker(stage, name) for _ in range(3)]


def test_a_flood_of_22_hours_while_three_programs_work_and_the_machine_reboots(kept: Stage, clock: Clock) -> None:
    """003-15, 003-F2: a 22-hour flood must not take the system down: shown, waited, recovered."""
    kept.write("direct.py", DIRECT)
    workers = three(kept, "direct.py")
    for each in workers:
        each.says("ok")
    began = time.monotonic()
    flood(kept, "users.getUsers", 22 * HOUR)
    for each in workers:
        assert said_hours(each.says("wait"), 22 * HOUR, began)
    before = kept.stats()
    clock.pass_by(3 * HOUR)
    for each in workers:
        assert said_hours(each.says("wait", unlike="ok"), 19 * HOUR, began)
        kept.kill(each.process)
    clock.reboot(down=2 * HOUR)
    workers = three(kept, "direct.py")
    for each in workers:
        assert said_hours(each.says("wait", unlike="ok"), 17 * HOUR, began)
    clock.jump(wall=365 * 24 * HOUR)  # somebody sets the clock of the machine that has just started
    clock.pass_by(16.5 * HOUR)
    for each in workers:
        assert "minutes remaining" in each.says("wait", unlike="ok")
    said = kept.telekeep("test", "main", "--json")
    assert said.code == 4, said
    now = kept.stats()
    assert (now["rpc"], now["connections"]) == (before["rpc"], before["connections"]), "nobody asked"
    clock.pass_by(0.6 * HOUR)
    for each in workers:
        each.says("ok")
    assert (kept.stats()["overlap"], kept.stats()["duplicated"]) == (0, 0)


def test_a_clock_set_back_by_a_year_traps_nobody(kept: Stage, clock: Clock) -> None:
    kept.write("direct.py", DIRECT)
    worker = Worker(kept, "direct.py")
    worker.says("ok")
    flood(kept, "users.getUsers", 2 * HOUR)
    worker.says("wait")
    before = calls(kept)
    clock.jump(wall=-365 * 24 * HOUR)
    assert "minutes remaining" in worker.says("wait", unlike="ok")
    clock.pass_by(1.5 * HOUR)
    worker.says("wait", unlike="ok")
    assert calls(kept) == before
    clock.pass_by(0.6 * HOUR)
    worker.says("ok")


def test_borrowers_wait_for_what_another_was_told_over_a_reboot_too(kept: Stage, clock: Clock) -> None:
    """What is set for the method after the flood is a trap: who asks too early meets the short wait."""
    kept.write("borrowed.py", BORROWED)
    workers = three(kept, "borrowed.py")
    for each in workers:
        each.says("ok")
    began = time.monotonic()
    flood(kept, "messages.getHistory", 22 * HOUR)
    flood(kept, "messages.getHistory", 1)
    for each in workers:
        each.says("wait")
    before = calls(kept)
    clock.pass_by(HOUR)
    for each in workers:
        assert is_left(int(each.says("wait", unlike="ok").split()[1]), 21 * HOUR, began)
    assert calls(kept) == before
    (main,) = [each["owner"] for each in _status(kept)]
    assert is_left(main["floods"]["messages.getHistory"], 21 * HOUR, began)
    assert main["intervals"] == {}, "an hour was quiet"
    for each in workers:
        kept.kill(each.process)
    pid = kept.daemon_pid()
    assert pid is not None
    os.kill(pid, 9)
    clock.reboot(down=HOUR)
    workers = three(kept, "borrowed.py")
    for each in workers:
        assert is_left(int(each.says("wait", unlike="ok").split()[1]), 20 * HOUR, began)
    clock.pass_by(20 * HOUR)
    for each in workers:
        each.says("ok")


def _status(stage: Stage) -> list[dict[str, dict[str, dict[str, float]]]]:
    import json

    said = stage.telekeep("status", "--json")
    assert said.code == 0, said
    found: list[dict[str, dict[str, dict[str, float]]]] = json.loads(said.out)["sessions"]
    return found
