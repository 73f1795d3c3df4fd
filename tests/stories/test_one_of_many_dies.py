"""One session ends; whoever works with it stops without asking anybody anything, and the others do not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from stories.borrowing.lending import PROGRAMS, Lending, until
from stories.conftest import PHONE
from stories.days import Worker
from telekeep.cli.demo.stage import Stage

OTHERS = ("9996625678", "9996629012")
TYPED = b"+14155552671\n22222\nsecret\n"

STOCK = """\
import asyncio, os
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    client = TelegramClient(StringSession(os.environ["SESSION"]), 1, "0" * 32, connection_retries=1, retry_delay=0)
    await client.start(phone=lambda: input("phone: "))  # as most programs do
    await client.get_me()

asyncio.run(main())
"""


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def with_somebody_to_ask(lending: Lending, *words: str, session: str = "") -> tuple[int, str, bytes]:
    """Run a program whose standard input has answers ready: its exit code, what it said, and what it has not read."""
    there, here = os.pipe()
    os.write(here, TYPED)
    os.close(here)
    environ = lending.stage.environment() | {"SESSION": session, "TELEGRAM_PHONE": f"+{PHONE}"}
    done = subprocess.run(
        [sys.executable, *words], env=environ, cwd=lending.folder, stdin=there, capture_output=True, timeout=60
    )
    left = os.read(there, 1000)
    os.close(there)
    return done.returncode, (done.stdout + done.stderr).decode(), left


def test_an_expired_session_in_a_worker_asks_for_no_code_and_reads_no_standard_input(lending: Lending) -> None:
    """003-F1: the original's worst fault. EOFError was taken for a damaged session, and a code asked for every time."""
    stock = str(lending.stage.write("stock.py", STOCK))
    string = lending.lend()
    assert with_somebody_to_ask(lending, stock, session=string)[0] == 0
    before = lending.stats()
    lending.telegram("fault", kind="expire")
    asker = str(PROGRAMS / "asker.py")
    programs = (
        (asker, "main"),
        (asker, "main", "direct"),
        ("-m", "telekeep", "test", "main"),
        ("-m", "telekeep", "recover", "main", "--yes"),
        ("-m", "telekeep", "run", "main", "--", stock),
    )
    for words in programs:
        code, said, left = with_somebody_to_ask(lending, *words)
        assert left == TYPED, (words, said)
        assert code != 0 or "EXPIRED" in said.upper(), (words, said)
        assert "EOF" not in said and "corrupt" not in said, (words, said)
    code, said, left = with_somebody_to_ask(lending, stock, session=string)
    assert (code != 0, left) == (True, TYPED), said
    seen = lending.check()
    assert (seen["codes_sent"], seen["logins"]) == (before["codes_sent"], before["logins"])
    (found,) = json.loads(lending.ok("status", "main", "--json"))["sessions"]
    assert (found["state"], found["quarantine"]["error"]) == ("quarantined", "SessionExpired")


def test_a_daemon_goes_on_with_its_other_sessions_when_one_dies(lending: Lending) -> None:
    """003-5: no cascading failures."""
    names = ["main"]
    for number, phone in enumerate(OTHERS):
        lending.telegram("account", phone=phone, messages=3)
        names.append(f"other{number}")
        lending.ok("auth", names[-1], "--phone", phone, "--code", phone[5] * 5)
    workers = [Worker(lending.stage, PROGRAMS / "asking.py", name) for name in names]
    for each in workers:
        each.says("ok")
    pid, before = lending.daemon(), lending.stats()
    lending.telegram("fault", kind="duplicated", phone=PHONE)
    workers[0].says("trouble", past=0)
    until(lambda: _states(lending)["main"] == "quarantined")
    for each in workers[1:]:
        for _ in range(5):
            each.says("ok", unlike="trouble")
    seen = lending.stats()
    assert seen["connections"] == before["connections"], "the others kept theirs, and the dead one got no other"
    assert lending.daemon() == pid
    assert _states(lending) == {"main": "quarantined", "other0": "kept", "other1": "kept"}
    until(lambda: sorted(lending.owned()) == ["other0", "other1"])


def _states(lending: Lending) -> dict[str, str]:
    return {each["name"]: each["state"] for each in json.loads(lending.ok("status", "--json"))["sessions"]}
