"""What updates say about the chats of an archive. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from telekeep.mtproto.schema import types
from telekeep.work.archive import reading
from telekeep.work.archive.rows import CHANNELS_BELOW, Change, Cursor, File, Gone, Message, Person, Put

_SHOWING = (
    types.UpdateNewMessage,
    types.UpdateNewChannelMessage,
    types.UpdateEditMessage,
    types.UpdateEditChannelMessage,
)


class News(NamedTuple):
    """What was heard at once. ``cursor`` and ``channels`` (pts by marked id): where updates stand after it; ``holes``:
    marked ids of channels of which something was missed, None for the account's own line.
    """

    updates: list[Any]
    users: list[Any]
    chats: list[Any]
    cursor: Cursor
    channels: dict[int, int]
    holes: list[int | None]


class Told(NamedTuple):
    """What `News` means for the rows."""

    changes: list[Change]
    people: dict[int, Person]
    files: dict[int, File]
    messages: int


def told(news: News, followed: Collection[int], self_id: int) -> Told:
    """The changes that ``news`` makes in the chats ``followed`` (marked ids), in order."""
    changes: list[Change] = []
    files: dict[int, File] = {}
    count = 0
    for update in news.updates:
        if isinstance(update, _SHOWING):
            row = reading.message(update.message, self_id)
            if row is not None and row.chat_id in followed:
                _put(changes, row)
                count += 1
                file = reading.file(update.message) if row.file_id else None
                if file is not None:
                    files[file.id] = file
        elif isinstance(update, types.UpdateDeleteMessages):
            changes.append(Gone(None, update.messages))
        elif isinstance(update, types.UpdateDeleteChannelMessages):
            chat_id = CHANNELS_BELOW - update.channel_id
            if chat_id in followed:
                changes.append(Gone(chat_id, update.messages))
    return Told(changes, reading.people(news.users, news.chats) if count else {}, files, count)


def touched(changes: Iterable[Change]) -> Iterator[tuple[int | None, Iterable[int]]]:
    """The messages that changes are about, for `telekeep.work.archive.window`."""
    for change in changes:
        if isinstance(change, Put):
            for each in change.messages:
                yield each.chat_id, (each.id,)
        elif isinstance(change, Gone):
            yield change.chat_id, change.ids


def _put(changes: list[Change], row: Message) -> None:
    last = changes[-1] if changes else None
    if isinstance(last, Put):
        changes[-1] = Put([*last.messages, row])
    else:
        changes.append(Put([row]))
