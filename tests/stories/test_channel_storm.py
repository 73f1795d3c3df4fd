"""A busy supergroup, five borrowers, the daemon killed again and again, lines cut: each ends with exactly the world."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator

import pytest

from stories.borrowing.lending import Lending, line, until
from telekeep.cli.demo.stage import Stage

PHONE, BOB, CODE = "9996623456", "9996623457", "22222"


@pytest.fixture
def lending(stage: Stage) -> Iterator[Lending]:
    with Lending(stage) as lending:
        yield lending


@pytest.mark.storm
@pytest.mark.timeout(300)
def test_every_borrower_ends_with_exactly_what_is_in_the_channel(lending: Lending) -> None:
    whole = bool(os.environ.get("TELEKEEP_STORM"))
    seconds, kills, cuts = (60, 8, 12) if whole else (4, 1, 2)
    for phone, name in ((PHONE, "main"), (BOB, "bob")):
        lending.telegram("account", phone=phone)
        lending.ok("auth", name, "--phone", phone, "--code", CODE)
    lending.telegram("channel", title="Club", username="the_club", group=True, members=[PHONE, BOB])
    names = ["telekeep0", "telekeep1", "string0", "sqlite0", "sqlite1"]
    for name in names[2:]:
        if name.startswith("string"):
            (lending.folder / f"{name}.txt").write_text(lending.lend("main", "--as", name))
        else:
            file = str(lending.folder / f"{name}.session")
            lending.ok("lend", "main", "--as", name, "--to", "telethon-sqlite", "--out", file)
    readers = [lending.start("channel_reader.py", lending.folder, *part) for part in (names[:2], names[2:])]
    assert [line(each) for each in readers] == ["ready", "ready"]
    before = lending.heard()
    lending.telegram("send", to="@the_club", text="the beginning")
    until(lambda: lending.heard() > before and lending.is_written())  # what is not on disk dies with the daemon
    writer = lending.start("channel_writer.py", str(seconds), "50")
    _rage(lending, seconds, kills, cuts)
    said = lending.stage.finish(writer)
    assert said.code == 0, said
    for reader in readers:
        ended = lending.stage.finish(reader)
        assert ended.code == 0, (ended, lending.log())
    world = json.loads(said.out)
    found = {name: json.loads((lending.folder / f"{name}.json").read_text()) for name in names}
    figures = {name: {key: value for key, value in each.items() if key != "messages"} for name, each in found.items()}
    print("the storm in the channel:", len(world), "messages;", figures, lending.stats())
    for name, each in found.items():
        differs = {number for number in world.keys() | each["messages"].keys() if is_otherwise(world, each, number)}
        assert not differs, (name, sorted((n, world.get(n), each["messages"].get(n)) for n in differs)[:20], figures)
    lending.check()


def is_otherwise(world: dict[str, str], found: dict[str, dict[str, str]], number: str) -> bool:
    """Whether somebody has another idea of this message than the world."""
    return world.get(number) != found["messages"].get(number)


def _rage(lending: Lending, seconds: float, kills: int, cuts: int) -> None:
    """Kill the daemon and cut every line, at moments of their own, while messages flow."""
    dice, began = random.Random(time.time_ns()), time.monotonic()
    moments = [(began + dice.uniform(0.5, seconds), "kill") for _ in range(kills)]
    moments += [(began + dice.uniform(0.5, seconds), "cut") for _ in range(cuts)]
    for moment, what in sorted(moments):
        time.sleep(max(0.0, moment - time.monotonic()))  # the rhythm of the storm, not a wait for anything
        if what == "cut":
            lending.telegram("fault", kind="close", phone=PHONE)
        else:
            lending.kill_daemon()
            lending.ok("daemon", "start")
