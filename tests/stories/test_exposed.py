"""A session string was seen by somebody else: one command, and it is worth nothing. Real processes, stock Telethon."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from stories.borrowing.lending import Lending, line, until
from stories.conftest import CODE, PHONE
from stories.test_the_thief import STEAL, listed, logged_in
from telekeep.cli.demo.stage import Stage

WORKER = """\
import asyncio, telekeep

async def main():
    async with telekeep.client("main") as client:
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
PASSWORD = ("--password-file", "password")


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def _leak(lending: Lending) -> str:
    string = lending.telekeep("export", "main", "--to", "telethon-string", "--yes")
    assert string.code == 0, string
    lending.stage.write("leaked", string.out)
    return string.out


def _steal(lending: Lending) -> str:
    said = lending.run(lending.stage.write("thief.py", STEAL), "leaked")
    return said.out if said.code == 0 else said.err.splitlines()[-1]


def test_a_leaked_string_is_worth_nothing_and_everybody_goes_on(lending: Lending) -> None:
    string = _leak(lending)
    lending.stage.write(".env", f"# mine\nTELEGRAM_SESSION={string}\nOTHER=1\n")
    listed(lending.stage)  # the baseline of the watch
    assert _steal(lending).isdecimal(), "while nobody of ours is connected, the thief is let in"
    logged_in(lending.stage, "strange", home="elsewhere")
    assert [each["kind"] for each in listed(lending.stage)["alarms"]][-1] == "stranger"
    lending.telegram("advance", seconds=90_000)  # our login is older than a day now

    said = lending.telekeep("exposed", "main", *PASSWORD, "--yes", "--json")
    assert said.code == 0, said
    found = json.loads(said.out)
    assert found["ended"] and len(found["strangers_ended"]) == 1 and not found["strangers_left"]
    assert string not in said.out + said.err

    assert not _steal(lending).isdecimal(), "the thief is nobody any more"
    assert lending.telekeep("test", "strange", home="elsewhere").code == 1, "nor has the stranger"
    env = (lending.folder / ".env").read_text()
    assert env.startswith("# mine\nTELEGRAM_SESSION=1") and env.endswith("\nOTHER=1\n") and string not in env
    assert (lending.folder / ".env").stat().st_mode & 0o777 == 0o600
    assert lending.telekeep("test", "main").code == 0
    lending.check()


def test_after_a_406_a_person_is_needed_who_logs_in_anew(lending: Lending) -> None:
    _leak(lending)
    worker = lending.start(lending.stage.write("worker.py", WORKER))
    assert line(worker) == "ready"
    _steal(lending)  # while ours is connected: Telegram ends the key for both
    until(lambda: lending.telekeep("test", "main").code == 1)
    codes = lending.stats()["codes_sent"]
    alone = lending.telekeep("exposed", "main", "--yes")
    assert alone.code == 1 and lending.stats()["codes_sent"] == codes, alone
    said = lending.telekeep("exposed", "main", "--phone", PHONE, "--code", CODE, *PASSWORD, "--yes", "--json")
    assert said.code in (0, 8), said
    assert json.loads(said.out)["was_over"] is True
    assert lending.stats()["codes_sent"] == codes, "Telegram had given a token for the next login"
    until(lambda: lending.telekeep("test", "main").code == 0)
    lending.stage.kill(worker)
