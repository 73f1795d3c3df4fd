"""The short way of relayed requests: their packets are made and read here, at once.

Telethon's way, with its queue, its tasks and its readers, is for everything else; it takes as long as the whole rest of
a small call [measured by ``make bench``]. Both ways share one state: message ids, sequence numbers, salt, and the
requests that have no answer yet. What is not plainly an answer to relayed requests is left to Telethon, untouched.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Callable
from typing import Any

from telethon.network.mtprotostate import MSG_TOO_NEW_DELTA, MSG_TOO_OLD_DELTA
from telethon.tl.core import GzipPacked, MessageContainer

from telekeep.mtproto.cipher import Cipher, CipherError
from telekeep.mtproto.messages import ContainerError, Message, container, packed, unpack_container
from telekeep.mtproto.schema import GZIP_PACKED, MSG_CONTAINER, RPC_RESULT, VECTOR, SchemaError, inflate, types

_log = logging.getLogger(__name__)

_SMALL = 4096  # bytes of a request; larger ones take Telethon's way
_AT_ONCE = MessageContainer.MAXIMUM_LENGTH - 1  # requests in one packet, with an acknowledgement
_SALT_AND_SESSION = struct.Struct("<qq")
_HEADER = struct.Struct("<qqqii")  # salt, session id, message id, seqno, length
_RESULT = struct.Struct("<Iq")
_ACKNOWLEDGEMENT = struct.Struct("<IIi")
_PADDING = range(12, 1025)


class Waiting:
    """A relayed request from sending to its answer: what Telethon's RequestState is for its own.

    ``request`` is also what Telethon takes for the future of its answer (`telekeep.upstream.relay.Opaque`).
    """

    __slots__ = ("after", "container_id", "data", "future", "msg_id", "request")

    def __init__(self, request: Any) -> None:
        self.request = self.future = request
        self.data = bytes(request)
        self.msg_id: int | None = None
        self.container_id: int | None = None
        self.after = None


class Carrier:
    """The short way of one Telethon ``sender``. ``answer(waiting, body)`` is called with each answer's bytes."""

    def __init__(self, sender: Any, answer: Callable[[Waiting, bytes], None]) -> None:
        self._sender = sender
        self._answer = answer
        self._cipher: Cipher | None = None
        self._waiting: list[Waiting] = []  # to be sent in the next turn of the event loop

    # ---- out

    def send(self, request: Any, *, at_once: bool) -> None:
        """Send a request: now, or together with others of this turn. Raises ConnectionError if there is no line."""
        sender = self._sender
        if not sender._user_connected:
            raise ConnectionError("Cannot send requests while disconnected")
        waiting = Waiting(request)
        if len(waiting.data) > _SMALL or not self._is_open():
            sender._send_queue.append(waiting)
            return
        if at_once and not self._waiting:
            self._post([waiting])
            return
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _is_open(self) -> bool:
        """Whether nothing stands in the way, and nothing that Telethon has queued would be overtaken."""
        sender = self._sender
        if sender._reconnecting or sender._send_queue._deque or not sender._connection.is_free:
            return False
        sender._connection.taker = self.take
        return sender._send_loop_handle is not None and not sender._send_loop_handle.done()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._is_open():
            self._sender._send_queue.extend(waiting)
            return
        for start in range(0, len(waiting), _AT_ONCE):
            self._post(waiting[start : start + _AT_ONCE])

    def _post(self, group: list[Waiting]) -> None:
        """Send one packet, and with it the acknowledgements that are due; Telethon would send them in another."""
        sender, state = self._sender, self._sender._state
        messages = []
        for each in group:
            each.msg_id = state._get_new_msg_id()
            body = GzipPacked.gzip_if_smaller(True, each.data)
            messages.append(packed(each.msg_id, state._get_seq_no(True), body))
            sender._pending_state[each.msg_id] = each
        if sender._pending_ack:
            due = _acknowledgement(list(sender._pending_ack))
            sender._pending_ack.clear()
            messages.append(packed(state._get_new_msg_id(), state._get_seq_no(False), due))
        message = messages[0]
        if len(messages) > 1:
            container_id = state._get_new_msg_id()
            message = packed(container_id, state._get_seq_no(False), container(messages))
            for each in group:
                each.container_id = container_id
        head = _SALT_AND_SESSION.pack(state.salt, state.id)
        try:
            sender._connection.post(self._ciphered().encrypt(head + message))
        except OSError as error:
            sender._start_reconnect(error)

    # ---- back

    def take(self, frame: bytes) -> bool:
        """Take a packet that holds answers to relayed requests and nothing else. Whether it was one."""
        sender, state = self._sender, self._sender._state
        try:
            plain = self._ciphered().decrypt(frame)
            _, session_id, message_id, seqno, length = _HEADER.unpack_from(plain)
            if session_id != state.id or not self._is_new(message_id) or len(plain) - 32 - length not in _PADDING:
                return False
            message = Message(message_id, seqno, plain[32 : 32 + length])
            messages = unpack_container(message) if message.constructor == MSG_CONTAINER else [message]
            answers = [_answered(sender._pending_state, each) for each in messages]
        except (CipherError, ContainerError, SchemaError, KeyError):
            return False  # Telethon says what is wrong, or knows what it is
        state._recent_remote_ids.append(message_id)
        state._highest_remote_id = message_id
        state._ignore_count = 0
        for each, (request_id, body) in zip(messages, answers, strict=True):
            sender._pending_ack.add(each.id)
            waiting = sender._pending_state.pop(request_id, None)
            if waiting is not None:
                try:
                    self._answer(waiting, body)
                except Exception:
                    _log.exception("an answer could not be handed on")
        return True

    def _is_new(self, message_id: int) -> bool:
        """Whether it is a server's, newer than all before, and of our time."""
        state = self._sender._state
        age = time.time() + state.time_offset - (message_id >> 32)
        is_of_now = -MSG_TOO_NEW_DELTA <= age <= MSG_TOO_OLD_DELTA
        return message_id & 1 == 1 and message_id > state._highest_remote_id and is_of_now

    def _ciphered(self) -> Cipher:
        key = self._sender.auth_key.key
        if self._cipher is None or self._cipher.value != key:
            self._cipher = Cipher(key, mirrored=True)
        return self._cipher


def _answered(pending: dict[int, Any], message: Message) -> tuple[int, bytes]:
    """The request that a message answers, and the answer. Raises KeyError if it is anything else."""
    body = message.body
    if len(body) < _RESULT.size + 4:
        raise KeyError(message.id)
    constructor, request_id = _RESULT.unpack_from(body)
    if constructor != RPC_RESULT or type(pending[request_id]) is not Waiting:
        raise KeyError(message.id)
    answer = body[_RESULT.size :]
    if int.from_bytes(answer[:4], "little") == GZIP_PACKED:
        answer = _unzipped(answer)
    return request_id, answer


def _unzipped(body: bytes) -> bytes:
    """What gzip_packed holds."""
    start, length = 5, body[4]
    if length == 254:
        start, length = 8, int.from_bytes(body[5:8], "little")
    return inflate(body[start : start + length])


def _acknowledgement(ids: list[int]) -> bytes:
    """msgs_ack."""
    head = _ACKNOWLEDGEMENT.pack(types.MsgsAck.CONSTRUCTOR_ID, VECTOR, len(ids))
    return head + struct.pack(f"<{len(ids)}q", *ids)
