from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from telekeep.work.celery.once import KEPT, Tasks, UnderWay

HOLD = """\
import pathlib, sys, time
from telekeep.work.celery.once import Tasks
with Tasks(pathlib.Path(sys.argv[1])).claim("one"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "celery"


def test_a_task_that_is_under_way_is_nobody_elses_until_its_process_is_gone(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        tasks = Tasks(folder)
        with pytest.raises(UnderWay), tasks.claim("one"):
            raise AssertionError("done twice")
        with tasks.claim("two") as claim:
            assert claim.result is None
        os.kill(other.pid, signal.SIGKILL)
    with tasks.claim("one") as claim:
        assert claim.result is None, "it was not done"
    tasks.close()


def test_what_was_done_is_told_and_forgotten_when_no_broker_can_ask_any_more(folder: Path) -> None:
    tasks = Tasks(folder)
    with tasks.claim("one") as claim:
        claim.done({"status": "success"}, at=0.0)
    with tasks.claim("one") as claim:
        assert claim.result == {"status": "success"}
    with tasks.claim("two") as claim:
        claim.done(1, at=KEPT + 1)
    with tasks.claim("one") as claim:
        assert claim.result is None
    assert [each.name for each in folder.glob("*.lock")] == []
    tasks.close()


def test_threads_of_one_process_do_not_share_a_task(folder: Path) -> None:
    tasks, others = Tasks(folder), Tasks(folder)
    with tasks.claim("one"), pytest.raises(UnderWay), others.claim("one"):
        raise AssertionError("done twice")
    tasks.close()
    others.close()
