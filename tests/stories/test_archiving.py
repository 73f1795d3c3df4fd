"""Whatever dies, and whenever: the archive equals the world, row for row."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stories.borrowing.lending import Lending
from telekeep import control
from telekeep.cli.demo.stage import Said, Stage, first_line
from telekeep.cli.main import INTERRUPTED
from telekeep.work.archive.stores.place import opened

PHONE, CODE = "9996623456", "22222"
WHOLE = bool(os.environ.get("TELEKEEP_STORM"))
MESSAGES, PER_SECOND, KILLS = (20_000, 50, 100) if WHOLE else (2_000, 50, 4)


class Place:
    """A Telegram with five chats, and a home that keeps the session ``main``."""

    def __init__(self, stage: Stage, messages: int, *options: str) -> None:
        self.stage = stage
        self.folder = stage.folder
        program = Path(__file__).parent / "archiving" / "telegram.py"
        said = first_line(stage.start(str(program), str(stage.folder), str(messages), *options))
        assert said.startswith("ready"), said
        self.chats = said.split()[1:]
        self.lending = Lending(stage)
        self.lending.ok("auth", "main", "--phone", PHONE, "--code", CODE)

    def more(self, verb: str, **fields: Any) -> Any:
        return control.ask(self.folder / "more", verb, timeout=30.0, **fields)

    def archive(self, verb: str, *options: str) -> Any:
        """A process that archives all chats, begun."""
        words = ("-m", "telekeep", "archive", verb, "main", *self.chats, "--to", self.to, "--interval", "0")
        return self.stage.start(*words, *options)

    to = "archive.db"

    def finish(self, process: Any) -> Said:
        """Wait for an archive to end, at most four minutes."""
        out, err = process.communicate(timeout=240)
        self.stage.running.remove(process)
        return Said(process.returncode, out.strip(), err.strip())

    def world(self) -> list[list[Any]]:
        self.more("world", to=str(self.folder / "world.json"))
        found: list[list[Any]] = json.loads((self.folder / "world.json").read_text())
        return found

    def rows(self) -> list[list[Any]]:
        store = opened(str(self.folder / self.to), reading=True)
        try:
            return sorted(
                [each.chat_id, each.id, each.text, each.sender_id, each.date, each.out, each.edited_at]
                for each in store.messages()
            )
        finally:
            store.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


def _in_order(said: Said) -> bool:
    """It ended well, or was told to end: perhaps before it had begun, when nobody was there to take the signal."""
    return said.code in (0, INTERRUPTED) or (said.code, said.out, said.err) == (-signal.SIGTERM, "", "")


def _differences(ours: list[list[Any]], theirs: list[list[Any]]) -> str:
    a, b = ({(row[0], row[1]): row for row in rows} for rows in (ours, theirs))
    missing, extra = sorted(b.keys() - a.keys()), sorted(a.keys() - b.keys())
    other = [(a[key], b[key]) for key in sorted(a.keys() & b.keys()) if a[key] != b[key]]
    found = (("missing", missing), ("too many", extra), ("different", other))
    return "; ".join(f"{word} {len(each)}: {each[:5]}" for word, each in found)


@pytest.mark.storm
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("to", "log"),  # of how many events a client is told that it missed
    [("archive.db", 10_000), ("archive.db", 60), ("archive.jsonl", 10_000)] if WHOLE else [("archive.db", 10_000)],
)
def test_whatever_is_killed_and_whenever_the_archive_equals_the_world(stage: Stage, to: str, log: int) -> None:
    place = Place(stage, MESSAGES, str(log))
    place.to = to
    dice = random.Random(time.time_ns())
    lending = place.lending
    with lending:
        place.more("live", per_second=PER_SECOND)
        kills = {"archive": 0, "daemon": 0}
        said: list[Said] = []
        working, floods = None, 3 if WHOLE else 1
        while sum(kills.values()) < KILLS:
            if working is None:
                verb, *options = dice.choice([("historical",), ("monitor", "--history"), ("monitor", "--history")])
                working = place.archive(verb, *options)
            time.sleep(dice.uniform(0.3, 2.5) if WHOLE else dice.uniform(0.6, 1.8))  # when it dies is chance
            if dice.random() < 0.3:
                kind = dice.choice(["close", "drop-before", "drop-after"])
                lending.telegram("fault", kind=kind, phone=PHONE)
            if dice.random() < 0.3 and floods:  # few: each makes the owner ask half as often for a while
                floods -= 1
                method = ["updates.getDifference", "messages.getHistory"][floods % 2]
                lending.telegram("fault", kind="flood", phone=PHONE, method=method, seconds=1)
            if working.poll() is not None:
                said.append(place.finish(working))
                working = None
            elif dice.random() < 0.65 or not kills["archive"]:
                os.kill(working.pid, signal.SIGKILL)
                working.communicate()
                stage.running.remove(working)
                kills["archive"] += 1
                working = None
            elif lending.daemon():
                lending.kill_daemon()
                kills["daemon"] += 1
        if working is not None:
            working.terminate()
            said.append(place.finish(working))
        place.more("live", per_second=0)
        deadline = time.monotonic() + 300
        while True:  # an owner whom floods have slowed down takes its time to know what there is
            last = place.finish(place.archive("historical", "--json"))
            assert last.code == 0, (last, lending.log()[-3000:])
            ours, theirs = place.rows(), place.world()
            if ours == theirs or time.monotonic() > deadline:
                break
        print("the archive:", kills, len(theirs), "messages;", [each.code for each in said])
        assert ours == theirs, _differences(ours, theirs)
        assert len({(row[0], row[1]) for row in ours}) == len(ours) > MESSAGES
        assert all(_in_order(each) for each in said), said
        lending.check()
