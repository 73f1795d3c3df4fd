"""What an archive keeps, and the batches in which it is committed.

Chats and people are named by marked ids: a user's own, a basic group's negative, a channel's or supergroup's with -100
before it. Dates are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

CHANNELS_BELOW = -1_000_000_000_000
"""Marked ids of channels and supergroups are smaller. Message ids count within one of those, and within the account for
all other chats."""

TOP = 0x7FFFFFFF
"""A message id above all others."""


class Message(NamedTuple):
    """One message, as Telegram shows it now. ``deleted_at``: when the archive learnt that it is gone.

    ``media``: photo, document, web_page and so on; ``file_id``: of the file it carries; ``action``: what a service
    message says; ``entities``: its formatting, as JSON.
    """

    chat_id: int
    id: int
    date: int
    sender_id: int | None
    text: str
    out: bool
    edited_at: int | None = None
    reply_to: int | None = None
    grouped_id: int | None = None
    forwarded_from: int | None = None
    forwarded_at: int | None = None
    action: str | None = None
    media: str | None = None
    file_id: int | None = None
    entities: str | None = None
    deleted_at: int | None = None


class Person(NamedTuple):
    """Who sent something: a user, or a channel that posts in its own name."""

    id: int
    name: str
    username: str | None = None
    is_bot: bool = False


class File(NamedTuple):
    """A file that a message carries. ``path``: where it lies, relative to the media folder; None if it was not fetched.

    ``chat_id`` and ``message_id`` say where it was seen first.
    """

    id: int
    chat_id: int
    message_id: int
    kind: str
    name: str | None
    mime: str | None
    size: int | None
    path: str | None = None


class Cursor(NamedTuple):
    """Where the account's updates stand in the archive: everything up to here is in it."""

    pts: int
    qts: int
    date: int


class Progress(NamedTuple):
    """How far a chat's history is in the archive (`telekeep.work.archive.plan`).

    Everything from ``floor`` upwards has been seen; ``position``: the pass that is under way goes on below this id, and
    is done when it reaches ``floor``; ``whole``: the first message of the chat was reached.
    """

    position: int = TOP
    floor: int = TOP
    whole: bool = False


class Chat(NamedTuple):
    """A chat that is archived. ``kind``: user, group, supergroup, channel. ``pts``: where a channel's updates stand.

    ``access_hash``: that of the authorization that saw the chat last; an owner puts its own in its place.
    """

    id: int
    kind: str
    title: str
    username: str | None = None
    progress: Progress = Progress()
    pts: int | None = None
    access_hash: int | None = None


# ---- what happens to rows, in order


class Put(NamedTuple):
    """These messages are so now. ``shown``: Telegram has shown them in a history, so none of them is deleted."""

    messages: Sequence[Message]
    shown: bool = False


class Gone(NamedTuple):
    """These are deleted. ``chat_id`` None: ids of the account's own line, in whichever chat they are."""

    chat_id: int | None
    ids: Sequence[int]


class Span(NamedTuple):
    """Between ``low`` and ``high``, both included, there are the messages ``present`` and no others; nothing is said
    about those that are ``spared``."""

    chat_id: int
    low: int
    high: int
    present: frozenset[int]
    spared: frozenset[int] = frozenset()


Change = Put | Gone | Span


@dataclass(slots=True)
class Batch:
    """What is committed together, all of it or none. ``at``: now. ``fetched``: messages that count for the budget.
    ``cursor`` and ``chats`` are None or absent where nothing changed.
    """

    at: int
    changes: list[Change] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)
    files: dict[int, File] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    cursor: Cursor | None = None
    fetched: int = 0

    @property
    def size(self) -> int:
        """How many rows of messages it touches."""
        return sum(len(each.messages) for each in self.changes if isinstance(each, Put))


@dataclass(slots=True)
class Standing:
    """What an archive knows when it is opened. ``account_id``: whose it is, None if nobody's yet; ``fetched``: messages
    that were fetched on the day that was asked about.
    """

    account_id: int | None = None
    cursor: Cursor | None = None
    chats: dict[int, Chat] = field(default_factory=dict)
    fetched: int = 0


class Found(NamedTuple):
    """A message that was searched for, and who and where."""

    message: Message
    chat: str
    sender: str | None
