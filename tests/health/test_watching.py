"""The daemon's watch over the logins of an account, on a Telegram on loopback; thieves come from other addresses."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telethon import TelegramClient
from telethon.crypto import AuthKey as TelethonKey
from telethon.sessions import MemorySession

from keeper.conftest import PHONE, keep
from telekeep.emulator import Emulator
from telekeep.errors import LoginTooYoung, SessionConflict
from telekeep.events import Event, LoginAlarm, LoginsKnown
from telekeep.keeper import devices, watching
from telekeep.keeper.client import hold
from telekeep.session.model import Session
from telekeep.testing.fakes import ManualClock
from telekeep.work.health import HealthRound, Owned
from telekeep.work.keeping import DaemonKeeper
from telekeep.work.owners import Owners

HOUR, DAY = 3_600.0, 86_400.0
THIEF = "127.66.6.6"


class Place:
    def __init__(self, telegram: Emulator) -> None:
        self.telegram = telegram
        self.clock = ManualClock(wall=1_800_000_000.0)
        telegram.clock._base = self.clock  # type: ignore[assignment]
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

    async def later(self, seconds: float = 7 * HOUR) -> list[str]:
        """Kind and session of each alarm, when so much time has passed and the sessions were checked."""
        self.clock.advance(seconds)
        self.events.clear()
        await self.round.check_what_is_due()
        return self.alarms()

    async def checked(self, name: str) -> list[str]:
        """The same, when one session is checked now."""
        self.events.clear()
        await self.round.check(self.keeper.vault.entry(name))
        return self.alarms()

    def alarms(self) -> list[str]:
        return [f"{each.kind} {each.name}" for each in self.events if isinstance(each, LoginAlarm)]

    async def steal(self, session: Session, *, app: int = 1, **options: Any) -> None:
        """Somebody uses a copy of the key, from elsewhere."""
        copy = MemorySession()
        address = self.telegram.network.dc(2)
        copy.set_dc(2, address.host, address.port)
        copy.auth_key = TelethonKey(session.auth_key.reveal())
        client = TelegramClient(copy, app, "0" * 32, local_addr=(THIEF, 0), receive_updates=False, **options)
        await client.connect()
        try:
            assert (await client.get_me()).username == "ada"
        finally:
            await client.disconnect()


@pytest.fixture
async def place(own_world: Path, telegram: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("TELEGRAM_API_ID", "1")
    monkeypatch.setenv("TELEGRAM_API_HASH", "0" * 32)
    place = Place(telegram)
    yield place
    await place.owners.close(0.0)
    place.keeper.close()
    assert (telegram.stats.overlap, telegram.stats.duplicated, telegram.stats.codes_sent) == (0, 0, 0)


async def test_the_first_round_is_the_baseline_and_a_later_login_an_alarm(place: Place) -> None:
    place.keep("main")
    phone = place.telegram.mint(place.account)
    assert await place.later() == []
    assert [each.count for each in place.events if isinstance(each, LoginsKnown)] == [2]
    await place.steal(phone)  # a device that was known moves and is used: its own business
    assert await place.later() == []
    place.clock.advance(HOUR)
    await place.steal(place.telegram.mint(place.account))
    assert await place.later() == ["stranger main"]
    (alarm,) = watching.alarms(place.keeper, "main")
    assert alarm.ip == THIEF and THIEF in alarm.words
    assert await place.later() == [], "told once"
    assert len(watching.alarms(place.keeper, "main")) == 1, "and there until somebody has looked"
    assert len(watching.acknowledge(place.keeper, "main")) == 1
    assert await place.later() == [] and place.keeper.vault.alarm_ids() == []


async def test_another_login_of_ours_is_no_stranger(place: Place) -> None:
    place.keep("main")
    assert await place.later() == []
    place.keep("laptop")
    assert await place.later() == []
    assert await place.later() == []
    shown = await devices.listing(place.keeper, "main")
    assert [known.name for each in shown.found.others if (known := shown.ours(each))] == ["laptop"]


async def test_a_clone_is_seen_through_another_session_before_its_trace_is_gone(place: Place) -> None:
    main = place.keep("main")
    place.keep("sentry")
    await place.owners.owner("sentry")
    assert await place.later() == []
    assert await place.later() == []
    place.clock.advance(HOUR)
    await place.steal(main)
    place.clock.advance(HOUR)
    assert await place.checked("main") == ["clone main"]
    place.clock.advance(HOUR)
    assert await place.checked("main") == []


async def test_a_clone_of_a_lone_session_is_seen_where_telegram_still_shows_it(place: Place) -> None:
    main = place.keep("main")
    assert await place.later() == []
    place.clock.advance(6 * HOUR)
    await place.steal(main)
    place.telegram.devices_lag = 2 * HOUR  # what Telegram wrote down last is the thief
    assert await place.later(HOUR) == ["clone main"]
    assert THIEF in watching.alarms(place.keeper, "main")[0].words
    place.telegram.devices_lag = 0
    assert await place.later() == []


async def test_programs_of_our_own_and_a_machine_that_moves_are_no_clones(place: Place) -> None:
    main = place.keep("main")
    place.keep("sentry")
    await place.owners.owner("sentry")
    assert await place.later() == []
    place.clock.advance(HOUR)
    async with hold(place.keeper, "main", local_addr=("127.0.0.77", 0), receive_updates=False) as client:
        place.clock.advance(HOUR)
        await client.get_me()
        assert await place.checked("sentry") == [], "it is held just now"
    shown = place.telegram.authorization_of(main)
    assert shown is not None and shown.ip == "127.0.0.77", "from a cafe, say"
    assert await place.later() == []


async def test_a_key_that_telegram_ends_for_two_uses_is_an_alarm(place: Place) -> None:
    place.keep("main")
    assert await place.later() == []
    place.telegram.fault("duplicated")
    assert await place.later() == ["clone main"]


async def test_the_alarm_command_is_told_in_json_and_cannot_hold_up_the_daemon(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told.json"
    hook = tmp_path / "hook.py"
    hook.write_text(
        "import json, os, sys\n"
        "said = json.load(sys.stdin) | {'secrets': sorted(n for n in os.environ if n.startswith('TELEGRAM_'))}\n"
        "open(sys.argv[1], 'w').write(json.dumps(said))\n"
    )
    monkeypatch.setenv("TELEKEEP_ALARM_COMMAND", f"{sys.executable} {hook} '{told}'")
    place.keep("main")
    assert await place.later() == []
    await place.steal(place.telegram.mint(place.account))
    assert await place.later() == ["stranger main"]
    said = json.loads(told.read_text())
    assert (said["event"], said["kind"], said["session"], said["ip"]) == ("LoginAlarm", "stranger", "main", THIEF)
    assert said["command"] == "telekeep devices main" and said["secrets"] == []

    monkeypatch.setenv("TELEKEEP_ALARM_COMMAND", "sleep 1000")
    monkeypatch.setattr("telekeep.work.alarm.SECONDS", 0.1)
    place.keeper.reload()
    place.clock.advance(HOUR)
    await place.steal(place.telegram.mint(place.account))
    async with asyncio.timeout(60):
        assert await place.later() == ["stranger main"]


@pytest.mark.parametrize("owned", [True, False])
async def test_logins_are_ended_by_whoever_holds_the_session(place: Place, owned: bool) -> None:
    place.keep("main")
    place.keep("laptop")
    phone, tablet = place.telegram.mint(place.account), place.telegram.mint(place.account)
    if owned:
        await place.owners.owner("main")

    async def ordered(name: str, **order: Any) -> Any:
        if owned and name == "main":
            return await place.owners.device_order(name, **order)
        return await devices._ordered(place.keeper, name, order)

    with pytest.raises(LoginTooYoung) as young:
        await ordered("main", spare=[])
    made_at = place.telegram.authorizations(place.account)[0].created_at
    assert young.value.until == made_at + DAY, "the exact time"
    place.clock.advance(DAY + 1)
    number = place.telegram.authorization_of(phone)
    assert number is not None
    await ordered("main", end=number.hash)
    assert place.telegram.by_hash(place.account, number.hash) is None
    said = await ordered("main", days=90)
    assert said["devices"]["ttl_days"] == 90
    if not owned:
        plan = await devices.plan_lockdown(place.keeper, "main")
        assert sorted(plan.spares.values()) == ["laptop"] and len(plan.ends) == 1
        assert len(await devices.lock_down(place.keeper, "main", plan.spares)) == 1
        gone = place.telegram.authorization_of(tablet)
        assert gone is not None and not gone.is_logged_in
        assert len(place.telegram.authorizations(place.account)) == 2


async def test_who_is_too_young_is_told_which_session_of_ours_is_old_enough(place: Place) -> None:
    place.keep("main")
    await devices.listing(place.keeper, "main")
    place.clock.advance(DAY + 1)
    place.keep("laptop")
    with pytest.raises(LoginTooYoung) as young:
        await devices.lock_down(place.keeper, "laptop", [])
    assert "'main'" in (young.value.remedy or "") and young.value.seconds == pytest.approx(DAY, abs=1)
    assert len(place.telegram.authorizations(place.account)) == 2


async def test_nothing_is_ended_while_one_of_ours_cannot_be_told_from_a_stranger(place: Place) -> None:
    place.keep("main")
    place.clock.advance(DAY)
    bought = place.telegram.mint(place.account)
    place.clock.advance(DAY)
    keep(place.keeper, bought, "imported")  # not by its time: it was made long before it was kept
    lease = place.keeper.leases.try_acquire(bought.auth_key.id)
    try:
        with pytest.raises(SessionConflict, match="imported"):
            await devices.plan_lockdown(place.keeper, "main")
    finally:
        lease.release()
    plan = await devices.plan_lockdown(place.keeper, "main")
    assert plan.ends == () and list(plan.spares.values()) == ["imported"]
