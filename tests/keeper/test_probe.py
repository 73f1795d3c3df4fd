"""Is a session alive? Answered without harm, and never by asking for a code."""

from __future__ import annotations

import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from telekeep.emulator import Emulator
from telekeep.errors import ConfigError, FloodWait, LoginBudgetSpent, NeedsLogin, StaleFence, TelekeepError
from telekeep.keeper.client import hold
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.probe import Probe, probe, state_of
from telekeep.session.model import Session


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """000-F10: the original prompted for a phone number, with an input() that nothing could end."""

    def asked(*_: Any) -> NoReturn:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(builtins, "input", asked)


async def test_a_living_session_says_who_it_is(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    """000-16."""
    before = keeper.clock.wall()
    found = await probe(keeper, "main")
    assert main.user is not None
    assert found == Probe("main", "ok", user_id=main.user.id, username="ada")
    used = keeper.vault.entry("main").last_used_at
    assert used is not None and used >= before
    assert telegram.stats.connections == 1 and telegram.stats.codes_sent == 0


@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        ("revoke", "needs_login", "AuthKeyRevoked"),
        ("unregister", "needs_login", "AuthKeyRevoked"),
        ("forget", "needs_login", "AuthKeyRevoked"),
        ("expire", "needs_login", "SessionExpired"),
        ("ban", "needs_login", "AccountBanned"),
        ("duplicated", "needs_login", "AuthKeyDuplicated"),
        ("flood", "rate_limited", "FloodWait"),
    ],
)
async def test_each_end_has_its_state_its_error_and_a_remedy(
    keeper: Keeper, main: Session, telegram: Emulator, fault: str, state: str, error: str
) -> None:
    """000-F11: a flood or a server error is not "expired"."""
    telegram.fault(fault)
    found = await probe(keeper, "main")
    assert (found.state, found.error) == (state, error)
    assert found.remedy and found.reason
    assert keeper.vault.entry("main").last_used_at is None
    assert (telegram.stats.codes_sent, telegram.stats.logins, telegram.stats.overlap) == (0, 0, 0)


async def test_trouble_of_telegrams_own_is_network(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    telegram.fault("error", method="users.getUsers", code=500, message="RPC_CALL_FAIL", times=9)
    found = await probe(keeper, "main")
    assert (found.state, found.error) == ("network", "TelegramNetworkError")


async def test_a_telegram_that_is_not_there_is_network(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    await telegram.stop()
    found = await probe(keeper, "main")
    assert (found.state, found.error) == ("network", "TelegramNetworkError")


async def test_a_telegram_that_says_nothing_is_given_up_in_time(
    keeper: Keeper, main: Session, telegram: Emulator
) -> None:
    """000-8, 000-16: sixty seconds in all; here, less."""
    telegram.fault("delay", method="users.getUsers", seconds=30)
    found = await probe(keeper, "main", timeout=0.3)
    assert (found.state, found.error) == ("network", "TelegramNetworkError")
    assert str(found.reason).startswith("Timeout connecting to Telegram")
    assert keeper.leases.holder(keeper.vault.entry("main").lease) is None


async def test_a_session_in_use_is_not_disturbed(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    async with hold(keeper, "main") as client:
        found = await probe(keeper, "main")
        assert (found.state, found.error) == ("conflict", "SessionBusy")
        assert await client.get_me()
    assert telegram.stats.connections == 1


async def test_what_is_not_kept_needs_a_login(keeper: Keeper, main: Session) -> None:
    found = await probe(keeper, "nobody")
    assert (found.state, found.error) == ("needs_login", "SessionNotFound")


async def test_a_session_of_another_network_is_a_setting(keeper: Keeper, main: Session, own_world: Path) -> None:
    with Keeper.open(network=replace(keeper.network, name="elsewhere")) as elsewhere:
        found = await probe(elsewhere, "main")
    assert (found.state, found.error) == ("config", "ConfigError")


async def test_a_damaged_record_is_corrupt_and_not_a_reason_to_log_in(keeper: Keeper, main: Session) -> None:
    import sqlite3

    keeper.close()
    connection = sqlite3.connect(keeper.home.vault / "sessions.db")
    ((table, column),) = [
        (table, row[1])
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for row in connection.execute(f"PRAGMA table_info({table})")
        if (table, row[1]) == ("generations", "sealed")
    ]
    connection.execute(f"UPDATE {table} SET {column} = zeroblob(length({column}))")
    connection.commit()
    connection.close()
    found = await probe(keeper, "main")
    assert found.state == "corrupt" and found.remedy


async def test_updates_are_left_for_whoever_listens(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    async with hold(keeper, "main"):
        pass
    known = keeper.vault.load("main").state
    telegram.send(to="9996621234", text="for the worker")
    await probe(keeper, "main")
    assert keeper.vault.load("main").state == known


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NeedsLogin(), "needs_login"),
        (LoginBudgetSpent(), "needs_login"),
        (FloodWait(), "rate_limited"),
        (ConfigError(), "config"),
        (StaleFence(), "corrupt"),
        (TelekeepError("something new"), "network"),
    ],
)
def test_states(error: TelekeepError, state: str) -> None:
    assert state_of(error) == state
