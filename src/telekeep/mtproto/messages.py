"""Messages on the wire: one with its id and sequence number, and containers of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from telekeep.mtproto.schema import MSG_CONTAINER

MAX_IN_CONTAINER = 1020  # messages (core.telegram.org/mtproto/service_messages#simple-container)
MAX_CONTAINER = 1 << 19  # bytes we put into one
_MESSAGE = struct.Struct("<qii")  # id, seqno, length of the body
_CONTAINER = struct.Struct("<II")
_OVERHEAD = _MESSAGE.size


class ContainerError(ValueError):
    """A container that does not hold together: it is refused as a whole."""


class Message(NamedTuple):
    id: int
    seqno: int
    body: bytes

    @property
    def constructor(self) -> int:
        return int.from_bytes(self.body[:4], "little")


def packed(message_id: int, seqno: int, body: bytes) -> bytes:
    return _MESSAGE.pack(message_id, seqno, len(body)) + body


def unpack_container(container: Message) -> list[Message]:
    """The messages of a container, each cut at its own length. Raises ContainerError.

    The cut matters: a body that is read for as long as it makes sense could run into its neighbour's.
    """
    body = container.body
    if len(body) < 8:
        raise ContainerError("cut short")
    count = int.from_bytes(body[4:8], "little")
    if not 0 < count <= MAX_IN_CONTAINER:
        raise ContainerError(f"{count} messages")
    at = 8
    messages = []
    for _ in range(count):
        if len(body) < at + _OVERHEAD:
            raise ContainerError("cut short")
        message_id, seqno, length = _MESSAGE.unpack_from(body, at)
        at += _OVERHEAD
        if length < 4 or length % 4 or len(body) < at + length:
            raise ContainerError("a message of impossible length")
        message = Message(message_id, seqno, body[at : at + length])
        at += length
        if message.constructor == MSG_CONTAINER:
            raise ContainerError("a container inside a container")
        if message_id >= container.id:
            raise ContainerError("a message that is newer than its container")
        messages.append(message)
    if at != len(body):
        raise ContainerError("bytes left over")
    return messages


def container(messages: Sequence[bytes]) -> bytes:
    """The body of a container of packed messages."""
    return _CONTAINER.pack(MSG_CONTAINER, len(messages)) + b"".join(messages)


def portions(messages: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Packed messages in groups that fit into one container each."""
    if len(messages) <= MAX_IN_CONTAINER and sum(map(len, messages)) <= MAX_CONTAINER:
        return [messages]
    groups: list[Sequence[bytes]] = []
    group: list[bytes] = []
    size = 0
    for message in messages:
        if group and (len(group) >= MAX_IN_CONTAINER or size + len(message) > MAX_CONTAINER):
            groups.append(group)
            group, size = [], 0
        group.append(message)
        size += len(message)
    groups.append(group)
    return groups
