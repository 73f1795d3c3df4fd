"""One TCP connection to a server that speaks MTProto: the rim, where bytes become requests and results become bytes.

Everything that came in one read is carried out in the same tick, and everything there is to say is sent at its end, in
as few containers as possible.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import cast

from telekeep.mtproto import rules, service
from telekeep.mtproto.cipher import CipherError
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.exchange import Handshake, HandshakeError
from telekeep.mtproto.keyring import KnownKey
from telekeep.mtproto.messages import ContainerError, Message, container, portions, unpack_container
from telekeep.mtproto.salts import GRACE, PERIOD, Salts
from telekeep.mtproto.schema import GZIP_PACKED, MSG_CONTAINER, SchemaError, inflate, read, read_first, types
from telekeep.mtproto.served import Served
from telekeep.mtproto.transport import Framing, TransportError

_log = logging.getLogger(__name__)

_HEADER = struct.Struct("<qqqii")  # salt, session id, message id, seqno, length
_SALT_AND_SESSION = struct.Struct("<qq")
_PADDING = range(12, 1025)
_WRITE_LIMIT = 16 << 20  # bytes queued for a client that does not read; then it is cut off
_INFLATED = 4 << 20  # bytes that what came in one read may become when it is unpacked: a loop has others to serve
_CARRIED = 16  # conversations on one connection; a client has one or two
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_ESTABLISHED = 1  # tcpi_state, the first byte of TCP_INFO
KEY_UNKNOWN = 404


class Connection(asyncio.Protocol):
    """The server's end of one TCP connection."""

    def __init__(self, served: Served) -> None:
        self.ip = ""
        self.is_open = False
        self.is_full = False  # its client does not read as fast as we write
        self._holds = 0
        self._served = served
        self._framing = Framing()
        self._handshake: Handshake | None = None
        self._carrying: Conversation | None = None
        self._keys: dict[Conversation, KnownKey] = {}  # of the conversations that live here
        self._awake: dict[Conversation, None] = {}
        self._in_tick = False
        self._room = _INFLATED
        self._doom: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        state = self._framing.mode.name if self._framing.mode else "silent"
        return f"<Connection from {self.ip}: {state if self.is_open else 'closed'}, {len(self._keys)} conversations>"

    # ---- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=1 << 20)
        self._loop = asyncio.get_running_loop()
        peer = transport.get_extra_info("peername")  # None if the client has gone by now
        self.ip = str(peer[0]) if peer else ""
        self.is_open = True
        self._lost = self._loop.create_future()
        self._served.opened(self)

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            return
        self._in_tick = True
        self._room = _INFLATED
        try:
            for payload in self._framing.feed(data):
                self._take(payload)
                if not self.is_open:
                    return
        except (TransportError, HandshakeError, CipherError, SchemaError) as error:
            self._refuse(error)
        finally:
            self._in_tick = False
        self._flush()

    def eof_received(self) -> None:
        return None  # the transport closes

    def connection_lost(self, _error: Exception | None) -> None:
        self._leave()
        self._lost.set_result(None)

    def pause_writing(self) -> None:
        self.is_full = True
        self.hold()

    def resume_writing(self) -> None:
        self.is_full = False
        self.release()
        if self.is_open:
            self._served.drained(self)

    # ---- for services

    def wake(self, conversation: Conversation) -> None:
        """``conversation`` has something to send: at the end of this tick, or in the next."""
        if not self._awake and not self._in_tick:
            self._loop.call_soon(self._flush)
        self._awake[conversation] = None

    def flush(self) -> None:
        """Send now what is queued."""
        self._flush()

    def at_once(self, say: Callable[[], object]) -> None:
        """Send what ``say`` queues now, and not in the next turn of the event loop."""
        was_in_tick, self._in_tick = self._in_tick, True
        try:
            say()
        finally:
            self._in_tick = was_in_tick
        self._flush()

    def hold(self) -> None:
        """Read nothing more until `release`: its client asks faster than it is answered, or does not read."""
        self._holds += 1
        if self._holds == 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """Take one `hold` back."""
        self._holds -= 1
        if self._holds == 0 and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, reason: str, *, abort: bool = False) -> None:
        """Close; with ``abort``, without sending what is queued."""
        if not self.is_open:
            return
        _log.debug("closing the connection from %s: %s", self.ip, reason)
        if abort:
            self._transport.abort()
        else:
            self._flush()
            self._transport.close()
        self._leave()

    async def wait_closed(self) -> None:
        """Until the socket is gone."""
        await asyncio.shield(self._lost)

    def deny(self) -> None:
        """Say that the key is not known (-404), and close."""
        self._transport.write(self._framing.refusal(KEY_UNKNOWN))
        self.close("the key is known no more")

    def demand_salt(self, key: KnownKey, conversation: Conversation, message_id: int) -> None:
        """Refuse a message after all, as if its salt were wrong; from now on only new salts are taken."""
        key.salts.replace()
        message = Message(message_id, conversation.withdraw(message_id), b"")
        self._reject(key, conversation, message, rules.Code.SALT, self._served.now())

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """Our address and the client's; None where the kernel does not say any more."""
        ours, theirs = (self._transport.get_extra_info(name) for name in ("sockname", "peername"))
        return (ours[:2], theirs[:2]) if ours and theirs else None

    @property
    def is_reachable(self) -> bool:
        """Whether the client's end is open too: False once it has closed, even before asyncio tells us so."""
        return self.is_open and _established(self._transport)

    def _leave(self) -> None:
        if not self.is_open:
            return
        self.is_open = False
        if self._doom:
            self._doom.cancel()
        for conversation in list(self._keys):
            self._drop(conversation)
        self._served.closed(self)

    def _disconnect_in(self, seconds: float) -> None:
        if self._doom:
            self._doom.cancel()
        self._doom = self._loop.call_later(max(seconds, 0), self.close, "ping_delay_disconnect ran out")

    # ---- what comes in

    def _take(self, payload: bytes) -> None:
        key_id = int.from_bytes(payload[:8], "little")
        if key_id == 0:
            return self._plain(payload)
        key = self._served.find(key_id)
        if key is None:
            _log.debug("a key that is not known, from %s", self.ip)
            return self._transport.write(self._framing.refusal(KEY_UNKNOWN))
        plain = key.key.decrypt(payload)
        salt, session_id, message_id, seqno, length = _HEADER.unpack_from(plain)
        if length < 4 or length % 4 or len(plain) - 32 - length not in _PADDING:
            raise CipherError("a message of impossible length")
        message = Message(message_id, seqno, plain[32 : 32 + length])
        conversation = key.conversation(session_id, self._served.now)
        now = self._served.now()
        if not key.salts.accepts(salt, now):
            return self._reject(key, conversation, message, rules.Code.SALT, now)
        code, messages = _judged(conversation, message, now)
        if code is not None:
            return self._reject(key, conversation, message, code, now)
        self._carry(key, conversation)
        if not conversation.introduced:
            first = min(each.id for each in messages) if messages else message_id
            conversation.introduce(first, key.salts.current(now), message_id ^ session_id)
        for each in messages:
            if not self.is_open:
                return None  # one of them has closed the line: the rest is as if it had not come
            self._one(key, conversation, each, now)
        if message.constructor == MSG_CONTAINER:
            conversation.history.add(message_id, seqno)
        return None

    def _one(self, key: KnownKey, conversation: Conversation, message: Message, now: float) -> None:
        body = message.body
        constructor = message.constructor
        if constructor == GZIP_PACKED:
            body = _unzipped(body, self._room)
            self._room -= len(body)
            constructor = int.from_bytes(body[:4], "little")
        judgement = _judged_one(conversation, message, constructor)
        if isinstance(judgement, rules.Code):
            return self._reject(key, conversation, message, judgement, now)
        if judgement is not None:
            return conversation.repeat_answer(message.id) if message.seqno & 1 else None
        conversation.history.add(message.id, message.seqno)
        received = service.acknowledged(body)
        if received is not None:
            return conversation.acknowledged(received)
        answer = service.handler(constructor)
        if answer is not None:
            if message.seqno & 1:
                conversation.owe(message.id)
            context = service.Context(key, conversation, now, self._disconnect_in)
            return answer(context, message.id, read(body))
        conversation.running.add(message.id)
        self._served.request(self, key, conversation, message.id, body)
        if key.acknowledges and message.id in conversation.running:  # it takes its time; else the answer says it
            conversation.owe(message.id)
        return None

    def _plain(self, payload: bytes) -> None:
        if len(payload) < 24:
            raise HandshakeError("a plain message is cut short")
        length = int.from_bytes(payload[16:20], "little")
        if length < 4 or length % 4 or len(payload) < 20 + length:
            raise HandshakeError("a plain message of impossible length")
        if self._handshake is None:
            served = self._served
            self._handshake = Handshake(served.server_key, dc_id=served.dc_id, now=served.now, taken=served.taken)
        answer = bytes(self._handshake.answer(read_first(payload[20 : 20 + length])[0]))
        now = self._served.now()
        agreed = self._handshake.agreed
        if agreed is not None:
            self._handshake = None
            self._served.agreed(agreed.key, Salts(first=agreed.salt, first_until=now + PERIOD + GRACE))
        head = struct.pack("<qqi", 0, int(now * (1 << 32)) & ~3 | 1, len(answer))
        self._transport.write(self._framing.frame(head + answer))

    def _carry(self, key: KnownKey, conversation: Conversation) -> None:
        if self._carrying is conversation and conversation.line is self:
            return
        self._carrying = conversation
        self._keys[conversation] = key
        before, conversation.line = conversation.line, self
        if before is not None and before is not self:
            before.close("its conversation came back on another connection", abort=True)
        if before is not self:
            conversation.resend()
        if len(self._keys) > _CARRIED:
            self._drop(next(iter(self._keys)))
        self._served.used(self, key, conversation)

    def _drop(self, conversation: Conversation) -> None:
        del self._keys[conversation]
        self._awake.pop(conversation, None)
        if conversation.line is self:
            conversation.line = None

    def _reject(self, key: KnownKey, conversation: Conversation, message: Message, code: int, now: float) -> None:
        _log.debug("message of %s refused with code %d", self.ip, code)
        notice = {"bad_msg_id": message.id, "bad_msg_seqno": message.seqno, "error_code": code}
        if code == rules.Code.SALT:
            body = bytes(types.BadServerSalt(**notice, new_server_salt=key.salts.current(now)))
        else:
            body = bytes(types.BadMsgNotification(**notice))
        self._send(key, conversation, [conversation.single(body)], now)

    def _refuse(self, error: Exception) -> None:
        _log.debug("the connection from %s is refused: %s", self.ip, error)
        if self._framing.mode is not None and not isinstance(error, TransportError):
            self._transport.write(self._framing.refusal(KEY_UNKNOWN))
        self.close(str(error))

    # ---- what goes out

    def _flush(self) -> None:
        if not self.is_open or not self._awake:
            return
        awake, self._awake = self._awake, {}
        now = self._served.now()
        for conversation in awake:
            if conversation.line is self:
                messages = conversation.outgoing()
                if messages:
                    self._send(self._keys[conversation], conversation, messages, now)

    def _send(self, key: KnownKey, conversation: Conversation, messages: list[bytes], now: float) -> None:
        head = _SALT_AND_SESSION.pack(key.salts.current(now), conversation.id)
        frames = []
        for group in portions(messages):
            message = group[0] if len(group) == 1 else conversation.wrap(container(group))
            frames.append(self._framing.frame(key.key.encrypt(head + message)))
        # What was queued before counts, not this: the pieces of files that one read asked for are many megabytes, and
        # nothing more is read (see pause_writing) until they are gone.
        if self._transport.get_write_buffer_size() > _WRITE_LIMIT:
            return self.close("its client does not read", abort=True)
        return self._transport.write(b"".join(frames))


