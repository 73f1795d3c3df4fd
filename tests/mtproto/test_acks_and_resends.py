"""What was not acknowledged is sent again; what was, is not. And conversations that move, vanish and come back."""

from __future__ import annotations

import struct

import pytest

from mtproto.client import ACK, NEW_SESSION, RPC_RESULT, RawClient, Received
from mtproto.server import Running, Yes
from telekeep.mtproto import conversation as limits
from telekeep.mtproto.keyring import IDLE
from telekeep.mtproto.schema import functions, read

REQUEST = bytes(functions.help.GetConfigRequest())
NEWS = 0x01020304


def news(number: int) -> bytes:
    return struct.pack("<Ii", NEWS, number)


async def moved(client: RawClient, server: Running) -> RawClient:
    """The same conversation on a new connection."""
    other = await RawClient.open(server.address, client.key, session_id=client.session_id)
    other.salt, other._last_id, other._sequence = client.salt, client._last_id, client._sequence
    other.acks = False
    return other


def conversation_of(served: Yes, client: RawClient) -> limits.Conversation:
    (known,) = served.keys.values()
    return known.conversations[client.session_id]


async def received(client: RawClient, *constructors: int) -> list[Received]:
    """Everything of these kinds that came up to the pong of a ping."""
    await client.ping()
    return [each for each in client.seen if each.constructor in constructors]


async def test_a_request_that_waits_is_acknowledged_at_once(client: RawClient, served: Yes) -> None:
    served.answer = lambda body: None
    sent = await client.say(REQUEST)
    acknowledged = read((await client.expect(ACK)).body)
    assert sent in acknowledged.msg_ids


async def test_an_answer_is_its_own_acknowledgement(client: RawClient, served: Yes) -> None:
    sent = await client.say(REQUEST)
    await client.expect(RPC_RESULT, answers=sent)
    assert not any(sent in read(each.body).msg_ids for each in await received(client, ACK))


async def test_what_was_not_acknowledged_comes_again_on_the_next_connection(
    client: RawClient, server: Running, served: Yes
) -> None:
    client.acks = False
    conversation_of(served, client).push(news(1))
    first = await client.expect(NEWS)
    async with await moved(client, server) as other:
        await other.ping()
        again = await other.expect(NEWS)
    assert (again.id, again.seqno, again.body) == (first.id, first.seqno, first.body)


async def test_what_was_acknowledged_does_not_come_again(client: RawClient, server: Running, served: Yes) -> None:
    conversation_of(served, client).push(news(1))
    await client.expect(NEWS)
    await client.ping()
    async with await moved(client, server) as other:
        assert not await received(other, NEWS)


async def test_an_answer_that_was_lost_with_the_line_comes_on_the_next(
    client: RawClient, server: Running, served: Yes
) -> None:
    served.answer = lambda body: None
    sent = await client.say(REQUEST)
    await client.expect(ACK)
    await client.close()
    await served.all_closed()
    conversation_of(served, client).answer(sent, b"\xb5\x75\x72\x99")
    async with await moved(client, server) as other:
        await other.ping()
        await other.expect(RPC_RESULT, answers=sent)


async def test_a_conversation_that_comes_back_closes_its_old_connection(
    client: RawClient, server: Running, served: Yes
) -> None:
    """A half-open connection: the client is long on another one. No second one may stay."""
    async with await moved(client, server) as other:
        await other.ping()
        assert await client.is_closed()
        assert len(served.lines) == 1


async def test_messages_are_sent_again_on_request(client: RawClient, served: Yes) -> None:
    client.acks = False
    conversation_of(served, client).push(news(7))
    first = await client.expect(NEWS)
    await client.say(struct.pack("<IIiq", 0x7D861A08, 0x1CB5C415, 1, first.id))
    assert (await client.expect(NEWS)).id == first.id


async def test_a_new_conversation_is_announced_once(client: RawClient, server: Running, served: Yes) -> None:
    assert len(await received(client, NEW_SESSION)) == 1
    async with await moved(client, server) as other:
        assert not await received(other, NEW_SESSION)


async def test_the_announcement_names_the_first_message_and_the_salt(server: Running, served: Yes) -> None:
    async with await RawClient.open(server.address, served.new_key()) as client:
        await client.learn_salt()
        salt = client.salt
        first, one = client.message(REQUEST)
        _, two = client.message(REQUEST)
        await client.send(client.container(one, two)[1])
        announcement = await client.expect(NEW_SESSION)
    first_id, _unique, announced = struct.unpack_from("<qqq", announcement.body, 4)
    assert (first_id, announced) == (first, salt)


async def test_a_server_that_forgets_announces_the_conversation_again(client: RawClient, served: Yes) -> None:
    """Mid-life: the client must fetch what it missed."""
    (known,) = served.keys.values()
    known.forget_conversations()
    sent = await client.say(REQUEST)
    await client.expect(RPC_RESULT, answers=sent)
    assert len(await received(client, NEW_SESSION)) == 2


async def test_the_memory_of_unacknowledged_messages_is_bounded(client: RawClient, served: Yes) -> None:
    client.acks = False
    conversation = conversation_of(served, client)
    for number in range(limits.UNACKED + 50):
        conversation.push(news(number))
    assert len(conversation._unacked) == limits.UNACKED
    for _ in range(20):
        conversation.push(bytes(1 << 20))
    assert conversation._unacked_bytes <= limits.UNACKED_BYTES
    assert conversation._unacked_bytes == sum(len(message) for message, _ in conversation._unacked.values())


async def test_conversations_without_a_connection_do_not_pile_up(server: Running, served: Yes) -> None:
    key = served.new_key()
    for _ in range(IDLE + 5):
        async with await RawClient.open(server.address, key) as client:
            await client.learn_salt()
            await client.ping()
        await served.all_closed()
    (known,) = served.keys.values()
    assert len(known.conversations) <= IDLE + 1


@pytest.mark.parametrize("count", [1, 40])
async def test_conversations_on_one_connection_do_not_pile_up(server: Running, served: Yes, count: int) -> None:
    async with await RawClient.open(server.address, served.new_key()) as client:
        await client.learn_salt()
        for _ in range(count):
            client.session_id += 1
            client._sequence = 0
            await client.ping()
    (known,) = served.keys.values()
    assert len(known.conversations) <= 2 * IDLE + 2


async def test_a_client_that_does_not_read_is_cut_off(client: RawClient, served: Yes) -> None:
    conversation, (line,) = conversation_of(served, client), list(served.lines)
    for _ in range(60):
        conversation.push(bytes(1 << 20))
        line.flush()
        if not line.is_open:
            break
    assert not line.is_open
