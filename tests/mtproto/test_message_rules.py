"""Message ids and sequence numbers: every code of bad_msg_notification, earned on the wire and judged in the pure."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.client import BAD_MESSAGE, RPC_RESULT, RawClient, notice
from mtproto.server import Running, Yes
from telekeep.mtproto.rules import REMEMBERED, REPEATED, Code, History, judge_id, judge_parity
from telekeep.mtproto.schema import functions, types

REQUEST = bytes(functions.help.GetConfigRequest())
NOW = 1_800_000_000.0


async def punished(client: RawClient, code: int) -> int:
    """The message that a bad_msg_notification with this code names."""
    message_id, _seqno, found = notice(await client.expect(BAD_MESSAGE))
    assert found == code
    return message_id


@pytest.mark.parametrize(("ahead", "code"), [(-301, 16), (-3600, 16), (90, 17), (3600, 17)])
async def test_a_wrong_clock_is_told_so(client: RawClient, served: Yes, ahead: float, code: int) -> None:
    """An id that is too new gets older on its way; where exactly the window ends is asked below."""
    client.ahead = ahead
    client._last_id = 0
    sent = await client.say(REQUEST)
    assert await punished(client, code) == sent
    assert not served.asked


@pytest.mark.parametrize("ahead", [-240, 0, 28])
async def test_a_clock_within_the_window_is_taken(server: Running, served: Yes, ahead: float) -> None:
    async with await RawClient.open(server.address, served.new_key(), ahead=ahead) as client:
        await client.learn_salt()
        await client.result(await client.say(REQUEST))
    assert len(served.asked) == 1


async def test_a_client_that_mends_its_clock_is_served(server: Running, served: Yes) -> None:
    async with await RawClient.open(server.address, served.new_key(), ahead=3600) as client:
        await client.learn_salt()
        await client.say(REQUEST)
        notification = await client.expect(BAD_MESSAGE)
        client.ahead, client._last_id = (notification.id >> 32) - time.time(), 0
        await client.result(await client.say(REQUEST))
    assert len(served.asked) == 1


@pytest.mark.parametrize("low", [1, 2, 3])
async def test_the_low_bits_belong_to_the_server(client: RawClient, served: Yes, low: int) -> None:
    sent = await client.say(REQUEST, message_id=client.next_id() | low)
    assert await punished(client, 18) == sent
    assert not served.asked


async def test_a_container_that_comes_twice_is_code_19(client: RawClient, served: Yes) -> None:
    _, inner = client.message(REQUEST)
    sent, container = client.container(inner)
    await client.send(container)
    await client.expect(RPC_RESULT)
    await client.send(container)
    assert await punished(client, 19) == sent
    assert len(served.asked) == 1


async def test_a_request_that_comes_twice_is_carried_out_once_and_answered_again(
    client: RawClient, served: Yes
) -> None:
    client.acks = False
    sent, message = client.message(REQUEST)
    await client.send(message)
    first = await client.expect(RPC_RESULT, answers=sent)
    await client.send(message)
    second = await client.expect(RPC_RESULT, answers=sent)
    assert (first.id, first.body) == (second.id, second.body)
    assert len(served.asked) == 1


async def test_a_sequence_number_below_one_already_used_is_code_32(client: RawClient, served: Yes) -> None:
    client.acks = False  # its own numbers would get in between
    client._sequence = 10
    await client.result(await client.say(REQUEST))
    sent = await client.say(REQUEST, seqno=3)
    assert await punished(client, 32) == sent
    assert len(served.asked) == 1


async def test_an_odd_sequence_number_used_twice_is_code_32(client: RawClient, served: Yes) -> None:
    client.acks = False  # its own numbers would get in between
    await client.result(await client.say(REQUEST, seqno=21))
    sent = await client.say(REQUEST, seqno=21)
    assert await punished(client, 32) == sent
    assert len(served.asked) == 1


async def test_a_late_message_with_a_sequence_number_too_high_is_code_33(client: RawClient, served: Yes) -> None:
    client.acks = False  # its own numbers would get in between
    late = client.next_id()
    await client.result(await client.say(REQUEST, seqno=11))
    await client.say(REQUEST, message_id=late, seqno=13)
    assert await punished(client, 33) == late


async def test_a_late_message_that_fits_is_taken(client: RawClient, served: Yes) -> None:
    client.acks = False  # its own numbers would get in between
    late = client.next_id()
    await client.result(await client.say(REQUEST, seqno=11))
    await client.result(await client.say(REQUEST, message_id=late, seqno=9))
    assert len(served.asked) == 2


async def test_an_acknowledgement_with_an_odd_number_is_code_34(client: RawClient) -> None:
    sent = await client.say(types.MsgsAck([1]), content=True)
    assert await punished(client, 34) == sent


async def test_a_container_with_an_odd_number_is_code_34(client: RawClient, served: Yes) -> None:
    _, inner = client.message(REQUEST)
    sent, container = client.container(inner, seqno=99)
    await client.send(container)
    assert await punished(client, 34) == sent
    assert not served.asked


async def test_a_request_with_an_even_number_is_code_35(client: RawClient, served: Yes) -> None:
    sent = await client.say(REQUEST, content=False)
    assert await punished(client, 35) == sent
    assert not served.asked


@pytest.mark.parametrize("content", [True, False])
async def test_a_ping_may_have_either(client: RawClient, content: bool) -> None:
    """Telethon numbers pings as content, kurigram and TDLib do not."""
    await client.say(functions.PingRequest(ping_id=1), content=content)
    await client.ping()


async def test_one_bad_message_in_a_container_leaves_the_others_alone(client: RawClient, served: Yes) -> None:
    good, first = client.message(REQUEST)
    bad, second = client.message(REQUEST, content=False)
    also_good, third = client.message(REQUEST)
    await client.send(client.container(first, second, third)[1])
    assert await punished(client, 35) == bad
    await client.expect(RPC_RESULT, answers=good)
    await client.expect(RPC_RESULT, answers=also_good)
    assert len(served.asked) == 2


# ---- the decisions themselves


@pytest.mark.parametrize(
    ("seconds", "code"), [(-301, Code.ID_TOO_LOW), (-299, None), (0, None), (29, None), (31, Code.ID_TOO_HIGH)]
)
def test_the_window_is_300_seconds_back_and_30_ahead(seconds: float, code: Code | None) -> None:
    assert judge_id(int(NOW + seconds) << 32, NOW) == code


@pytest.mark.parametrize(
    ("seqno", "content", "code"),
    [
        (1, True, None),
        (2, True, Code.SEQUENCE_EVEN),
        (1, False, Code.SEQUENCE_ODD),
        (2, False, None),
        (1, None, None),
        (2, None, None),
    ],
)
def test_parity(seqno: int, content: bool | None, code: Code | None) -> None:
    assert judge_parity(seqno, content=content) == code


def test_what_is_too_old_to_be_remembered_is_code_20() -> None:
    history = History()
    for number in range(1, REMEMBERED + 2):
        history.add(number * 4, number * 2 + 1)
    assert history.judge(4, 3) == Code.TOO_OLD_TO_TELL
    assert history.judge(REMEMBERED * 4, 1) is REPEATED
    assert history.judge((REMEMBERED + 2) * 4, (REMEMBERED + 2) * 2 + 1) is None


@given(st.permutations(range(1, 40)))
def test_messages_of_a_right_client_are_taken_in_any_order_once(order: list[int]) -> None:
    history = History()
    for number in order:
        assert history.judge(number * 4, number * 2 + 1) is None
        history.add(number * 4, number * 2 + 1)
    for number in order:
        assert history.judge(number * 4, number * 2 + 1) is REPEATED


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), max_size=60))
def test_whatever_is_taken_is_consistent(sent: list[tuple[int, int]]) -> None:
    """No two messages that were taken contradict each other, by the words of the documentation."""
    history, taken = History(), []
    for number, seqno in sent:
        if history.judge(number * 4, seqno) is None:
            history.add(number * 4, seqno)
            taken.append((number, seqno))
    taken.sort()
    for (_, earlier), (_, later) in pairwise(taken):
        assert earlier < later or (earlier == later and earlier % 2 == 0)
