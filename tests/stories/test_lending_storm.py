"""Borrowers come and go, programs want the session for themselves, and the daemon is killed: Telegram is the judge."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.borrowing.lending import Lending, until
from stories.borrowing.storm_log import Log, faults, missing
from telekeep.cli.demo.stage import Said, Stage

PHONE, CODE = "9996623456", "22222"
LIGHT = 0.12  # seconds between two messages that everybody has to hear of


@pytest.fixture
def lending(stage: Stage) -> Iterator[Lending]:
    with Lending(stage) as lending:
        yield lending


class Storm:
    """All who take part. ``clients``: how many of each kind, in how many processes."""

    def __init__(self, lending: Lending, clients: dict[str, tuple[int, int]], fighters: int, passers: int) -> None:
        self.lending = lending
        self.folder = lending.folder / "storm"
        self.folder.mkdir()
        self.dice = random.Random(time.time_ns())
        self.number = 0
        self.kills = 0
        self.restarts = 0
        self.starting: list[subprocess.Popen[str]] = []
        self.ended: Counter[str] = Counter()
        self._prepare(clients)
        self.crews = [
            (kind, [f"{kind}{crew}x{one}" for one in range(each)])
            for kind, (crews, each) in clients.items()
            for crew in range(crews)
        ]
        self.borrowers = [self._crew(*crew) for crew in self.crews]
        self.fighters = [lending.start("storm_fighter.py") for _ in range(fighters)]
        self.passers = [self._passer() for _ in range(passers)]

    def _prepare(self, clients: dict[str, tuple[int, int]]) -> None:
        """Loans for stock programs, and other sessions of the account for those that hold their own."""
        for kind, (crews, each) in clients.items():
            for name in [f"{kind}{crew}x{one}" for crew in range(crews) for one in range(each)]:
                if kind == "string":
                    (self.folder / f"{name}.txt").write_text(self.lending.lend("main", "--as", name))
                elif kind == "sqlite":
                    file = str(self.folder / f"{name}.session")
                    self.lending.ok("lend", "main", "--as", name, "--to", "telethon-sqlite", "--out", file)
                elif kind == "direct":
                    self.lending.ok("auth", name, "--phone", PHONE, "--code", CODE)

    def _crew(self, kind: str, names: list[str]) -> subprocess.Popen[str]:
        return self.lending.start("storm_borrower.py", kind, self.folder, *names)

    def _passer(self) -> subprocess.Popen[str]:
        return self.lending.start("storm_passer.py", str(time.monotonic_ns()))

    # ---- what happens

    def rage(self, seconds: float, kills: int) -> None:
        """Messages flow all the while; now and then somebody leaves and comes again, and the daemon is killed."""
        until(self._all_are_up, 180)
        began = time.monotonic()
        gap = seconds / (kills + 1)
        next_kill, next_change, start_at = began + gap * 0.8, began + 3.0, 0.0
        while time.monotonic() < began + seconds or self.kills < kills:
            self.light()
            now = time.monotonic()
            if self.kills < kills and now > next_kill and all(each.poll() is not None for each in self.starting):
                self.lending.kill_daemon()
                self.kills += 1
                next_kill += gap
                start_at = now + self.dice.uniform(0.0, 2.0)
            elif start_at and now > start_at:
                self.starting.append(self.lending.stage.start("-m", "telekeep", "daemon", "start"))
                start_at = 0.0
            elif now > next_change:
                self.change()
                next_change = now + self.dice.uniform(2.0, 5.0)
            time.sleep(LIGHT)  # the rhythm of the storm, not a wait for anything
        if start_at:
            self.lending.ok("daemon", "start")

    def _all_are_up(self) -> bool:
        """Whether each client has begun its life: who takes long to start hears little of the storm."""
        logs = [self.folder / f"{name}.log" for _, names in self.crews for name in names]
        return all(log.exists() and "\nup " in log.read_text() for log in logs)

    def light(self) -> None:
        self.number += 1
        self.lending.telegram("send", to=PHONE, text=f"light {self.number} {time.time()}")

    def change(self) -> None:
        """A process of borrowers ends and comes again, or one that only passes by is killed."""
        for index, process in enumerate(self.borrowers):
            if process.poll() is not None:
                self._look(self.lending.stage.finish(process))
                self.borrowers[index] = self._crew(*self.crews[index])
                self.restarts += 1
                return
        if self.passers and self.dice.random() < 0.5:
            index = self.dice.randrange(len(self.passers))
            assert self.passers[index].poll() is None, self.passers[index].communicate()
            self.lending.stage.kill(self.passers[index])
            self.passers[index] = self._passer()
        else:
            self.dice.choice(self.borrowers).terminate()

    def _look(self, said: Said) -> None:
        """It ended in order; or before it had begun, when nobody was there to take the signal."""
        assert said.code == 0 or (said.code, said.out) == (-signal.SIGTERM, ""), said

    # ---- the end

    def settle(self) -> None:
        """Everybody leaves in order, having heard everything."""
        for process in self.starting:
            self._look(self.lending.stage.finish(process))
        for process in self.passers:
            assert process.poll() is None, process.communicate()
            self.lending.stage.kill(process)
        for process in self.fighters:
            assert process.poll() is None, process.communicate()
            process.kill()
            self.ended.update(self.lending.stage.finish(process).out.split())
        for process in self.borrowers:
            process.terminate()
        end = time.monotonic() + 180
        while any(process.poll() is None for process in self.borrowers) and time.monotonic() < end:
            self.light()
            time.sleep(LIGHT)
        crews = zip(self.crews, self.borrowers, strict=True)
        waiting = [names for (_, names), process in crews if process.poll() is None]
        assert not waiting, f"these have not heard of what was sent last: {waiting}; {self.lending.log()}"
        for process in self.borrowers:
            self._look(self.lending.stage.finish(process))

    def logs(self) -> list[Log]:
        return [Log.read(path.stem, path.read_text()) for path in sorted(self.folder.glob("*.log"))]


@pytest.mark.storm
@pytest.mark.timeout(420)
def test_whatever_happens_everybody_hears_everything_once_and_telegram_sees_one_connection(lending: Lending) -> None:
    whole = bool(os.environ.get("TELEKEEP_STORM"))
    lending.telegram("account", phone=PHONE, messages=12)
    lending.ok("auth", "main", "--phone", PHONE, "--code", CODE)
    if whole:
        crews = {"telekeep": (2, 5), "string": (1, 5), "sqlite": (1, 4), "direct": (1, 3)}
        storm = Storm(lending, crews, fighters=2, passers=1)
        storm.rage(120, kills=10)
    else:
        storm = Storm(lending, {"telekeep": (1, 3), "string": (1, 1), "sqlite": (1, 1), "direct": (1, 1)}, 1, 1)
        storm.rage(14, kills=2)
    storm.settle()
    logs = storm.logs()
    history = _history(lending)
    wrong = [fault for log in logs for fault in faults(log, history)]
    heard = sum(len(life.heard) for log in logs for life in log.lives)
    figures = {
        "sent": len(history), "heard": heard, "lives": sum(len(log.lives) for log in logs),
        "dropped by Telethon": sum(len(missing(log, life, history)) for log in logs for life in log.lives),
        "kills": storm.kills, "restarts": storm.restarts, **storm.ended,
        **sum((log.others for log in logs), Counter()), **lending.stats(),
    }  # fmt: skip
    print("the storm:", figures)
    assert not wrong, "\n".join([f"{len(wrong)} faults; {figures}", *wrong[:40], _kept(storm, wrong)])
    lending.check()
    assert storm.kills == (10 if whole else 2)
    assert heard > len(logs) * len(history) * 0.3, f"the borrowers hardly heard a thing: {figures}"


def _history(lending: Lending) -> dict[int, str]:
    """Everything in the account, as it is in the end."""
    said = lending.run("history.py")
    assert said.code == 0, said
    return {int(number): text for number, _, text in (line.partition(" ") for line in said.out.splitlines())}


def _kept(storm: Storm, wrong: list[str]) -> str:
    """Where the logs are kept for whoever looks into it (TELEKEEP_STORM_LOGS)."""
    import shutil

    kept = os.environ.get("TELEKEEP_STORM_LOGS")
    if not kept or not wrong:
        return ""
    shutil.copytree(storm.folder, Path(kept), dirs_exist_ok=True)
    shutil.copy(storm.lending.where().log / "daemon.log", kept)
    return f"the logs are in {kept}"


HISTORY = {1: "old", 2: "light 1 10.5", 3: "b 1", 4: "light 2 11.5", 5: "light 3 12.5", 6: "b 2"}
WHOLE = "up 10\nm 2 light 1 10.5\nm 3 b 1\nm 4 light 2 11.5\naway\ngone\nback\nm 5 light 3 12.5\nend 12"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (WHOLE, 0),
        (WHOLE.replace("m 4 light 2 11.5\n", ""), 1),  # missing
        (WHOLE.replace("m 2 light 1 10.5\n", ""), 1),  # missing at its very beginning
        (WHOLE.replace("m 3 b 1", "m 3 b 1\nm 3 b 1"), 1),  # twice
        (WHOLE.replace("m 3 b 1", "m 4 light 2 11.5").replace("11.5\naway", "11.5\nm 3 b 1\naway"), 2),  # out of order
        (WHOLE.replace("m 3 b 1", "m 3 b 9"), 1),  # something else
        ("up 10\nend 12", 1),  # nothing at all
        (WHOLE + "\ntry b 1\nsent 3 b 1", 0),
        (WHOLE + "\ntry b 1\nsent 4 b 1", 1),  # told a wrong number
        (WHOLE + "\nup 13\nm 6 b 2\nend 14", 0),  # a second life
    ],
)
def test_whoever_compares_the_logs_sees_what_is_wrong_with_them(text: str, wrong: int) -> None:
    found = faults(Log.read("telekeep0x0", text), HISTORY)
    assert len(found) >= wrong and bool(found) is bool(wrong), found


def test_a_message_sent_twice_is_seen_and_what_telethon_itself_drops_is_not_held_against_us() -> None:
    log = Log.read("telekeep0x0", WHOLE + "\ntry b 1")
    assert faults(log, {**HISTORY, 7: "b 1"}) == ["telekeep0x0 sent 'b 1' 2 times"]
    dropped = "up 10\nm 2 light 1 10.5\nm 3 b 1\naway\ngone\nback\nm 5 light 3 12.5\nend 12"
    assert not faults(Log.read("string0x0", dropped), HISTORY)
    assert faults(Log.read("telekeep0x0", dropped), HISTORY)
    assert faults(Log.read("string0x0", dropped.replace("gone\n", "")), HISTORY)
