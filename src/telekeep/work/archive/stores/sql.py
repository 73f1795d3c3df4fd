"""What the stores in databases share: tables and statements, with ``?`` and ``IS NOT`` as SQLite writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from telekeep.work.archive.rows import (
    CHANNELS_BELOW,
    Batch,
    Change,
    Chat,
    Cursor,
    File,
    Found,
    Gone,
    Message,
    Person,
    Progress,
    Put,
    Standing,
)

VERSION = 1

TABLES = (
    "CREATE TABLE about (key TEXT PRIMARY KEY, value BIGINT NOT NULL)",
    "CREATE TABLE chats (id BIGINT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, username TEXT,"
    " position BIGINT NOT NULL, floor BIGINT NOT NULL, whole INTEGER NOT NULL, pts BIGINT, access_hash BIGINT)",
    "CREATE TABLE people (id BIGINT PRIMARY KEY, name TEXT NOT NULL, username TEXT, is_bot INTEGER NOT NULL)",
    "CREATE TABLE files (id BIGINT PRIMARY KEY, chat_id BIGINT NOT NULL, message_id BIGINT NOT NULL,"
    " kind TEXT NOT NULL, name TEXT, mime TEXT, size BIGINT, path TEXT)",
    "CREATE TABLE messages (chat_id BIGINT NOT NULL, id BIGINT NOT NULL, date BIGINT NOT NULL, sender_id BIGINT,"
    " text TEXT NOT NULL, out INTEGER NOT NULL, edited_at BIGINT, reply_to BIGINT, grouped_id BIGINT,"
    " forwarded_from BIGINT, forwarded_at BIGINT, action TEXT, media TEXT, file_id BIGINT, entities TEXT,"
    " deleted_at BIGINT, PRIMARY KEY (chat_id, id))",
)

COLUMNS = ", ".join(Message._fields)
_NEW = ", ".join(f"{each} = excluded.{each}" for each in Message._fields[2:])
_SAME = " OR ".join(f"messages.{each} IS NOT excluded.{each}" for each in Message._fields[2:] if each != "deleted_at")
MARKS = f"({', '.join('?' for _ in Message._fields)})"

PUT = (
    f"INSERT INTO messages ({COLUMNS}) VALUES {MARKS} ON CONFLICT (chat_id, id) DO UPDATE SET {_NEW}"
    f" WHERE messages.deleted_at IS NULL AND ({_SAME})"
)
SHOW = (
    f"INSERT INTO messages ({COLUMNS}) VALUES {MARKS} ON CONFLICT (chat_id, id) DO UPDATE SET {_NEW}"
    f" WHERE messages.deleted_at IS NOT NULL OR {_SAME}"
)
PUTS = (PUT, SHOW)
_GONE = "UPDATE messages SET deleted_at = ? WHERE deleted_at IS NULL AND id = ? AND chat_id = ?"
_GONE_SOMEWHERE = (
    "UPDATE messages SET deleted_at = ? WHERE deleted_at IS NULL AND id = ?"
    " AND chat_id IN (SELECT id FROM chats WHERE id > ?)"
)
_PERSON = (
    "INSERT INTO people (id, name, username, is_bot) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
    " name = excluded.name, username = excluded.username, is_bot = excluded.is_bot"
)
_FILE = (
    "INSERT INTO files (id, chat_id, message_id, kind, name, mime, size, path) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET path = COALESCE(excluded.path, files.path)"
)
_CHAT = (
    "INSERT INTO chats (id, kind, title, username, position, floor, whole, pts, access_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, title = excluded.title, username = excluded.username,"
    " position = excluded.position, floor = excluded.floor, whole = excluded.whole, pts = excluded.pts,"
    " access_hash = excluded.access_hash"
)
_ABOUT = "INSERT INTO about (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_FETCHED = "INSERT INTO about (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = about.value + ?"

Row = Sequence[Any]


class Run(Protocol):
    """A transaction's statements, in whichever database."""

    def many(self, statement: str, rows: Iterable[Row]) -> None: ...

    def all(self, statement: str, values: Row = ()) -> Iterable[Row]: ...


def write(run: Run, batch: Batch, day: int) -> None:
    """Carry out a batch inside a transaction."""
    for change in batch.changes:
        _write(run, change, batch.at)
    if batch.people:
        run.many(_PERSON, [(*each[:3], int(each.is_bot)) for each in batch.people.values()])
    if batch.files:
        run.many(_FILE, batch.files.values())
    if batch.chats:
        run.many(_CHAT, [_chat_row(each) for each in batch.chats.values()])
    if batch.cursor is not None:
        run.many(_ABOUT, list(zip(("pts", "qts", "date"), batch.cursor, strict=True)))
    if batch.fetched:
        run.many(_FETCHED, [(f"fetched {day}", batch.fetched, batch.fetched)])


