"""Eight processes fight for one session while they are killed at random. Telegram is the judge."""

from __future__ import annotations

import os
import random
import time

import pytest

from stories.borrowing.lending import Lending, until
from telekeep.cli.demo.stage import Stage

FIGHTER = """\
import asyncio, sys, telekeep

async def main():
    while True:
        try:
            async with telekeep.client("main", direct=True, timeout=20) as client:
                for _ in range(3):
                    await client.get_me()
        except telekeep.errors.SessionBusy:
            continue
        print("spoke", flush=True)

asyncio.run(main())
"""


@pytest.mark.storm
def test_eight_processes_fight_for_one_session_and_telegram_never_sees_two(kept: Stage) -> None:
    seconds = 60 if os.environ.get("TELEKEEP_STORM") else 10
    fighter = str(kept.write("fighter.py", FIGHTER))
    dice = random.Random(time.time_ns())
    fighters = [kept.start(fighter) for _ in range(8)]
    end = time.monotonic() + seconds
    kills, lending = 0, Lending(kept)
    heard = lending.stats()["rpc"]
    while time.monotonic() < end:
        heard = until(lambda heard=heard: _more_than(lending, heard + 4), 60)  # who hardly speaks proves nothing
        time.sleep(dice.uniform(0.2, 0.8))  # the rhythm of the storm, not a wait for anything
        victim = dice.randrange(len(fighters))
        assert fighters[victim].poll() is None, fighters[victim].communicate()
        kept.kill(fighters[victim])
        kills += 1
        fighters[victim] = kept.start(fighter)
    for process in fighters:
        kept.kill(process)
    seen = kept.stats()
    assert (seen["duplicated"], seen["overlap"]) == (0, 0), seen
    assert kills
    assert kept.telekeep("test", "main").code == 0


def _more_than(lending: Lending, calls: int) -> int:
    """How many calls Telegram has heard, if they are more."""
    heard = lending.stats()["rpc"]
    return heard if heard > calls else 0
