"""Not before Telegram's deadline, not more than the user wants, and not beside somebody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from borrow.served import Served
from telekeep.clock import SystemClock
from telekeep.errors import (
    ConfigError,
    FloodWait,
    NoChat,
    SessionBusy,
    SessionNotFound,
    TelegramNetworkError,
    TelegramRateLimitError,
    TelekeepError,
)
from telekeep.work.archive import verbs
from telekeep.work.archive.status import status_of
from telekeep.work.archive.terms import Report
from work.archive.world import historical, monitored, of_world, rows, terms, until, writes


@pytest.fixture
def bob(served: Served) -> object:
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(320):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    return bob


async def test_a_short_wait_is_waited_out(served: Served, bob: object, tmp_path: Path) -> None:
    served.telegram.fault("flood", method="messages.getHistory", seconds=1)
    path = tmp_path / "archive.db"
    began = asyncio.get_running_loop().time()
    await historical(path, "bob")
    assert asyncio.get_running_loop().time() - began >= 1
    assert len(rows(path)) == 320


async def test_a_long_wait_ends_the_run_with_the_time_and_nobody_asks_again(
    served: Served, bob: object, tmp_path: Path, log: list[str]
) -> None:
    path = tmp_path / "archive.db"
    await historical(path, "bob", limit=100)
    served.telegram.fault("flood", method="messages.getHistory", seconds=79_200)
    for _ in range(2):
        with pytest.raises(FloodWait) as limited:
            await historical(path, "bob")
        assert 79_100 < limited.value.seconds <= 79_200 and limited.value.exit_code == 4
        assert status_of(limited.value) == "rate_limited"
        asked, log[:] = log.count("messages.getHistory"), []
        assert asked <= 3
    assert asked == 0, "the second run did not ask Telegram at all"
    assert len(rows(path)) == 100


async def test_a_monitor_keeps_what_comes_while_history_has_to_wait(
    served: Served, bob: object, tmp_path: Path
) -> None:
    path = tmp_path / "archive.db"
    said: list[str] = []
    stop, report = asyncio.Event(), Report(told=said.append)
    running = asyncio.create_task(verbs.monitor(terms(path, "bob", history=True), report, stop))
    await until(lambda: report.is_live and report.fetched == 320)
    served.telegram.fault("flood", method="messages.getHistory", seconds=79_200)
    await served.stop()
    writes(served.telegram, bob, served.ada, "lost")  # type: ignore[arg-type]
    served.ada.box.forget_log()
    await served.start()
    await until(lambda: any("What comes is kept meanwhile" in each for each in said), 30)
    writes(served.telegram, bob, served.ada, "comes")  # type: ignore[arg-type]
    await until(lambda: "comes" in {row[0] for row in rows(path).values()})
    assert "lost" not in {row[0] for row in rows(path).values()}
    stop.set()
    await asyncio.wait_for(running, 30)
    async with monitored(path, "bob"):  # begun while nothing may be asked
        writes(served.telegram, bob, served.ada, "comes later")  # type: ignore[arg-type]
        await until(lambda: "comes later" in {row[0] for row in rows(path).values()})


class Morning(SystemClock):
    """Eight o'clock (UTC): this day does not end while a test runs."""

    def wall(self) -> float:
        return 1_800_000_000.0


async def test_a_budget_ends_the_day(served: Served, bob: object, tmp_path: Path) -> None:
    path, clock = tmp_path / "archive.db", Morning()
    with pytest.raises(TelegramRateLimitError, match="budget of 150") as spent:
        await historical(path, "bob", budget=150, clock=clock)
    assert spent.value.seconds == 16 * 3600 and len(rows(path)) == 150
    with pytest.raises(TelegramRateLimitError):
        await historical(path, "bob", budget=150, clock=clock)
    assert len(rows(path)) == 150
    await historical(path, "bob", budget=1000, clock=clock)
    assert rows(path) == of_world(served.ada, [bob.id])  # type: ignore[attr-defined]


