"""Server salts: how long each is taken, and what happens with a wrong one."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from mtproto.client import BAD_SALT, RPC_RESULT, RawClient, notice
from mtproto.server import Running, Yes
from telekeep.mtproto.salts import FUTURE, GRACE, PERIOD, Salts
from telekeep.mtproto.schema import functions, read, types

REQUEST = bytes(functions.help.GetConfigRequest())
START = 1_800_000_000 // PERIOD * PERIOD


async def test_a_wrong_salt_is_answered_with_the_right_one(server: Running, served: Yes) -> None:
    async with await RawClient.open(server.address, served.new_key()) as client:
        client.salt = 12345
        sent = await client.say(REQUEST)
        answer = await client.expect(BAD_SALT)
        assert notice(answer) == (sent, 1, 48)
        assert not served.asked
        await client.result(await client.say(REQUEST))


async def test_a_wrong_salt_on_a_container_names_the_container(client: RawClient, served: Yes) -> None:
    sent, container = client.container(client.message(REQUEST)[1])
    await client.send(container, salt=1)
    assert notice(await client.expect(BAD_SALT))[0] == sent
    assert not served.asked


async def test_a_message_refused_for_its_salt_may_come_again_as_it_was(client: RawClient, served: Yes) -> None:
    sent, message = client.message(REQUEST)
    await client.send(message, salt=1)
    await client.expect(BAD_SALT)
    await client.send(message)
    await client.expect(RPC_RESULT, answers=sent)


async def test_an_old_salt_is_taken_for_its_grace_and_no_longer(client: RawClient, served: Yes) -> None:
    served.ahead = client.ahead = 1.5 * PERIOD - served.now() % PERIOD  # half through a period, whatever time it is
    client.salt = 0
    await client.learn_salt()
    served.ahead = client.ahead = served.ahead + 1.5 * PERIOD - 300
    await client.ping()
    served.ahead = client.ahead = served.ahead + 600
    await client.say(REQUEST)
    await client.expect(BAD_SALT)


async def test_future_salts_are_those_that_will_be_taken(client: RawClient, served: Yes) -> None:
    sent = await client.say(functions.GetFutureSaltsRequest(num=3))
    salts = read((await client.expect(types.FutureSalts.CONSTRUCTOR_ID)).body)
    assert (salts.req_msg_id, len(salts.salts)) == (sent, 3)
    client.salt = salts.salts[2].salt
    served.ahead = client.ahead = 2 * PERIOD
    await client.result(await client.say(REQUEST))


@given(st.floats(START, START + 10 * PERIOD))
def test_the_current_salt_is_taken_and_lasts(now: float) -> None:
    salts = Salts()
    current = salts.current(now)
    assert salts.accepts(current, now)
    assert salts.accepts(current, now + GRACE)
    assert not salts.accepts(current, now + PERIOD + GRACE)
    assert not salts.accepts(current ^ 1, now)


def test_the_salt_changes_every_period() -> None:
    salts = Salts()
    assert salts.current(START) == salts.current(START + PERIOD - 1) != salts.current(START + PERIOD)


def test_a_clock_that_goes_back_gets_the_old_salt_again() -> None:
    salts = Salts()
    first = salts.current(START)
    salts.current(START + 5 * PERIOD)
    assert salts.current(START) == first


def test_the_salt_of_the_handshake_is_taken_until_its_end() -> None:
    salts = Salts(first=7, first_until=START + 100.0)
    assert salts.accepts(7, START + 99)
    assert not salts.accepts(7, START + 100)


@given(st.integers(-5, 200))
def test_future_salts_follow_each_other_and_are_bounded(count: int) -> None:
    salts = Salts()
    found = salts.future(count, START + 10)
    assert len(found) == max(1, min(count, FUTURE))
    assert found[0].value == salts.current(START + 10)
    for salt in found:
        assert salts.accepts(salt.value, salt.since) and salts.accepts(salt.value, salt.until - 1)
        assert not salts.accepts(salt.value, salt.until)


def test_two_keys_have_different_salts() -> None:
    assert Salts().current(START) != Salts().current(START)


def test_replaced_salts_are_not_taken_any_more() -> None:
    salts = Salts(first=7, first_until=START + 100.0)
    before = salts.current(START)
    salts.replace()
    assert not salts.accepts(before, START) and not salts.accepts(7, START)
    assert salts.accepts(struct.unpack("<q", struct.pack("<q", salts.current(START)))[0], START)
