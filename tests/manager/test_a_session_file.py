"""A manager over a session file that people have: held, spoken for, kept up to date, and never made up."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from telethon import events

from manager.conftest import PHONE, put, state_of
from telekeep import SafeSessionContext
from telekeep.emulator import Emulator
from telekeep.errors import (
    AuthKeyRevoked,
    NeedsLogin,
    SessionBusy,
    SessionCorrupt,
    SessionNotFound,
    TelegramAuthError,
    TelegramNetworkError,
    TelegramSessionError,
)
from telekeep.manager import TelegramSessionManager
from telekeep.manager.damage import is_damaged
from telekeep.session.model import Session

Manage = Callable[..., TelegramSessionManager]


async def test_it_gives_the_same_connected_client_until_told_to_reconnect(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    manager = manage()
    first = await manager.get_client()
    assert (await first.get_me()).first_name == "Ada"
    assert await manager.get_client() is first
    second = await manager.get_client(force_reconnect=True)
    assert second.is_connected() and not (second is not first and first.is_connected())
    status = manager.get_connection_status()
    assert status["is_connected"] and status["connection_attempts"] == 2 and status["last_successful_connection"]
    await manager.close()
    assert not manager.get_connection_status()["is_connected"]
    assert telegram.stats.overlap == 0


async def test_what_came_while_nobody_looked_is_told_once_and_the_file_knows_how_far(
    manage: Manage, ada: Session, telegram: Emulator, own_world: Path
) -> None:
    """The original's file went back to pts 0 whenever it disconnected."""
    manager = manage()
    client = await manager.get_client()
    await client.get_me()
    await manager.close()
    before = state_of(own_world / "bot.session")
    assert before is not None and before.pts > 0
    telegram.send(PHONE, "while away", 3)
    seen: list[str] = []
    later = manage()
    await _listening(later, seen, 3)
    await later.close()
    assert seen == ["while away"] * 3
    after = state_of(own_world / "bot.session")
    assert after is not None and after.pts > before.pts
    again: list[str] = []
    third = manage()
    await _listening(third, again, 0)
    await third.close()
    assert again == []


async def _listening(manager: TelegramSessionManager, seen: list[str], count: int) -> None:
    """Connect with a handler, which must be there before the first difference, and wait for ``count`` messages."""
    source, enough = manager._found(), asyncio.Event()
    make = source.client

    async def note(event: Any) -> None:
        seen.append(event.raw_text)
        if len(seen) >= count:
            enough.set()

    def client() -> Any:
        made = make()
        made.add_event_handler(note, events.NewMessage(incoming=True))
        return made

    source.client = client  # type: ignore[method-assign]
    speaking = await manager.get_client()
    if count:
        await asyncio.wait_for(enough.wait(), 20)
    await speaking.get_dialogs()


async def _alone(what: Callable[[], object]) -> object:
    """In a thread of its own, and no part of this flow."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, what)


async def test_the_file_is_held_as_long_as_the_client_is_connected(
    manage: Manage, ada: Session, own_world: Path
) -> None:
    """002-F1: whatever the file is called, and by whom."""
    manager = manage()
    await manager.get_client()
    copy = own_world / "elsewhere.session"
    put(copy, ada)
    for name in ("bot.session", copy):
        with pytest.raises(SessionBusy):
            await _alone(SafeSessionContext(name, timeout=0).__enter__)
    await manager.close()
    with SafeSessionContext(copy, timeout=0):
        pass


async def test_inside_a_guard_of_the_same_flow_one_manager_connects_and_no_second_one(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    async with SafeSessionContext("bot", timeout=0):
        first = manage()
        await first.get_client()
        with pytest.raises(SessionBusy):
            await manage().get_client()
        await first.close()
        await manage().get_client()
    assert telegram.stats.overlap == 0


async def test_a_file_that_somebody_else_holds_is_not_connected(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    elsewhere = SafeSessionContext("bot", timeout=0)
    await _alone(elsewhere.__enter__)
    with pytest.raises(SessionBusy):
        await manage().get_client()
    assert telegram.stats.connections == 0
    elsewhere.__exit__(None, None, None)


@pytest.mark.parametrize("content", ["nothing", "no login", "no file"])
async def test_without_a_login_nobody_is_asked_for_one(
    manage: Manage, ada: Session, telegram: Emulator, own_world: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """003-F1: the original asked for a code every four minutes, from a worker without a terminal."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("standard input was read"))
    file = own_world / "bot.session"
    if content == "no file":
        file.unlink()
    elif content == "nothing":
        file.write_bytes(b"")
    else:
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE sessions SET auth_key = x''")
        connection.close()
    with pytest.raises(SessionNotFound if content == "no file" else NeedsLogin) as refused:
        await manage().get_client()
    assert isinstance(refused.value, TelegramSessionError | TelegramAuthError)
    assert "telekeep auth" in str(refused.value.remedy)
    assert (telegram.stats.codes_sent, telegram.stats.connections) == (0, 0)
    assert sorted(each.name for each in own_world.glob("*.session")) == ([] if content == "no file" else [file.name])


