"""A message, and the dialog it lies in: newest-first windows over an ascending list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from telekeep.emulator.world.files import File
from telekeep.emulator.world.peer import Peer

PAGE = 100
"""The most that one call returns of a history or of the dialogs (core.telegram.org/api/offsets)."""

_id, _date = attrgetter("id"), attrgetter("date")


@dataclass(frozen=True, slots=True)
class ChatCreated:
    """The service message that opens a group."""

    title: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MembersAdded:
    """The service message for somebody joining a group."""

    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChannelCreated:
    """The service message that opens a channel or supergroup."""

    title: str

    @property
    def members(self) -> tuple[int, ...]:
        return ()


Action = ChatCreated | MembersAdded | ChannelCreated


@dataclass(frozen=True, slots=True)
class Reaction:
    """What somebody thinks of a message: one emoji."""

    user_id: int
    emoticon: str
    date: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a forwarded message came from: who wrote it and when (Unix seconds), and, for one that was saved for
    oneself, the dialog it lay in and its id there. ``post``: of a channel's post, the channel and the id there; its
    author is not told."""

    author: int
    date: int
    saved_from: tuple[Peer, int] | None = None
    post: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class Message:
    """One account's copy of a message; or a channel's only one, which is never ``out``: that depends on who looks.

    ``id`` counts within its box; ``origin`` is the same number on every account's copy (0: no other copies);
    ``date`` and ``edited`` in Unix seconds; ``entities`` as they were sent, opaque here; ``reactions``, oldest first;
    ``grouped_id``: the same for all messages of an album; ``forward``: None for what is no forwarded message;
    ``views`` and ``forwards`` are counted for channel posts.
    """

    id: int
    peer: Peer
    sender: int
    date: int
    text: str
    out: bool = False
    origin: int = 0
    reply_to: int | None = None
    entities: tuple[Any, ...] = ()
    action: Action | None = None
    edited: int | None = None
    reactions: tuple[Reaction, ...] = ()
    media: File | None = None
    grouped_id: int | None = None
    forward: Forward | None = None
    views: int = 0
    forwards: int = 0


class Dialog:
    """All messages with one peer, ascending, and how far either side has read them."""

    __slots__ = ("messages", "peer", "pinned", "read_inbox", "read_outbox", "unread")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.messages: list[Message] = []
        self.read_inbox = self.read_outbox = self.unread = 0
        self.pinned = False

    def __repr__(self) -> str:
        return f"<Dialog {self.peer.kind} {self.peer.id}: {len(self.messages)} messages, {self.unread} unread>"

    @property
    def top(self) -> Message | None:
        return self.messages[-1] if self.messages else None

    def append(self, message: Message) -> None:
        self.messages.append(message)
        if not message.out:
            self.unread += 1

    def remove(self, message: Message) -> None:
        """``message`` was deleted; unread, it is no longer counted."""
        del self.messages[bisect_left(self.messages, message.id, key=_id)]
        if not message.out and message.id > self.read_inbox:
            self.unread -= 1

    def between(self, first: int, last: int) -> Dialog:
        """The dialog as if it held these messages only, ``first`` and ``last`` included (invokeWithMessagesRange)."""
        part = Dialog(self.peer)
        part.messages = self.messages[
            bisect_left(self.messages, first, key=_id) : bisect_right(self.messages, last, key=_id)
        ]
        return part

    def window(
        self,
        *,
        offset_id: int = 0,
        offset_date: int = 0,
        add_offset: int = 0,
        limit: int = PAGE,
        max_id: int = 0,
        min_id: int = 0,
    ) -> list[Message]:
        """Messages, newest first, as messages.getHistory chooses them (core.telegram.org/api/offsets).

        The window begins below ``offset_id``, else before ``offset_date``, else at the newest; ``add_offset`` moves it
        towards older messages, or, negative, towards newer ones; ``limit`` is its length, at most `PAGE`. ``max_id``
        and ``min_id`` (both exclusive) then strike out, and nothing moves up in exchange: that is what clients meet.
        """
        if offset_id:
            start = bisect_left(self.messages, offset_id, key=_id)
        elif offset_date:
            start = bisect_left(self.messages, offset_date, key=_date)
        else:
            start = len(self.messages)
        newest = start - add_offset
        oldest = newest - min(max(limit, 0), PAGE)
        chosen = self.messages[max(oldest, 0) : max(newest, 0)]
        chosen.reverse()
        if max_id or min_id:
            chosen = [m for m in chosen if m.id > min_id and (not max_id or m.id < max_id)]
        return chosen

    def read_up_to(self, max_id: int) -> list[Message]:
        """Mark incoming messages up to ``max_id`` (0: all) as read; return those that had not been, ascending."""
        start = bisect_right(self.messages, self.read_inbox, key=_id)
        end = bisect_right(self.messages, max_id, key=_id) if max_id else len(self.messages)
        read = [m for m in self.messages[start:end] if not m.out]
        if read:
            self.read_inbox = read[-1].id
            self.unread -= len(read)
        return read
