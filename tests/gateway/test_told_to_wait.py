"""An owner whom Telegram lets wait before the difference: it asks when that is over, and no sooner, and everybody is
told what was missed, once and in order. What is not concerned goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.house import Ear, House
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.peer import user
from telekeep.pace.policy import Wait
from telekeep.upstream import box
from upstream.place import until

Forward = Callable[[float], None]


@pytest.fixture
def club(house: House) -> Channel:
    return house.telegram.add_channel("Club", username="the_club", broadcast=False, members=[house.ada])


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is put on by hand, which wakes nobody."""
    monkeypatch.setattr(box, "_LOOK_AGAIN", 0.02)


def count(house: House, method: str) -> int:
    return house.log.count(f"updates.{method}")


# under a minute: a call would wait it out by itself; 22 hours: nobody waits so long
@pytest.mark.parametrize(("seconds", "later"), [(55, 0), (79_200, 3)])
async def test_what_the_account_missed_is_told_when_the_wait_is_over(
    house: House, club: Channel, forward: Forward, seconds: int, later: int
) -> None:
    """Whether something comes in meanwhile or nothing."""
    bob = house.bob()
    async with house.stock() as one, house.borrower() as other:
        ears = Ear(one), Ear(other)
        house.telegram.post(club, "both heard")
        await until(lambda: all(len(ear) == 1 for ear in ears))
        before = count(house, "getDifference")
        house.telegram.fault("flood", method="updates.getDifference", seconds=seconds)
        house.telegram.world.send_message(bob, user(house.ada.id), "never pushed")
        house.writes(bob, "after it")
        await until(lambda: count(house, "getDifference") == before + 1)
        for number in range(later):
            house.writes(bob, f"meanwhile {number}")
            house.telegram.post(club, f"club {number}")
            await until(lambda: all(ear.texts[-1] == f"club {number}" for ear in ears))  # noqa: B023
        await until(lambda: not house.owner.client.box.possible_gaps)  # nothing that has come asks any more
        forward(seconds - 40)  # less than is left: this takes its time, too
        house.telegram.post(club, "nearly over")
        await until(lambda: all(ear.texts[-1] == "nearly over" for ear in ears))
        assert [len(ear) for ear in ears] == [later + 2] * 2
        assert count(house, "getDifference") == before + 1, "Telegram is asked no sooner than it said"
        forward(40)
        await until(lambda: all(len(ear) == 2 * later + 4 for ear in ears))
        house.writes(bob, "now")
        await until(lambda: all(ear.texts[-1] == "now" for ear in ears))
    told = ["never pushed", "after it", *[f"meanwhile {number}" for number in range(later)], "now"]
    clubs = ["both heard", *[f"club {number}" for number in range(later)], "nearly over"]
    assert all(ear.texts == [*clubs, *told] for ear in ears)
    assert count(house, "getDifference") == before + 2


async def test_what_a_channel_missed_is_told_when_the_wait_is_over(
    house: House, club: Channel, forward: Forward
) -> None:
    async with house.stock() as one, house.borrower() as other:
        ears = Ear(one), Ear(other)
        house.telegram.post(club, "both heard")
        await until(lambda: all(len(ear) == 1 for ear in ears))
        before = count(house, "getChannelDifference")
        house.telegram.fault("flood", method="updates.getChannelDifference", seconds=3600)
        house.telegram.post(club, "never pushed", heard=False)
        house.telegram.post(club, "after it")
        await until(lambda: count(house, "getChannelDifference") == before + 1)
        house.telegram.post(club, "meanwhile")
        house.arrive("a letter")
        await until(lambda: all(ear.texts[-1] == "a letter" for ear in ears))
        await until(lambda: not house.owner.client.box.possible_gaps)
        assert [len(ear) for ear in ears] == [2, 2]
        assert count(house, "getChannelDifference") == before + 1
        forward(3600)
        await until(lambda: all(len(ear) == 5 for ear in ears))
        house.telegram.post(club, "now")
        await until(lambda: all(ear.texts[-1] == "now" for ear in ears))
    told = ["both heard", "a letter", "never pushed", "after it", "meanwhile", "now"]
    assert all(ear.texts == told for ear in ears)
    assert count(house, "getChannelDifference") == before + 2


async def test_calls_go_on_meanwhile_and_their_results_are_told_to_the_others_in_the_end(
    house: House, forward: Forward
) -> None:
    bob = house.bob()
    async with house.stock() as one, house.stock() as other:
        ear = Ear(other)
        house.telegram.fault("flood", method="updates.getDifference", seconds=3600)
        house.telegram.world.send_message(bob, user(house.ada.id), "never pushed")
        house.writes(bob, "after it")
        await until(lambda: house.owner.client.box.must_wait(None))
        for number in range(10):
            await one.send_message("me", f"mine {number}")
        forward(3600)
        await until(lambda: len(ear) == 12)
    assert ear.texts == ["never pushed", "after it", *[f"mine {number}" for number in range(10)]]


async def test_an_owner_that_begins_during_the_wait_asks_when_it_is_over(house: House, forward: Forward) -> None:
    path = house.file(house.lend())
    async with house.stock(path) as client:
        ear = Ear(client)
        house.arrive("before")
        await until(lambda: len(ear) == 1)
    house.owner.client.gate.note("updates.getDifference", Wait("FLOOD_WAIT", 3600.0))
    await house.close()
    house.arrive("missed", count=2)
    asked = count(house, "getDifference")
    await house.open()
    client, ear = house.back(path)
    async with client:
        await client.get_me()
        assert count(house, "getDifference") == asked
        house.owner.client.gate._ledger.clear(house.owner.client.gate._subject)
        await until(lambda: len(ear) == 2)
    assert ear.texts == ["missed", "missed"]
