"""Somebody ends a session on the phone, at night: its programs stop, the others go on, and nobody asks for a code."""

from __future__ import annotations

import json
import time

from stories.conftest import CODE, PHONE
from telekeep.cli.demo.stage import Stage, first_line

OTHER = "9996625678"

WORKER = """\
import asyncio, sys, telekeep

async def main():
    async with telekeep.client(sys.argv[1]) as client:
        print("working", flush=True)
        while True:
            await client.get_messages("me", limit=1)
            print("ok", flush=True)
            await asyncio.sleep(0.1)

try:
    asyncio.run(main())
except Exception as error:
    sys.exit(f"over: {type(error).__name__}")
"""


def state_of(stage: Stage, name: str) -> dict[str, object]:
    said = stage.telekeep("status", name, "--json")
    assert said.code == 0, said
    (found,) = json.loads(said.out)["sessions"]
    return dict(found)


def until_quarantined(stage: Stage, name: str) -> dict[str, object]:
    end = time.monotonic() + 30
    while (found := state_of(stage, name))["state"] != "quarantined":
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def test_a_key_revoked_at_night(kept: Stage) -> None:
    """003-5, 003-F1: workers stop cleanly, and an expired session leads to no code request every four minutes."""
    assert kept.telekeep("emulator", "account", "--phone", OTHER, "--messages", "3").code == 0
    said = kept.telekeep("auth", "other", "--phone", OTHER, "--code", CODE)
    assert said.code == 0, said
    worker = str(kept.write("worker.py", WORKER))
    mine, others = kept.start(worker, "main"), kept.start(worker, "other")
    for each in (mine, others):
        assert first_line(each) == "working"
    before = kept.stats()

    assert kept.telekeep("emulator", "fault", "revoke", "--phone", PHONE).code == 0
    said = kept.finish(mine)
    assert said.code == 1 and said.err.splitlines()[-1].startswith("over: "), said
    found = until_quarantined(kept, "main")
    assert found["quarantine"]["error"] == "AuthKeyRevoked"  # type: ignore[index]
    assert "telekeep auth main --replace" in str(found["recommendation"])

    kept.kill(others)  # so that nobody else asks anything while we count
    asked = kept.stats()
    for _ in range(3):  # a service manager starts it again and again
        said = kept.run(worker, "main")
        assert said.code == 1 and "over: " in said.err, said
    said = kept.telekeep("test", "main")
    assert said.code == 1 and "Telegram was not asked again" in said.out, said
    seen = kept.stats()
    assert (seen["rpc"], seen["connections"]) == (asked["rpc"], asked["connections"])
    assert (seen["codes_sent"], seen["overlap"]) == (before["codes_sent"], 0)

    others = kept.start(worker, "other")
    assert first_line(others) == "working", "the daemon serves its other sessions"
    said = kept.telekeep("test", "main", "--probe")
    assert said.code == 1, said
    said = kept.telekeep("auth", "main", "--phone", PHONE, "--code", CODE, "--password-file", "password", "--replace")
    assert said.code == 0, said
    assert state_of(kept, "main")["state"] == "kept"
    mine = kept.start(worker, "main")
    assert first_line(mine) == "working"
    for each in (mine, others):
        kept.kill(each)