def _judged(conversation: Conversation, message: Message, now: float) -> tuple[rules.Code | None, list[Message]]:
    """What is wrong with the outermost message, and the messages it brings."""
    code = rules.judge_id(message.id, now)
    if code is not None:
        return code, []
    if message.constructor != MSG_CONTAINER:
        return None, [message]
    history = conversation.history
    if message.id in history:
        return rules.Code.CONTAINER_REPEATED, []
    judgement = rules.judge_parity(message.seqno, content=False) or history.judge(message.id, message.seqno)
    if isinstance(judgement, rules.Code):
        return judgement, []
    try:
        return None, unpack_container(message)
    except ContainerError:
        return rules.Code.CONTAINER, []


def _judged_one(conversation: Conversation, message: Message, constructor: int) -> rules.Code | rules.Repeated | None:
    if message.id & 3:
        return rules.Code.ID_NOT_DIVISIBLE
    judgement = conversation.history.judge(message.id, message.seqno)
    return judgement or rules.judge_parity(message.seqno, content=service.is_content(constructor))


def _unzipped(body: bytes, limit: int) -> bytes:
    """The body inside gzip_packed, of at most ``limit`` bytes."""
    length, at = int.from_bytes(body[4:5], "little"), 5
    if length == 254:
        length, at = int.from_bytes(body[5:8], "little"), 8
    return inflate(body[at : at + length], limit=limit)


def _established(transport: asyncio.Transport) -> bool:
    """Whether both ends of the TCP connection are open, as the kernel knows it (True where it cannot be asked)."""
    if _TCP_INFO is None:
        return True
    try:
        state: int = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0]
    except OSError:
        return False
    return state == _ESTABLISHED
