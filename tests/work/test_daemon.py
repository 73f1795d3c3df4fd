"""A daemon's life: its verbs, signals, idle time, log, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from telekeep import paths
from telekeep.borrow.asking import hail
from telekeep.errors import ConfigError, GatewayError, OwnerAbsent, SessionConflict
from telekeep.work import custody, daemon, log
from work.conftest import Running, Time, asked, until
from work.fake import FakeOwners

# ---- what it says


async def test_its_file_says_where_it_is_once_it_serves(running: Running) -> None:
    async with running() as run:
        file = run.where.run / "daemon.toml"
        table = tomllib.loads(file.read_text())
        assert (table["pid"], table["control"]) == (os.getpid(), str(run.where.control))
        assert table["version"] and table["since"] > 1e9
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        status = await run.ask("status")
        assert status["pid"] == os.getpid() and status["sessions"][0]["name"] == "main"
        assert (status["locked"], status["key_source"], status["idle_exit"]) == (False, None, None)
    assert not file.exists() and not run.where.control.exists()


async def test_loans_are_served_again_after_a_start(running: Running) -> None:
    async with running() as run:
        assert await run.ask("told") == ["resume"]
    assert run.owners.told == ["resume", "close 15"]


async def test_a_verb_that_fails_leaves_no_secret_in_the_log(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as run:
        with pytest.raises(GatewayError, match="KeyError"):
            await run.ask("stumble", secret="hunter2")
        lines = [log.OneLine().format(record) for record in caplog.records]
    assert any("'stumble'" in line and "KeyError at fake.py" in line for line in lines)
    assert not any("hunter2" in line for line in lines)


# ---- its end


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "stop"])
async def test_it_ends_in_order_and_waits_for_a_call_that_runs(
    home: paths.Home, served: subprocess.Popen[str], tmp_path: Path, end: str
) -> None:
    mark, enough = tmp_path / "mark", tmp_path / "enough"
    napping = asyncio.create_task(asked(home, "nap", seconds=600, mark=str(mark), until=str(enough)))
    await until(mark.exists)
    if end == "stop":
        assert await asked(home, "stop") is None
    else:
        served.send_signal(getattr(signal, end))
    await until(lambda: hail(home) is None)
    assert not napping.done(), "it waits"
    enough.touch()
    assert await napping == "rested"
    out, errors = await asyncio.to_thread(served.communicate, timeout=30)
    assert served.returncode == 0 and out == f"ready {home.control}\n"
    assert errors.splitlines()[-1].endswith("INFO stopped") and "Traceback" not in errors
    assert sorted(each.name for each in home.run.iterdir()) == ["daemon.lock"]


async def test_calls_that_never_end_do_not_keep_it(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "GRACE", 0.2)
    monkeypatch.setattr(custody, "_MARGIN", 0.1)
    async with running() as run:
        run.owners.let_go = asyncio.Event()  # sessions that do not close either
        mark = tmp_path / "mark"
        napping = asyncio.create_task(run.ask("nap", seconds=600, mark=str(mark)))
        await until(mark.exists)
    with pytest.raises(OwnerAbsent, match="stopping"):
        await napping
    assert not run.where.control.exists()


async def test_it_ends_by_itself_when_nobody_needs_it(home: paths.Home, command: Callable[..., Any]) -> None:
    process = command("daemon", "start", "--foreground", "--idle", "0.5")
    _, errors = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 0 and "nobody has needed this daemon" in errors
    assert not home.control.exists()


async def test_it_stays_while_somebody_borrows_or_asks(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_ROUND", 0.02)
    clock = Time()
    async with running(idle=600, clock=clock) as run:
        await run.ask("use", idle=False)
        clock.ahead += 1000
        await run.looks()
        assert not run.task.done(), "a borrower is connected"
        await run.ask("use", idle=True)
        mark, enough = tmp_path / "mark", tmp_path / "enough"
        napping = asyncio.create_task(run.ask("nap", seconds=600, mark=str(mark), until=str(enough)))
        await until(mark.exists)
        clock.ahead += 1000
        await run.looks()
        enough.touch()
        assert await napping == "rested", "a command runs"
        for _ in range(4):
            await run.ask("ping")
            clock.ahead += 400
            await run.looks()
        assert not run.task.done(), "it is asked again and again"
        clock.ahead += 600
        async with asyncio.timeout(30):
            await run.task


async def test_one_that_nobody_can_find_any_more_ends(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder was deleted: it would keep the sessions, and a second daemon would be told that they are held."""
    monkeypatch.setattr("telekeep.work.daemon._ROUND", 0.05)
    async with running() as run:
        run.where.run.rename(run.where.root / "elsewhere")
        async with asyncio.timeout(30):
            await run.task