async def test_a_dead_key_is_asked_about_once_and_by_no_other_process_again(
    manage: Manage, ada: Session, telegram: Emulator, own_world: Path
) -> None:
    telegram.fault("revoke")
    with pytest.raises(AuthKeyRevoked):
        await manage().get_client()
    asked = telegram.stats.connections
    with pytest.raises(AuthKeyRevoked, match="not asked again"):
        await manage().get_client()
    assert telegram.stats.connections == asked
    assert telegram.stats.codes_sent == 0
    assert (own_world / "bot.session").exists()


def _garbage(file: Path) -> None:
    file.write_bytes(b"no database at all, but long enough to be one " * 100)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 3 * 4096 + 17])


def _overwritten(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [_garbage, _cut, _overwritten])
async def test_a_damaged_file_is_set_aside_whole_and_named(
    manage: Manage, ada: Session, telegram: Emulator, own_world: Path, damage: Callable[[Path], None]
) -> None:
    file = own_world / "bot.session"
    damage(file)
    content = file.read_bytes()
    with pytest.raises(SessionCorrupt) as refused:
        await manage().get_client()
    [aside] = own_world.glob("bot_corrupted_????????_??????.session")
    assert aside.name in str(refused.value)
    assert aside.read_bytes() == content
    assert not file.exists()
    assert telegram.stats.connections == 0


async def test_a_locked_file_is_not_taken_for_a_damaged_one(
    manage: Manage, ada: Session, telegram: Emulator, own_world: Path
) -> None:
    """003-F1: only SQLite says what is damaged, and "locked" is not it."""
    file = own_world / "bot.session"
    busy = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    busy.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SessionBusy):
        await manage().get_client()
    busy.close()
    assert file.exists() and not list(own_world.glob("*_corrupted_*"))
    await manage().get_client()


def test_what_cannot_be_opened_is_not_called_damaged(ada: Session, own_world: Path) -> None:
    file = own_world / "bot.session"
    assert not is_damaged(own_world / "missing.session")
    busy = sqlite3.connect(file, isolation_level=None)
    busy.execute("BEGIN EXCLUSIVE")
    assert not is_damaged(file)
    busy.close()
    _garbage(file)
    assert is_damaged(file)
    file.rename(own_world / "notes.txt")
    assert not is_damaged(own_world / "notes.txt")  # nobody's notes are renamed


async def test_a_file_that_was_mended_meanwhile_is_not_set_aside(
    manage: Manage, ada: Session, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the lease, somebody has put a backup in its place."""
    file = own_world / "bot.session"
    sound = file.read_bytes()
    _garbage(file)
    manager, judged = manage(), []

    def mended(path: Path) -> bool:
        judged.append(found := is_damaged(path))
        if len(judged) == 3:  # for the ledger, for the client, and before the lease is taken
            file.write_bytes(sound)
        return found

    monkeypatch.setattr("telekeep.manager.damage.is_damaged", mended)
    with pytest.raises(SessionCorrupt):
        await manager.get_client()
    assert judged == [True, True, True, False]
    assert file.read_bytes() == sound and not list(own_world.glob("*_corrupted_*"))


async def test_a_damaged_file_that_somebody_holds_stays_where_it_is(
    manage: Manage, ada: Session, own_world: Path
) -> None:
    elsewhere = SafeSessionContext("bot", timeout=0)
    await _alone(elsewhere.__enter__)
    _garbage(own_world / "bot.session")
    with pytest.raises(SessionBusy):
        await manage().get_client()
    assert (own_world / "bot.session").exists()
    elsewhere.__exit__(None, None, None)


async def test_who_cannot_reach_telegram_tries_as_often_as_it_says_and_then_tells(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    """003-F3: the original never counted."""
    await telegram.stop()
    manager = manage(connection_retries=1, retry_delay=0)
    with pytest.raises(TelegramNetworkError):
        await manager.get_client()
    assert manager.get_connection_status()["connection_attempts"] == TelegramSessionManager.max_retry_attempts
    with SafeSessionContext("bot", timeout=0):
        pass  # it was given back
