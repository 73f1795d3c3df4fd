"""One MTProto session, from the server's side: what has come, what was answered, what was not acknowledged yet.

The protocol calls this a session; in this house a session is what must be kept to log in, so here it is a
conversation. It belongs to an auth key, outlives its TCP connection, and moves to whichever one the client opens next.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Protocol

from telekeep.mtproto.messages import packed
from telekeep.mtproto.rules import History
from telekeep.mtproto.schema import GZIP_PACKED, RPC_RESULT, TLObject, types

GZIP_FROM, GZIP_TO = 512, 1 << 18  # bytes of a result: smaller gains nothing, larger are files
UNACKED = 2048  # messages kept for sending again; then the oldest go, and the client has to ask for the difference
UNACKED_BYTES = 8 << 20
_RESULT = struct.Struct("<Iq")
_RESPONSE, _NOTICE = 1, 3  # the low bits of a server's message id: an answer, or its own idea


class Line(Protocol):
    """What a conversation needs to know of the connection it lives on."""

    def wake(self, conversation: Conversation) -> None:
        """There is something to send."""

    def close(self, reason: str, *, abort: bool = False) -> None:
        """Close it; with ``abort``, without sending what is queued."""


class Conversation:
    """The server's memory of one MTProto session. Only queues; `connection.Connection` sends."""

    __slots__ = (
        "_answers",
        "_compresses",
        "_last_id",
        "_now",
        "_outbox",
        "_owed",
        "_seqno",
        "_unacked",
        "_unacked_bytes",
        "history",
        "id",
        "introduced",
        "line",
        "running",
    )

    def __init__(self, session_id: int, now: Callable[[], float], *, compresses: bool = True) -> None:
        self.id = session_id
        self._compresses = compresses
        self.history = History()
        self.line: Line | None = None  # the connection it lives on, None while there is none
        self.introduced = False  # new_session_created was sent
        self.running: set[int] = set()  # requests that have no answer yet
        self._now = now
        self._last_id = 0
        self._seqno = 0
        self._outbox: list[bytes] = []
        self._owed: dict[int, None] = {}  # messages of the client to acknowledge
        self._unacked: dict[int, tuple[bytes, int]] = {}  # id → message, and the request it answers, if any
        self._unacked_bytes = 0
        self._answers: dict[int, int] = {}  # request → its answer, as long as that is not acknowledged

    def __repr__(self) -> str:
        where = "on a line" if self.line else "without a line"
        waiting = f"{len(self.running)} running, {len(self._unacked)} not acknowledged"
        return f"<Conversation {self.id & 0xFFFF:04x} {where}: {waiting}>"

    # ---- to the client

    def answer(self, request_id: int, result: bytes) -> None:
        """Queue the result of a request; nothing if it has its answer, or the client dropped the question."""
        if request_id not in self.running:
            return
        self.running.discard(request_id)
        self._owed.pop(request_id, None)  # a result acknowledges its request
        if self._compresses and GZIP_FROM < len(result) < GZIP_TO:
            result = _smaller(result)
        answer_id = self._queue(_RESULT.pack(RPC_RESULT, request_id) + result, _RESPONSE, request_id)
        self._answers[request_id] = answer_id

    def push(self, body: bytes) -> None:
        """Queue a message of the server's own, to be acknowledged: updates."""
        self._queue(body, _NOTICE)

    def tell(self, *bodies: bytes) -> None:
        """The same, without keeping them for sending again: whoever calls knows another way to make up for it."""
        message_id, seqno = self._next_id(_NOTICE), self._seqno * 2 + 1
        for number, body in enumerate(bodies):
            self._outbox.append(packed(message_id + 4 * number, seqno + 2 * number, body))
        self._last_id += 4 * (len(bodies) - 1)
        self._seqno += len(bodies)
        self._wake()

    def introduce(self, first_id: int, salt: int, unique_id: int) -> None:
        """Tell the client that the server knows nothing of this conversation from before ``first_id``."""
        self.introduced = True
        notice = types.NewSessionCreated(first_msg_id=first_id, unique_id=unique_id, server_salt=salt)
        self._queue(bytes(notice), _NOTICE)

    def reply(self, body: bytes) -> None:
        """Queue a service answer, which nobody acknowledges."""
        self._outbox.append(self.single(body))
        self._wake()

    def single(self, body: bytes) -> bytes:
        """A packed message that needs no acknowledgement, without queueing it."""
        return packed(self._next_id(_RESPONSE), self._seqno * 2, body)

    def is_answered(self, request_id: int) -> bool | None:
        """Whether a request has an answer that the client has not acknowledged; None once it has, or never asked."""
        if request_id in self.running:
            return False
        return True if request_id in self._answers else None

    def _queue(self, body: bytes, low: int, answers: int = 0) -> int:
        message_id = self._next_id(low)
        message = packed(message_id, self._seqno * 2 + 1, body)
        self._seqno += 1
        self._outbox.append(message)
        self._unacked[message_id] = message, answers
        self._unacked_bytes += len(message)
        while len(self._unacked) > UNACKED or self._unacked_bytes > UNACKED_BYTES:
            self._give_up(next(iter(self._unacked)))
        self._wake()
        return message_id

    def _next_id(self, low: int) -> int:
        message_id = int(self._now() * (1 << 32)) & ~3 | low
        if message_id <= self._last_id:
            message_id = (self._last_id + 4) & ~3 | low
        self._last_id = message_id
        return message_id

    def _wake(self) -> None:
        if self.line is not None:
            self.line.wake(self)

    def outgoing(self) -> list[bytes]:
        """Everything that is to be sent now, acknowledgements included; they are no longer queued afterwards."""
        messages, self._outbox = self._outbox, []
        if self._owed:
            messages.append(self.single(bytes(types.MsgsAck(msg_ids=list(self._owed)))))
            self._owed.clear()
        return messages

    def wrap(self, container: bytes) -> bytes:
        """A packed message around the body of a container."""
        return packed(self._next_id(_RESPONSE), self._seqno * 2, container)

    # ---- from the client

    def owe(self, message_id: int) -> None:
        """Note that a message has to be acknowledged."""
        self._owed[message_id] = None
        self._wake()

    def acknowledge_running(self) -> None:
        """Acknowledge the requests that have no answer yet."""
        for message_id in self.running:
            self.owe(message_id)

    def withdraw(self, message_id: int) -> int:
        """Act as if a message had never come. Its sequence number."""
        self.running.discard(message_id)
        self._owed.pop(message_id, None)
        return self.history.remove(message_id)

    def acknowledged(self, message_ids: Iterable[int]) -> None:
        """The client has these."""
        for message_id in message_ids:
            self._release(message_id)

    def _give_up(self, message_id: int) -> None:
        """Keep a message no longer. That it was an answer, and is not acknowledged, is remembered somewhat longer."""
        message, _ = self._unacked.pop(message_id)
        self._unacked_bytes -= len(message)
        if len(self._answers) > 4 * UNACKED:
            del self._answers[next(iter(self._answers))]

    def _release(self, message_id: int) -> None:
        kept = self._unacked.pop(message_id, None)
        if kept is not None:
            message, request_id = kept
            self._unacked_bytes -= len(message)
            if request_id:
                self._answers.pop(request_id, None)

    def repeat_answer(self, request_id: int) -> None:
        """A request came again: send its answer again if that may have been lost, or else acknowledge once more."""
        kept = self._unacked.get(self._answers.get(request_id, 0))
        if kept is None:
            self.owe(request_id)
        elif kept[0] not in self._outbox:
            self._outbox.append(kept[0])
            self._wake()

    def drop_answer(self, request_id: int) -> TLObject:
        """The RpcDropAnswer for rpc_drop_answer."""
        if request_id in self.running:
            self.running.discard(request_id)
            return types.RpcAnswerDroppedRunning()
        answer_id = self._answers.get(request_id)
        kept = self._unacked.get(answer_id or 0)
        if kept is None or answer_id is None:
            return types.RpcAnswerUnknown()
        answer = kept[0]
        self._release(answer_id)
        if answer in self._outbox:
            self._outbox.remove(answer)
        seqno, length = struct.unpack_from("<ii", answer, 8)
        return types.RpcAnswerDropped(msg_id=answer_id, seq_no=seqno, bytes=length)

    def resend(self, message_ids: Iterable[int] | None = None) -> bool:
        """Queue again what was not acknowledged: all of it, or these. False if one of these is not known any more."""
        wanted = list(self._unacked) if message_ids is None else list(message_ids)
        again = [self._unacked[each][0] for each in wanted if each in self._unacked]
        waiting = set(self._outbox)
        self._outbox[:0] = [message for message in again if message not in waiting]
        if self._outbox:
            self._wake()
        return len(again) == len(wanted)

    def state_of(self, message_id: int) -> int:
        """One byte of msgs_state_info: what is known of a message of the client's."""
        if message_id not in self.history:
            if message_id < self.history.floor:
                return 1
            return 3 if message_id > self.history.highest else 2
        state = 4
        if message_id in self.running:
            return state | 32
        return state | 8 | (64 if message_id in self._answers else 0)


def _smaller(result: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    zipped = packer.compress(result) + packer.flush()
    if len(zipped) + 12 >= len(result):
        return result
    return struct.pack("<I", GZIP_PACKED) + bytes(TLObject.serialize_bytes(zipped))