async def test_requests_keep_the_interval(served: Served, bob: object, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await historical(tmp_path / "archive.db", "bob", interval=0.15)
    assert loop.time() - began >= 5 * 0.15  # dialogs, a look, four pages


# ---- chats


async def test_chats_that_are_not_there_are_named_and_the_others_kept(
    served: Served, bob: object, tmp_path: Path
) -> None:
    path = tmp_path / "archive.db"
    report = await historical(path, "bob", "@nobody_here", "-77", "No such title")
    assert set(report.failed) == {"@nobody_here", "-77", "No such title"} and len(rows(path)) == 320
    with pytest.raises(NoChat) as nothing:
        await historical(path, "@nobody_here")
    assert status_of(nothing.value) == "no_channels"


async def test_looking_asks_for_no_more_than_the_newest_message(
    served: Served, bob: object, tmp_path: Path, log: list[str]
) -> None:
    report = Report()
    await verbs.test(terms("", "bob", "me"), report)
    assert [(each["title"], each["messages"]) for each in report.chats.values()] == [
        ("Bob", 320),
        ("Saved Messages", 0),
    ]
    assert log.count("messages.getHistory") == 2 and list(tmp_path.glob("*.db")) == []


async def test_looking_ends_in_time_where_telegram_is_silent(served: Served, bob: object) -> None:
    """Eight tries of a minute each, and a session to be opened before: `archive test` took minutes."""
    served.telegram.fault("delay", method="messages.getHistory", seconds=2, times=20)
    report, began = Report(), asyncio.get_running_loop().time()
    with pytest.raises(TelegramNetworkError, match=r"no answer within 0\.5 s"):
        await verbs.test(terms("", "bob", "me"), report, timeout=0.5)
    assert asyncio.get_running_loop().time() - began < 5 and report.chats == {}


async def test_looking_waits_out_no_flood_that_its_time_does_not_reach(served: Served, bob: object) -> None:
    served.telegram.fault("flood", method="messages.getHistory", seconds=3)
    with pytest.raises(FloodWait):
        await verbs.test(terms("", "bob"), Report(), timeout=2.0)


async def test_a_chat_that_is_known_is_not_looked_up_again(
    served: Served, bob: object, tmp_path: Path, log: list[str]
) -> None:
    """Telegram limits nothing as strictly as looking up names."""
    path = tmp_path / "archive.db"
    await historical(path, "@bob")
    log.clear()
    await historical(path, "@bob")
    assert {"contacts.resolveUsername", "messages.getDialogs"}.isdisjoint(log), log


# ---- who else


async def test_the_second_archive_in_one_place_is_refused(served: Served, bob: object, tmp_path: Path) -> None:
    for name in ("archive.db", "archive.jsonl"):
        path = tmp_path / name
        async with monitored(path, "bob"):
            with pytest.raises(SessionBusy) as busy:
                await historical(path, "bob")
            assert status_of(busy.value) == "skipped_safety"
        await historical(path, "bob")
        assert len(rows(path)) == 320


async def test_an_archive_holds_one_account(served: Served, bob: object, tmp_path: Path) -> None:
    served.keep(served.telegram.mint(bob), "bob")
    path = tmp_path / "archive.db"
    await historical(path, "me")
    with pytest.raises(ConfigError, match="archive of account"):
        await historical(path, "me", name="bob")


async def test_a_session_that_is_not_kept_is_said_so(served: Served, tmp_path: Path) -> None:
    with pytest.raises(SessionNotFound) as missing:
        await historical(tmp_path / "archive.db", "me", name="nobody")
    assert status_of(missing.value) == "session_error"


async def test_a_login_that_has_ended_is_no_network_trouble(served: Served, bob: object, tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    await historical(path, "bob", limit=10)
    served.telegram.fault("revoke", method="messages.getHistory")
    with pytest.raises(TelekeepError) as dead:
        await historical(path, "bob")
    assert status_of(dead.value) == "auth_error", dead.value
    assert len(rows(path)) == 10
