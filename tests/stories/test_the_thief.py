"""Somebody else at the account: a copied key, a strange login, and what their owner does about it. Real processes."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from stories.borrowing.lending import until
from stories.conftest import CODE, PHONE
from stories.test_health import HOUR, Time, checked, hours
from telekeep.cli.demo.stage import Stage
from telekeep.control import ask
from telekeep.session.network import load

__all__ = ["hours"]

THIEF = "127.66.6.6"
STEAL = f"""
import asyncio, sys
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    client = TelegramClient(StringSession(open(sys.argv[1]).read().strip()), 1, "0" * 32, local_addr=("{THIEF}", 0))
    await client.connect()
    print((await client.get_me()).id)
    await client.disconnect()

asyncio.run(main())
"""


def both_clocks(stage: Stage, hours: Time, seconds: float) -> None:
    hours.pass_(seconds)
    assert stage.telekeep("emulator", "advance", "--seconds", str(seconds)).code == 0


def test_a_copied_string_is_an_alarm_within_one_round(
    kept: Stage, hours: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = kept.folder / "told.json"
    kept.write("hook.py", "import sys\nopen(sys.argv[1], 'w').write(sys.stdin.read())\n")
    environment = Stage.environment

    def with_hook(self: Stage, home: str = "home") -> dict[str, str]:
        command = f"{sys.executable} {self.folder / 'hook.py'} {told}"
        return environment(self, home) | {"TELEKEEP_ALARM_COMMAND": command}

    monkeypatch.setattr(Stage, "environment", with_hook)
    string = kept.telekeep("export", "main", "--to", "telethon-string", "--yes")
    assert string.code == 0, string
    kept.write("leaked", string.out)
    assert kept.telekeep("daemon", "start").code == 0
    kept.telekeep("emulator", "advance", "--seconds", str(6 * HOUR))
    first = checked(kept, hours, 6 * HOUR)
    assert first["outcome"] == "ok" and not told.exists()

    both_clocks(kept, hours, 3 * HOUR)
    control = load(str(kept.network)).control
    assert control is not None
    said = kept.run(str(kept.write("thief.py", STEAL)), "leaked")
    assert said.code == 0, said
    ask(control, "lag", seconds=5 * HOUR)  # Telegram has written the thief down, and not yet us
    kept.telekeep("emulator", "advance", "--seconds", str(4 * HOUR))
    second = checked(kept, hours, 4 * HOUR, after=first["checked_at"])
    assert second["outcome"] == "ok", "the session lives on"

    alarm = json.loads(until(lambda: told.exists() and told.read_text()))  # it is there before anything is in it
    assert (alarm["kind"], alarm["session"], alarm["ip"]) == ("clone", "main", THIEF)
    page = kept.telekeep("status", "main")
    assert "ALARM: somebody else has used its key" in page.out and "telekeep devices main" in page.out
    (known,) = json.loads(kept.telekeep("status", "main", "--json").out)["sessions"][0]["alarms"]
    assert known["kind"] == "clone"
    found = json.loads(kept.telekeep("diagnostics", "--offline", "--json").out)["findings"]
    assert any(each["check"] == "devices" and each["session"] == "main" for each in found)
    assert string.out not in kept.telekeep("daemon", "logs").out
    assert THIEF in kept.telekeep("daemon", "logs").out
    seen = kept.telekeep("devices", "seen", "main")
    assert seen.code == 0 and THIEF in seen.out
    assert "ALARM" not in kept.telekeep("status", "main").out
    counted = kept.stats()
    assert (counted["overlap"], counted["duplicated"]) == (0, 0)


def logged_in(stage: Stage, name: str, home: str = "home") -> None:
    words = ("auth", name, "--phone", PHONE, "--code", CODE, "--password-file", "password")
    said = stage.telekeep(*words, home=home)
    assert said.code == 0, said


def listed(stage: Stage, *more: str) -> dict[str, Any]:
    said = stage.telekeep("devices", "main", "--json", *more)
    assert said.code == 0, said
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_strangers_are_ended_and_ours_are_spared(kept: Stage, hours: Time) -> None:
    logged_in(kept, "other", home="elsewhere")
    first = listed(kept)
    assert first["first_look"] and [each["known"] for each in first["devices"]] == ["ours", "baseline"]
    assert first["devices"][0]["origin"] == "made by telekeep here"
    stranger = first["devices"][1]["id"]

    asked = kept.telekeep("devices", "revoke", "main", stranger[:8])
    assert asked.code == 2 and "--yes" in asked.err, "nobody can be asked here"
    young = kept.telekeep("devices", "revoke", "main", stranger[:8], "--yes", "--json")
    said = json.loads(young.out)
    assert (young.code, said["error"]) == (4, "LoginTooYoung") and "24 hours" in said["message"]
    assert said["until"] == first["devices"][0]["created_at"] + 86_400
    both_clocks(kept, hours, 86_401)

    assert kept.telekeep("devices", "revoke", "main", stranger[:8], "--yes").code == 0
    assert kept.telekeep("devices", "revoke", "main", stranger[:8], "--if-there").code == 0, "it has ended already"
    gone = kept.telekeep("test", "other", home="elsewhere")
    assert gone.code == 1 and "invalid" in gone.out

    logged_in(kept, "laptop")
    logged_in(kept, "again", home="elsewhere")
    loan = kept.telekeep("lend", "main", "--as", "worker")  # from here on, the daemon owns it
    assert loan.code == 0, loan
    now = listed(kept)
    assert [each["session"] for each in now["devices"]].count("laptop") == 1
    assert [each["kind"] for each in now["alarms"]] == ["stranger"]
    refused = kept.telekeep(
        "devices", "revoke", "main", next(x["id"] for x in now["devices"] if x["session"] == "laptop")
    )
    assert refused.code == 2 and "laptop" in refused.err, "ours is ended only by its name"
    assert kept.telekeep("devices", "ttl", "main", "90").out.endswith("after 90 days without use.")
    down = kept.telekeep("devices", "lockdown", "main", "--yes", "--json")
    assert down.code == 0, down
    ended = json.loads(down.out)
    assert len(ended["ended"]) == 1 and ended["spared"] == ["laptop", "main"]
    assert kept.telekeep("test", "again", home="elsewhere").code == 1
    for name in ("main", "laptop"):
        assert kept.telekeep("test", name).code == 0, name
    assert kept.telekeep("devices", "revoke", "main", "laptop", "--yes").code == 0, "unless it is meant"
    assert kept.telekeep("test", "laptop").code == 1
    counted = kept.stats()
    assert (counted["overlap"], counted["duplicated"]) == (0, 0)


def test_what_telekeep_makes_is_no_stranger(kept: Stage, hours: Time) -> None:
    assert kept.telekeep("daemon", "start").code == 0
    kept.telekeep("emulator", "advance", "--seconds", str(6 * HOUR))
    first = checked(kept, hours, 6 * HOUR)
    forked = kept.telekeep("fork", "main", "--as", "laptop", "--password-file", "password")
    assert forked.code == 0, forked
    kept.telekeep("emulator", "advance", "--seconds", str(6 * HOUR))
    second = checked(kept, hours, 6 * HOUR, after=first["checked_at"])
    renewed = kept.telekeep("renew", "main", "--password-file", "password")
    assert renewed.code == 0, renewed
    kept.telekeep("emulator", "advance", "--seconds", str(6.5 * HOUR))
    checked(kept, hours, 6.5 * HOUR, after=second["checked_at"])
    found = listed(kept)
    assert found["alarms"] == []
    assert sorted(str(each["session"]) for each in found["devices"]) == ["laptop", "main"]