async def test_one_started_by_hand_never_ends_by_itself(running: Running) -> None:
    async with running() as run:
        assert (await run.ask("status"))["idle_exit"] is None
        run.daemon._last -= 1e9
        assert run.daemon._idle is None and not run.task.done()


# ---- reload


async def test_hangup_reads_the_settings_again_and_says_so(
    running: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "telekeep")
    async with running() as run:
        assert run.keeper.settings.api_id is None
        (tmp_path / ".env").write_text("TELEGRAM_API_ID=12345\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "read again" in caplog.text)
        assert run.keeper.settings.api_id == 12345


async def test_settings_that_contradict_themselves_do_not_replace_those_in_force(
    running: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").write_text("TELEGRAM_API_ID=12345\n")
    async with running() as run:
        assert run.keeper.settings.api_id == 12345
        (tmp_path / ".env").write_text("TELEGRAM_API_ID=many\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "cannot be used" in caplog.text)
        assert run.keeper.settings.api_id == 12345
        with pytest.raises(ConfigError, match="TELEGRAM_API_ID"):
            await run.ask("reload")


# ---- one at a time


async def test_a_second_daemon_of_the_same_home_does_not_start(running: Running) -> None:
    async with running() as run:
        with pytest.raises(SessionConflict, match="runs already"):
            async with running():
                pass
        assert await run.ask("told") == ["resume"]


async def test_daemons_of_two_homes_know_nothing_of_each_other(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running() as first:
        monkeypatch.setenv("TELEKEEP_HOME", str(tmp_path / "other"))
        async with running() as second:
            assert first.where.root != second.where.root
            assert await second.ask("told") == ["resume"]
        assert await first.ask("told") == ["resume"]


# ---- its log


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(log, "MOST_BYTES", 2000)
    handler = log.to_file(tmp_path / "daemon.log")
    yield tmp_path / "daemon.log"
    log.remove(handler)


def test_the_log_is_ours_alone_and_never_grows_beyond_bounds(logged: Path) -> None:
    for number in range(500):
        logging.getLogger("telekeep.test").info("event %d", number)
    files = sorted(logged.parent.glob("daemon.log*"))
    assert [each.name for each in files] == ["daemon.log", "daemon.log.1", "daemon.log.2"]
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 and each.stat().st_size <= 2000 for each in files)
    assert logged.read_text().splitlines()[-1].endswith("INFO event 499")


def test_an_event_is_one_line_without_what_others_say(logged: Path) -> None:
    logging.getLogger("telekeep.test").info("two\nlines \x1b[31m")
    logging.getLogger("asyncio").error("Task failed\nfuture: <Task exception=ValueError('hunter2')>")
    logging.getLogger("telethon.network").info("chatter")
    try:
        try:
            raise ValueError("hunter2")
        except ValueError as inner:
            raise OSError("hunter3") from inner
    except OSError:
        logging.getLogger("telekeep.test").exception("it failed")
    lines = logged.read_text().splitlines()
    assert len(lines) == 3 and "hunter" not in logged.read_text() and "\x1b" not in logged.read_text()
    assert lines[0].endswith("INFO two lines  [31m") and lines[1].endswith("ERROR asyncio: Task failed")
    assert "OSError at test_daemon.py" in lines[2] and ", after ValueError at" in lines[2]


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="cannot be opened"):
        log.to_file(tmp_path / "log")
    assert not (tmp_path / "elsewhere").exists()


def test_the_stand_in_is_what_a_daemon_asks_for() -> None:
    owners: daemon.Owners = FakeOwners.__new__(FakeOwners)
    assert owners is not None
