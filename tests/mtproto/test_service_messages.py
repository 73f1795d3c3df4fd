"""Pings, questions about messages, dropped answers, destroyed sessions."""

from __future__ import annotations

import asyncio
import struct

import pytest

from mtproto.client import ACK, PONG, RPC_RESULT, RawClient, unzipped
from mtproto.server import Running, Yes
from telekeep.mtproto.schema import functions, read, types

REQUEST = bytes(functions.help.GetConfigRequest())


async def test_a_ping_is_answered_and_is_no_request(client: RawClient, served: Yes) -> None:
    sent = await client.say(functions.PingRequest(ping_id=99), content=False)
    assert struct.unpack_from("<qq", (await client.expect(PONG)).body, 4) == (sent, 99)
    assert not served.asked


async def test_ping_delay_disconnect_ends_the_connection_unless_repeated(client: RawClient) -> None:
    await client.say(functions.PingDelayDisconnectRequest(ping_id=1, disconnect_delay=0))
    await client.expect(PONG)
    assert await client.is_closed()


async def test_a_further_ping_moves_the_end(client: RawClient, served: Yes) -> None:
    await client.say(functions.PingDelayDisconnectRequest(ping_id=1, disconnect_delay=100))
    await client.say(functions.PingDelayDisconnectRequest(ping_id=2, disconnect_delay=600))
    await client.ping()
    (line,) = served.lines
    assert line._doom is not None
    assert line._doom.when() - asyncio.get_running_loop().time() > 300


async def test_the_state_of_messages_is_told(client: RawClient, served: Yes) -> None:
    """1 too old · 2 not received · 3 too new · 4 received, with bits for acknowledged, running and answered."""
    answered = await client.say(REQUEST)
    await client.expect(RPC_RESULT, answers=answered)
    served.answer = lambda body: None
    running = await client.say(REQUEST)
    await client.expect(ACK)
    skipped = client.next_id()
    await client.ping()
    future = client.next_id() + (3600 << 32)
    ids = [answered, running, skipped, future]
    sent = await client.say(types.MsgsStateReq(msg_ids=ids))
    info = read((await client.expect(types.MsgsStateInfo.CONSTRUCTOR_ID)).body)
    assert info.req_msg_id == sent
    states = list(info.info) if isinstance(info.info, bytes) else [ord(each) for each in info.info]
    assert states[0] & 7 == 4 and states[0] & 8
    assert states[1] & 7 == 4 and states[1] & 32
    assert states[2:] == [2, 3]


async def test_unknown_messages_cannot_be_sent_again_and_their_state_is_told(client: RawClient) -> None:
    await client.say(types.MsgResendReq(msg_ids=[5]))
    await client.expect(types.MsgsStateInfo.CONSTRUCTOR_ID)


async def dropped(client: RawClient, request_id: int) -> object:
    sent = await client.say(functions.RpcDropAnswerRequest(req_msg_id=request_id))
    answer = await client.expect(RPC_RESULT, answers=sent)
    return read(unzipped(answer.body[12:]))


async def test_the_answer_of_a_running_request_is_dropped(client: RawClient, served: Yes) -> None:
    served.answer = lambda body: None
    sent = await client.say(REQUEST)
    await client.expect(ACK)
    assert isinstance(await dropped(client, sent), types.RpcAnswerDroppedRunning)
    conversation, message_id, _ = served.asked[0]
    conversation.answer(message_id, b"\xb5\x75\x72\x99")
    await client.ping()
    assert not [each for each in client.inbox if each.constructor == RPC_RESULT]


async def test_an_answer_that_was_sent_is_dropped_by_name(client: RawClient) -> None:
    client.acks = False
    sent = await client.say(REQUEST)
    answer = await client.expect(RPC_RESULT, answers=sent)
    found = await dropped(client, sent)
    assert isinstance(found, types.RpcAnswerDropped)
    assert (found.msg_id, found.seq_no, found.bytes) == (answer.id, answer.seqno, len(answer.body))


async def test_the_answer_of_an_unknown_request_is_unknown(client: RawClient) -> None:
    assert isinstance(await dropped(client, 4), types.RpcAnswerUnknown)


async def test_another_session_can_be_destroyed_but_not_the_own(
    client: RawClient, server: Running, served: Yes
) -> None:
    async with await RawClient.open(server.address, client.key) as other:
        other.salt = client.salt
        await other.ping()
        await client.say(functions.DestroySessionRequest(session_id=other.session_id))
        await client.expect(types.DestroySessionOk.CONSTRUCTOR_ID)
        assert await other.is_closed()
    for session_id in (other.session_id, client.session_id):
        await client.say(functions.DestroySessionRequest(session_id=session_id))
        await client.expect(types.DestroySessionNone.CONSTRUCTOR_ID)


@pytest.mark.parametrize(
    "body",
    [struct.pack("<I", 0x7ABE77EC), struct.pack("<IIi", 0x62D6B459, 0x1CB5C415, 1 << 30), b"\xec\x77\xbe\x7a" * 9],
)
async def test_a_service_message_that_cannot_be_read_ends_the_connection(client: RawClient, body: bytes) -> None:
    await client.say(body, content=False)
    assert await client.is_closed()
