"""A key is set aside, and comes back: by one question more, asked alone; what was seen of a second user is told."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from stories.borrowing.lending import Lending, line, until
from stories.days import Clock
from telekeep.cli.demo.stage import Stage

HOUR = 3600.0

THIEF = """\
import asyncio, os, sys
from telethon import TelegramClient, errors
from telethon.sessions import StringSession
from telethon.crypto import rsa
from telekeep.session import network

async def main():
    net = network.load(os.environ["TELEKEEP_NETWORK"])
    for pem in net.keys:
        rsa.add_key(pem, old=False)
    session = StringSession(open(sys.argv[1]).read().strip())
    home = net.dc(session.dc_id)
    session.set_dc(home.id, home.host, home.port)
    client = TelegramClient(session, 1, "0" * 32, receive_updates=False)
    try:
        await client.connect()
        while True:
            await client.get_messages("me", limit=1)
    except errors.AuthKeyDuplicatedError:
        print("duplicated", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def session(lending: Lending) -> dict[str, Any]:
    (found,) = json.loads(lending.ok("status", "main", "--json"))["sessions"]
    return dict(found)


@pytest.mark.parametrize("owned", [True, False], ids=["through the daemon", "alone"])
def test_a_verdict_that_was_wrong_is_lifted_and_programs_go_on_with_their_loans(lending: Lending, owned: bool) -> None:
    string = lending.lend()
    me = lending.run("asker.py", "main", "string", environ={"SESSION": string}).out
    assert me.startswith("as ")
    codes = lending.stats()["codes_sent"]
    lending.telegram("fault", kind="error", code=406, message="AUTH_KEY_DUPLICATED")
    lending.run("asker.py", "main", "string", environ={"SESSION": string})
    until(lambda: session(lending)["state"] == "quarantined")
    said = lending.run("asker.py", "main", "string", environ={"SESSION": string})
    assert said.out.startswith("AuthKeyDuplicated"), said
    before = lending.stats()
    if not owned:
        lending.ok("daemon", "stop")
    answer = json.loads(lending.ok("recover", "main", "--yes", "--json", "--offline"))
    assert answer["done"] == ["Ask Telegram once more about the quarantined key of main"] and not answer["left"]
    if not owned:
        lending.ok("daemon", "start")
    until(lambda: lending.owned() == ["main"])
    assert session(lending)["state"] == "kept"
    assert lending.run("asker.py", "main", "string", environ={"SESSION": string}).out == me
    seen = lending.check()
    assert seen["connections"] == before["connections"] + 2, "the question, and the owner's own"
    assert seen["codes_sent"] == codes


def test_two_users_of_one_key_are_told_who_the_other_was(lending: Lending) -> None:
    """A session file was given away before it was imported, and somebody still runs with it."""
    stolen = lending.folder / "stolen"
    lending.ok("export", "main", "--to", "telethon-string", "--out", str(stolen), "--yes")
    worker = lending.start("steady.py", "telekeep", "one")
    assert line(worker) == "ready"
    thief = lending.start(lending.stage.write("thief.py", THIEF), str(stolen))
    assert line(thief) == "duplicated"
    until(lambda: session(lending)["state"] == "quarantined")
    found = until(lambda: (one := session(lending))["quarantine"]["evidence"] and one)  # noted before it is looked for
    assert found["quarantine"]["error"] == "AuthKeyDuplicated", found
    assert f"process {thief.pid} " in found["quarantine"]["evidence"] and "thief.py" in found["quarantine"]["evidence"]
    said = lending.telekeep("diagnostics", "main")
    assert said.code == 1 and f"process {thief.pid} " in said.out and "find the second copy" in said.out
    calls = lending.stats()["rpc"]
    for _ in range(2):
        assert lending.telekeep("recover", "main", "--yes").code == 1
    seen = lending.stats()
    assert seen["rpc"] - calls <= 2, "one question more, and no other"
    assert seen["duplicated"] == 1


def test_recover_waits_22_hours_asks_nothing_and_restores_everything_by_itself(kept: Stage, clock: Clock) -> None:
    """003-9, 003-14, 003-15: the daemon was killed meanwhile, and starts again when the time has come."""
    with Lending(kept) as lending:
        string = lending.lend()
        lending.telegram("fault", kind="flood", method="users.getUsers", seconds=22 * HOUR)
        assert lending.telekeep("test", "main").code == 4
        lending.kill_daemon()
        before = lending.stats()
        interrupted = lending.start("-m", "telekeep", "recover", "main", "--when-clear")
        waiting = lending.start("-m", "telekeep", "recover", "main", "--when-clear", "--json")
        assert "22.0 hours remaining, until " in line(interrupted, of="stderr")
        clock.pass_by(3 * HOUR)
        said = lending.telekeep("diagnostics", "main", "--offline")
        assert "19.0 hours remaining" in said.out and "`telekeep recover main --when-clear`" in said.out
        assert "19.0 hours remaining" in line(interrupted, of="stderr"), "now and then it is said again"
        interrupted.send_signal(signal.SIGINT)
        said = kept.finish(interrupted)
        assert said.code == 130 and "✗ Stopped." in said.err and "Traceback" not in said.err, said
        assert waiting.poll() is None and lending.daemon() is None
        seen = lending.stats()
        assert (seen["rpc"], seen["connections"]) == (before["rpc"], before["connections"])
        clock.pass_by(19.1 * HOUR)
        said = kept.finish(waiting)
        answer = json.loads(said.out)
        assert said.err == "" and answer["waited"] > 18 * HOUR and answer["done"] == ["Restart the daemon"], said
        assert {each["check"] for each in answer["left"]} == {"clock"}, "ours was moved, the emulator's was not"
        until(lambda: lending.owned() == ["main"])  # a daemon that serves opens its sessions then
        assert lending.run("asker.py", "main", "string", environ={"SESSION": string}).out.startswith("as ")
        assert lending.check()["codes_sent"] == before["codes_sent"]
