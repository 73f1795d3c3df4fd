"""What a manager says of an account: floods, health, the connection; the same in every process."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable

import pytest

from keeper.conftest import keep
from lease.programs import in_a_child
from telekeep.emulator import Emulator
from telekeep.errors import FloodWait, SlowModeWait, TelegramRateLimitError
from telekeep.keeper.keeper import Keeper
from telekeep.manager import TelegramSessionManager
from telekeep.session.model import Session

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
Manage = Callable[..., TelegramSessionManager]

HOURS = 22 * 3600


async def _flooded(manager: TelegramSessionManager, telegram: Emulator, seconds: float = HOURS) -> None:
    client = await manager.get_client()
    telegram.fault("flood", method="messages.sendMessage", seconds=seconds)
    with pytest.raises(TelegramRateLimitError):
        await client.send_message("me", "hello")
    await manager.close()


async def test_a_flood_is_known_to_a_manager_that_is_made_anew_and_telegram_is_not_asked(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    """003-F2: the original forgot it with the object, and asked again every four minutes."""
    assert not manage().is_rate_limited() and manage().get_rate_limit_info() is None
    await _flooded(manage(), telegram)
    asked = telegram.stats.rpc
    later = manage()
    assert later.is_rate_limited()
    with pytest.raises(FloodWait) as refused:
        await later.get_client()
    assert telegram.stats.rpc == asked
    assert HOURS - 60 < refused.value.seconds <= HOURS
    assert refused.value.method == "messages.sendMessage"
    assert later.get_connection_status()["connection_attempts"] == 0


async def test_the_time_that_is_left_is_told_to_the_minute(manage: Manage, ada: Session, telegram: Emulator) -> None:
    await _flooded(manage(), telegram)
    manager = manage()
    found = manager.get_rate_limit_info()
    assert found is not None
    assert set(found) >= {"remaining_seconds", "expires_at", "expires_human", "expires_timestamp"}
    assert "22.0 hours remaining, until" in found["expires_human"]
    assert abs(found["expires_timestamp"] - manager._keeper.clock.wall() - found["remaining_seconds"]) < 5
    json.dumps(found)
    status = manager.get_connection_status()
    assert status["is_rate_limited"] and set(status) == {
        "is_connected", "last_successful_connection", "connection_attempts", "is_rate_limited", "rate_limit_info",
    }  # fmt: skip


async def test_a_short_flood_keeps_nobody_from_connecting(manage: Manage, ada: Session, telegram: Emulator) -> None:
    manager = manage(flood_sleep_threshold=0)
    await _flooded(manager, telegram, seconds=30)
    later = manage()
    assert later.is_rate_limited()
    await later.get_client()


async def test_slow_mode_of_one_chat_is_no_limit_of_the_account(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    manager = manage(flood_sleep_threshold=0)
    client = await manager.get_client()
    telegram.fault("slowmode", method="messages.sendMessage", seconds=3600)
    with pytest.raises(SlowModeWait):
        await client.send_message("me", "hello")
    assert client._patience.gate.deadlines()
    assert not manager.is_rate_limited()


async def test_a_flood_is_noted_for_the_account_whatever_it_is_reached_by(
    manage: Manage, ada: Session, keeper: Keeper, telegram: Emulator
) -> None:
    """The ledger is by account: a file of it, and its record in the vault, obey one another's deadlines."""
    other = telegram.mint(next(iter(telegram.world.accounts.values())))
    keep(keeper, other, "kept")
    await _flooded(manage(), telegram)
    assert manage("kept", direct=True).is_rate_limited()
    with pytest.raises(FloodWait):
        await manage("kept", direct=True).get_client()


async def test_health_says_who_we_are_or_why_not(manage: Manage, ada: Session, telegram: Emulator) -> None:
    keys = {"healthy", "timestamp", "connection_status", "errors", "user_info"}
    manager = manage()
    found = await manager.health_check()
    assert found["healthy"] and found["errors"] == [] and set(found) >= keys
    assert found["user_info"]["username"] == "ada"
    telegram.fault("revoke")
    found = await manager.health_check()
    assert not found["healthy"] and set(found) >= keys
    assert found["user_info"] is None and "telekeep auth" in found["errors"][0]
    assert found["failures"][0]["error"] == "AuthKeyRevoked"
    json.dumps(found)


async def test_health_under_a_flood_asks_nobody_and_has_every_key(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    """003-F5: the original's tools fell over the missing ``errors`` of this very case."""
    await _flooded(manage(), telegram)
    asked = telegram.stats.rpc
    found = await manage().health_check()
    assert not found["healthy"] and "22.0 hours remaining" in found["errors"][0]
    assert found["connection_status"]["rate_limit_info"]["remaining_seconds"] > 79_000
    assert telegram.stats.rpc == asked


async def test_no_secret_is_shown(manage: Manage, ada: Session) -> None:
    manager = TelegramSessionManager(1, "f" * 32, "+9996621234", "bot", network=manage()._network)
    await manager.close()
    shown = repr(manager) + json.dumps(await manage().health_check())
    assert "f" * 32 not in shown and "9996621234" not in shown and ada.auth_key.reveal().hex() not in shown


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_manager_goes_from_one_event_loop_to_the_next(manage: Manage, ada: Session, telegram: Emulator) -> None:
    """A Celery task runs each time in a loop of its own, and not every one closes what it opened."""
    manager = manage()

    async def task() -> str:
        client = await manager.get_client()
        return str((await client.get_me()).first_name)

    async def last() -> str:
        try:
            return await task()
        finally:
            await manager.close()

    def run() -> list[str]:
        return [asyncio.run(each()) for each in (task, task, last)]

    assert await asyncio.to_thread(run) == ["Ada", "Ada", "Ada"]
    gc.collect()  # sockets of loops that were closed around them: here, not in another test
    assert telegram.stats.overlap == 0


async def test_a_client_that_is_in_use_in_another_loop_is_not_taken_from_it(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    manager = manage()
    client = await manager.get_client()
    with pytest.raises(RuntimeError, match="event loop"):
        await asyncio.to_thread(lambda: asyncio.run(manager.get_client()))
    assert client.is_connected()


async def test_a_forked_child_is_refused_and_its_parent_goes_on(
    manage: Manage, ada: Session, telegram: Emulator
) -> None:
    """A Celery child of a program that had connected before it forked."""
    manager = manage()
    client = await manager.get_client()

    def child() -> str:
        return str(asyncio.run(manager.get_client()))

    assert in_a_child(child).startswith("SessionBusy")
    assert (await client.get_me()).first_name == "Ada"
    assert telegram.stats.overlap == 0


async def test_a_kept_session_is_held_when_told_so(
    manage: Manage, ada: Session, keeper: Keeper, telegram: Emulator
) -> None:
    keep(keeper, telegram.mint(next(iter(telegram.world.accounts.values()))), "kept")
    manager = manage("kept", direct=True)
    assert (await (await manager.get_client()).get_me()).username == "ada"
    found = await manager.health_check()
    assert found["healthy"]


async def test_a_name_that_is_a_kept_session_and_another_logins_file_is_asked_about(
    manage: Manage, ada: Session, keeper: Keeper, telegram: Emulator
) -> None:
    keep(keeper, telegram.mint(telegram.add_account("9996625678")), "bot")
    found = await manage("bot").health_check()
    assert "not the same login" in found["errors"][0]
    assert (await manage("bot.session").health_check())["user_info"]["username"] == "ada"
