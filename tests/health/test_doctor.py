"""The doctor: every step has a deadline, and none keeps another from being heard."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

from telekeep.errors import LeaseLost, SessionSealed
from telekeep.health.check import ok
from telekeep.health.doctor import Step, examine, once


async def test_findings_come_in_the_order_of_the_steps_whoever_is_quicker() -> None:
    first_may = asyncio.Event()

    async def slow() -> str:
        await first_may.wait()
        return "slow"

    def quick() -> str:
        return "quick"

    async def last() -> str:
        first_may.set()
        return "last"

    steps = [Step(f.__name__, f, lambda told: [ok("c", told)]) for f in (slow, quick, last)]
    assert [each.words for each in await examine(steps)] == ["slow", "quick", "last"]


async def test_what_goes_wrong_in_a_step_is_its_finding() -> None:
    async def sealed() -> None:
        raise SessionSealed("no key")

    def stumbles() -> None:
        raise KeyError("a secret value")

    async def lost() -> None:
        raise LeaseLost(reason="forked")

    async def hangs() -> None:
        await asyncio.Event().wait()

    def well() -> str:
        return "well"

    steps = [Step("a", sealed, list, "main"), Step("b", stumbles, list), Step("c", lost, list)]
    steps += [Step("d", hangs, list, seconds=0.05), Step("e", well, lambda told: [ok("e", told)])]
    found = await examine(steps)
    assert [(each.check, each.error, each.exit_code) for each in found] == [
        ("a", "SessionSealed", 7),
        ("b", None, 8),
        ("c", "LeaseLost", 0),
        ("d", None, 8),
        ("e", None, 0),
    ]
    assert "a secret value" not in found[1].words and "KeyError" in found[1].words
    assert "0.05 s" in found[3].words


async def test_no_more_steps_run_at_once_than_are_allowed() -> None:
    running = most = 0

    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running -= 1

    await examine([Step("a", count, lambda _: [])] * 20, at_once=3)
    assert most == 3


async def test_shared_facts_are_gathered_once() -> None:
    asked = 0

    async def gather() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    shared = once(gather)
    assert await asyncio.gather(shared(), shared(), shared()) == [1, 1, 1]


def test_a_disk_that_hangs_does_not_keep_the_program_from_ending() -> None:
    code = """
import asyncio, threading
from telekeep.health.doctor import Step, examine
found = asyncio.run(examine([Step("a", threading.Event().wait, list, seconds=0.05)]))
print(found[0].words)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "given up" in done.stdout, done.stderr


async def test_plain_functions_do_not_block_the_others() -> None:
    began = threading.Event()

    def waits() -> bool:
        return began.wait(30)

    async def lets_it_go() -> bool:
        began.set()
        return True

    steps = [Step("a", waits, lambda got: [ok("a", str(got))]), Step("b", lets_it_go, lambda got: [])]
    assert [each.words for each in await examine(steps)] == ["True"]