def _write(run: Run, change: Change, at: int) -> None:
    if isinstance(change, Put):
        run.many(SHOW if change.shown else PUT, [_row(each) for each in change.messages])
    elif isinstance(change, Gone):
        where, statement = (CHANNELS_BELOW, _GONE_SOMEWHERE) if change.chat_id is None else (change.chat_id, _GONE)
        run.many(statement, [(at, each, where) for each in change.ids])
    else:
        asked = "SELECT id FROM messages WHERE chat_id = ? AND id >= ? AND id <= ? AND deleted_at IS NULL"
        there = {int(row[0]) for row in run.all(asked, (change.chat_id, change.low, change.high))}
        lost = there - change.present - change.spared
        if lost:
            run.many(_GONE, [(at, each, change.chat_id) for each in sorted(lost)])


def claim(run: Run, account_id: int) -> int:
    """Note whose archive it is if it is nobody's; whose it is."""
    run.many("INSERT INTO about (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", [("account", account_id)])
    return next(int(row[0]) for row in run.all("SELECT value FROM about WHERE key = 'account'"))


def standing(run: Run, day: int) -> Standing:
    about = {str(row[0]): int(row[1]) for row in run.all("SELECT key, value FROM about")}
    cursor = Cursor(about["pts"], about["qts"], about["date"]) if "pts" in about else None
    asked = "SELECT id, kind, title, username, position, floor, whole, pts, access_hash FROM chats ORDER BY id"
    chats = {
        row[0]: Chat(row[0], row[1], row[2], row[3], Progress(row[4], row[5], bool(row[6])), row[7], row[8])
        for row in run.all(asked)
    }
    return Standing(about.get("account"), cursor, chats, about.get(f"fetched {day}", 0))


def count(run: Run, chat_id: int | None) -> int:
    where, values = ("", ()) if chat_id is None else (" AND chat_id = ?", (chat_id,))
    found = run.all(f"SELECT COUNT(*) FROM messages WHERE deleted_at IS NULL{where}", values)
    return next(int(row[0]) for row in found)


def messages_asked(chat_ids: Sequence[int], after: tuple[int, int], *, deleted: bool, limit: int) -> tuple[str, Row]:
    """The statement for a page of messages by chat and id, and its values."""
    which, values = _among(chat_ids)
    alive = "" if deleted else " AND deleted_at IS NULL"
    asked = (
        f"SELECT {COLUMNS} FROM messages WHERE (chat_id, id) > (?, ?){alive}{which} ORDER BY chat_id, id LIMIT {limit}"
    )
    return asked, (*after, *values)


def message(row: Row) -> Message:
    return Message._make((*row[:5], bool(row[5]), *row[6:]))


def people(run: Run) -> dict[int, Person]:
    found = run.all("SELECT id, name, username, is_bot FROM people")
    return {row[0]: Person(row[0], row[1], row[2], bool(row[3])) for row in found}


def files(run: Run, *, missing: bool) -> list[File]:
    where = " WHERE path IS NULL" if missing else ""
    columns = ", ".join(File._fields)
    found = run.all(f"SELECT {columns} FROM files{where} ORDER BY chat_id, message_id, id")
    return [File(*row) for row in found]


def found(run: Run, condition: str, words: str, chat_ids: Sequence[int], limit: int) -> list[Found]:
    """Messages that fulfil ``condition``, which has one ``?`` for ``words``."""
    which, values = _among(chat_ids)
    columns = ", ".join(f"messages.{each}" for each in Message._fields)
    asked = (
        f"SELECT {columns}, chats.title, people.name FROM messages LEFT JOIN chats ON chats.id = messages.chat_id"
        f" LEFT JOIN people ON people.id = messages.sender_id WHERE {condition} AND deleted_at IS NULL{which}"
        f" ORDER BY date DESC, messages.id DESC LIMIT {limit}"
    )
    return [Found(message(row[:-2]), row[-2] or str(row[0]), row[-1]) for row in run.all(asked, (words, *values))]


def per_day(run: Run, chat_ids: Sequence[int]) -> list[tuple[int, int]]:
    which, values = _among(chat_ids)
    asked = f"SELECT date / 86400, COUNT(*) FROM messages WHERE deleted_at IS NULL{which} GROUP BY 1 ORDER BY 1"
    return [(int(row[0]), int(row[1])) for row in run.all(asked, values)]


def _among(chat_ids: Sequence[int]) -> tuple[str, Row]:
    return (f" AND chat_id IN ({', '.join('?' * len(chat_ids))})", tuple(chat_ids)) if chat_ids else ("", ())


def _row(message: Message) -> Row:
    return (*message[:5], int(message.out), *message[6:])


def _chat_row(chat: Chat) -> Row:
    place = chat.progress
    return (*chat[:4], place.position, place.floor, int(place.whole), chat.pts, chat.access_hash)
