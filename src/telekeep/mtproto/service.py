"""The protocol's own messages, which no application sees: pings, acknowledgements, salts, questions about messages.

core.telegram.org/mtproto/service_messages and core.telegram.org/mtproto/service_messages_about_messages.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.schema import MSG_CONTAINER, RPC_RESULT, VECTOR, functions, pack, types

EVEN: Final = frozenset({types.MsgsAck.CONSTRUCTOR_ID, MSG_CONTAINER})  # never acknowledged themselves
_HTTP_WAIT = 0x9299359F
_ACK = struct.Struct("<III")  # msgs_ack: constructor, vector, how many


class Context(NamedTuple):
    """What a service message may touch."""

    key: KnownKey
    conversation: Conversation
    now: float
    disconnect_in: Callable[[float], None]


def _ping(context: Context, message_id: int, request: Any) -> None:
    context.conversation.reply(bytes(types.Pong(msg_id=message_id, ping_id=request.ping_id)))


def _ping_delay_disconnect(context: Context, message_id: int, request: Any) -> None:
    _ping(context, message_id, request)
    context.disconnect_in(request.disconnect_delay)


def _acknowledge(context: Context, _message_id: int, request: Any) -> None:
    context.conversation.acknowledged(request.msg_ids)


def acknowledged(body: bytes) -> tuple[int, ...] | None:
    """What a plain msgs_ack acknowledges, read without a reader: every other message is one. None if it is none."""
    if len(body) < _ACK.size:
        return None
    constructor, vector, count = _ACK.unpack_from(body)
    if constructor != types.MsgsAck.CONSTRUCTOR_ID or vector != VECTOR or len(body) != _ACK.size + 8 * count:
        return None
    return struct.unpack_from(f"<{count}q", body, _ACK.size)


def _future_salts(context: Context, message_id: int, request: Any) -> None:
    salts = context.key.salts.future(request.num, context.now)
    head = struct.pack("<Iqii", types.FutureSalts.CONSTRUCTOR_ID, message_id, int(context.now), len(salts))
    context.conversation.reply(head + b"".join(struct.pack("<iiq", s.since, s.until, s.value) for s in salts))


def _state(context: Context, message_id: int, request: Any) -> None:
    info = bytes(context.conversation.state_of(each) for each in request.msg_ids)
    context.conversation.reply(bytes(types.MsgsStateInfo(req_msg_id=message_id, info=info)))


def _resend(context: Context, message_id: int, request: Any) -> None:
    if not context.conversation.resend(request.msg_ids):
        _state(context, message_id, request)


def _drop_answer(context: Context, message_id: int, request: Any) -> None:
    dropped = context.conversation.drop_answer(request.req_msg_id)
    context.conversation.reply(struct.pack("<Iq", RPC_RESULT, message_id) + pack(dropped))


def _destroy_session(context: Context, _message_id: int, request: Any) -> None:
    other = context.key.conversations.get(request.session_id)
    known = other is not None and other is not context.conversation
    if other is not None and known:
        if other.line is not None:
            other.line.close("destroy_session")
        del context.key.conversations[other.id]
    result = types.DestroySessionOk if known else types.DestroySessionNone
    context.conversation.reply(bytes(result(session_id=request.session_id)))


def _nothing(_context: Context, _message_id: int, _request: Any) -> None:
    """For what is only told (msgs_state_info, msgs_all_info), and for http_wait, which means nothing over TCP."""


_TABLE: Final[dict[int, Callable[[Context, int, Any], None]]] = {
    functions.PingRequest.CONSTRUCTOR_ID: _ping,
    functions.PingDelayDisconnectRequest.CONSTRUCTOR_ID: _ping_delay_disconnect,
    types.MsgsAck.CONSTRUCTOR_ID: _acknowledge,
    functions.GetFutureSaltsRequest.CONSTRUCTOR_ID: _future_salts,
    types.MsgsStateReq.CONSTRUCTOR_ID: _state,
    types.MsgResendReq.CONSTRUCTOR_ID: _resend,
    functions.RpcDropAnswerRequest.CONSTRUCTOR_ID: _drop_answer,
    functions.DestroySessionRequest.CONSTRUCTOR_ID: _destroy_session,
    types.MsgsStateInfo.CONSTRUCTOR_ID: _nothing,
    types.MsgsAllInfo.CONSTRUCTOR_ID: _nothing,
    types.HttpWait.CONSTRUCTOR_ID: _nothing,
}


def handler(constructor: int) -> Callable[[Context, int, Any], None] | None:
    """What answers a service message; None for a request, which is not ours to answer."""
    return _TABLE.get(constructor)


def is_content(constructor: int) -> bool | None:
    """Whether a message must have an odd sequence number; None where clients differ (pings and the like)."""
    if constructor in EVEN:
        return False
    return None if constructor in _TABLE else True
