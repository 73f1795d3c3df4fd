"""Nothing of a run outlives it, whatever its program has started and whatever that does not listen to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from telekeep.work.jobs import child, process
from telekeep.work.jobs.process import Run

DEAF = "trap '' TERM; while :; do sleep 0.05; done"


def is_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_process_between_ends_also_those_who_do_not_listen(tmp_path: Path) -> None:
    program = f"({DEAF}) & echo ready; exec sleep 60"
    theirs, ours = os.pipe()
    lock = str(tmp_path / "lock")
    words = [sys.executable, "-I", str(child.__file__), str(theirs), lock, "0.1", "sh", "-c", program]
    with subprocess.Popen(words, stdout=subprocess.PIPE, pass_fds=[theirs], start_new_session=True) as between:
        os.close(theirs)
        assert between.stdout and between.stdout.readline() == b"ready\n"
        os.close(ours)  # as when the daemon was killed
        between.wait(30)
    until(lambda: not is_left(between.pid))


@pytest.mark.parametrize("death", [None, signal.SIGKILL], ids=["it has ended", "the process between was killed"])
async def test_a_run_is_over_when_nobody_of_it_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, death: signal.Signals | None
) -> None:
    monkeypatch.setattr(process, "_BEYOND", 0.3)
    ready = tmp_path / "ready"
    made = await asyncio.create_subprocess_exec(
        "sh", "-c", f"(touch {ready}; {DEAF}) & {'exec sleep 60' if death else ''}", start_new_session=True
    )
    theirs, ours = os.pipe()
    os.close(theirs)
    run = Run(made, ours)
    await asyncio.to_thread(until, ready.exists)
    if death:
        made.kill()
    assert await run.ended() == (-9 if death else 0)
    await asyncio.to_thread(until, lambda: not is_left(run.pid))
