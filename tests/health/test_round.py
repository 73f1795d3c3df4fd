"""The health round: who is asked, when, and what is written down. A Telegram on loopback, time by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keeper.conftest import PHONE, keep
from telekeep.emulator import Emulator
from telekeep.errors import FloodWait
from telekeep.events import Event, SessionChecked
from telekeep.health.schedule import DAY, HOUR
from telekeep.keeper.probe import recheck
from telekeep.session.model import Session
from telekeep.testing.fakes import ManualClock
from telekeep.work.health import HealthRound, Owned
from telekeep.work.keeping import DaemonKeeper
from telekeep.work.owners import Owners


class Place:
    def __init__(self, telegram: Emulator) -> None:
        self.telegram = telegram
        self.clock = ManualClock(wall=1_800_000_000.0)
        self.keeper = DaemonKeeper.open(network=telegram.network, clock=self.clock)
        self.owners = Owners(self.keeper)
        self.round = HealthRound(self.keeper, Owned(self.owners.turn, self.owners.devices))
        self.events: list[Event] = []
        self.keeper.events.listen(self.events.append)
        self.account = telegram.add_account(PHONE, first_name="Ada", username="ada")

    def keep(self, name: str) -> Session:
        session = self.telegram.mint(self.account)
        keep(self.keeper, session, name)
        return session

    async def later(self, seconds: float) -> list[str]:
        """What was found of whom, when so much time has passed."""
        self.clock.advance(seconds)
        self.events.clear()
        await self.round.check_what_is_due()
        return sorted(f"{each.name} {each.outcome}" for each in self.events if isinstance(each, SessionChecked))


@pytest.fixture
async def place(own_world: Path, telegram: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    place = Place(telegram)
    yield place
    await place.owners.close(0.0)
    place.keeper.close()
    assert (telegram.stats.overlap, telegram.stats.duplicated, telegram.stats.codes_sent) == (0, 0, 0)


async def test_each_session_is_asked_about_when_it_is_due_and_not_before(place: Place) -> None:
    place.keep("main")
    place.keep("other")
    assert await place.later(HOUR) == []
    assert await place.later(6 * HOUR) == ["main ok", "other ok"]
    assert await place.later(HOUR) == []
    assert await place.later(6 * HOUR) == ["main ok", "other ok"]
    entry = place.keeper.vault.entry("main")
    assert entry.last_used_at == place.clock.wall(), "to be asked about is to be used"
    health = place.keeper.vault.health()[entry.lease]
    assert (health.counted, health.good, health.last_ok, health.ttl_days) == (2, 2, place.clock.wall(), 180)
    assert [each.outcome for each in place.keeper.vault.checks("main")] == ["ok", "ok"]


async def test_a_login_that_is_over_is_asked_about_once_and_a_new_one_again(place: Place) -> None:
    place.keep("main")
    place.telegram.fault("revoke")
    assert await place.later(7 * HOUR) == ["main needs_login"]
    rpc = place.telegram.stats.connections
    for _ in range(5):
        assert await place.later(30 * DAY) == []
    assert place.telegram.stats.connections == rpc
    fresh = place.telegram.mint(place.account)
    lease = place.keeper.leases.try_acquire(fresh.auth_key.id)
    place.keeper.vault.keep("main", fresh, fence=lease.fence, expected=1)
    lease.release()
    assert await place.later(7 * HOUR) == ["main ok"]


async def test_what_is_owned_is_asked_through_its_owner(place: Place) -> None:
    place.keep("main")
    await place.owners.owner("main")
    connections = place.telegram.stats.connections
    assert await place.later(7 * HOUR) == ["main ok"]
    assert place.telegram.stats.connections == connections


async def test_a_clock_that_is_ahead_makes_nobody_ask_more_often(place: Place, log: list[str]) -> None:
    """By this one all that Telegram calls good until some moment is long past."""
    place.keep("main")
    await place.owners.owner("main")
    assert log.count("help.getConfig") == 1


async def test_what_somebody_else_holds_is_left_alone(place: Place) -> None:
    session = place.keep("main")
    lease = place.keeper.leases.try_acquire(session.auth_key.id)
    try:
        assert await place.later(7 * HOUR) == ["main conflict"]
        assert place.telegram.stats.connections == 0
    finally:
        lease.release()
    (health,) = place.keeper.vault.health().values()
    assert (health.counted, health.last_ok) == (0, None)


async def test_a_network_that_is_away_for_a_while_costs_availability_and_nothing_else(place: Place) -> None:
    place.keep("main")
    assert await place.later(7 * HOUR) == ["main ok"]
    place.telegram.fault("error", method="users.getUsers", code=500, message="RPC_CALL_FAIL", times=2)
    assert await place.later(7 * HOUR) == ["main network"]
    assert await place.later(301) == ["main network"]
    assert await place.later(301) == [], "less and less often"
    assert await place.later(601) == ["main ok"]
    (health,) = place.keeper.vault.health().values()
    assert (health.counted, health.good) == (4, 2)


async def test_a_flood_is_waited_out_to_the_end(place: Place) -> None:
    place.keep("main")
    place.telegram.fault("flood", seconds=79_200)
    assert await place.later(7 * HOUR) == ["main rate_limited"]
    rpc = place.telegram.stats.rpc
    for _ in range(22):
        assert await place.later(HOUR - 1) == []
    assert place.telegram.stats.rpc == rpc, "no call before the deadline"
    assert await place.later(HOUR) == ["main ok"]


async def test_a_key_that_is_set_aside_is_left_alone_and_one_that_is_lifted_is_asked_about_again(place: Place) -> None:
    key = place.keep("main").auth_key.id
    place.keeper.vault.quarantine(key, "AuthKeyDuplicated", checked=True)
    assert await place.later(7 * HOUR) == ["main needs_login"], "that is noted once, and Telegram is not asked"
    for _ in range(3):
        assert await place.later(DAY) == []
    assert (place.telegram.stats.rpc, place.telegram.stats.connections) == (0, 0)
    await recheck(place.keeper, "main")
    assert await place.later(7 * HOUR) == ["main ok"]


async def test_a_flood_of_who_else_is_logged_in_says_nothing_about_the_session(place: Place) -> None:
    place.keep("main")
    place.telegram.fault("flood", method="account.getAuthorizations", seconds=3600)
    assert await place.later(7 * HOUR) == ["main ok"]


async def test_what_is_owned_and_must_wait_is_not_called(place: Place) -> None:
    place.keep("main")
    await place.owners.owner("main")
    place.telegram.fault("flood", method="users.getUsers", seconds=40)
    assert await place.later(7 * HOUR) == ["main rate_limited"]
    rpc = place.telegram.stats.rpc
    with pytest.raises(FloodWait):
        await place.owners.probe("main")
    assert place.telegram.stats.rpc == rpc


async def test_history_older_than_a_week_is_forgotten(place: Place) -> None:
    place.keep("main")
    for _ in range(12):
        assert await place.later(DAY) == ["main ok"]
    assert len(place.keeper.vault.checks("main")) == 8
