"""An archive in one SQLite file, with full-text search. Rows and cursor are committed together.

A process that is killed leaves the last commit. A machine that loses its power may lose the last few commits, rows and
cursor alike: they are fetched again.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from telekeep.database import border
from telekeep.errors import ConfigError, UnknownFormat
from telekeep.work.archive.pacing import day_of
from telekeep.work.archive.rows import Batch, File, Found, Message, Person, Standing
from telekeep.work.archive.stores import sql
from telekeep.work.archive.stores.store import busy, check_account

_APPLICATION = 0x744B4152  # "tKAR"
_STRIDE = 1000  # rows read at a time
_LOG = 8_000  # pages of 4 kB in the log before they are moved into the file, which waits for the disk
_TOGETHER, _MOST = 20, 500  # rows that are written by one statement

# Full-text search names rows by a number that must outlive VACUUM.
_TABLES = [
    each.replace("messages (", "messages (nr INTEGER PRIMARY KEY, ").replace("PRIMARY KEY (", "UNIQUE (")
    for each in sql.TABLES
]
_SEARCH = (
    "CREATE VIRTUAL TABLE words USING fts5(text, content='messages', content_rowid='nr',"
    " tokenize='unicode61 remove_diacritics 2')",
    "CREATE TRIGGER messages_put AFTER INSERT ON messages WHEN new.text <> '' BEGIN"
    " INSERT INTO words (rowid, text) VALUES (new.nr, new.text); END",
    "CREATE TRIGGER messages_edited AFTER UPDATE OF text ON messages WHEN old.text <> new.text BEGIN"
    " INSERT INTO words (words, rowid, text) SELECT 'delete', old.nr, old.text WHERE old.text <> '';"
    " INSERT INTO words (rowid, text) SELECT new.nr, new.text WHERE new.text <> ''; END",
)


class SqliteStore:
    """See the module and `telekeep.work.archive.stores.store.Store`. Made if it is not there, unless ``reading``."""

    at_once = True

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self._path = path.absolute()
        self._claim: int | None = None
        self._turns = RLock()
        if reading and not path.exists():
            raise ConfigError(f"There is no archive {path}.", remedy="Name it with --in FILE.")
        with border(path):
            if not reading:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
            try:
                self._recognise(reading)
            except BaseException:
                self._connection.close()
                raise

    def _recognise(self, reading: bool) -> None:
        execute = self._connection.execute
        execute("PRAGMA trusted_schema=ON")  # full-text search works through triggers
        self._is_empty(reading)  # before anything is changed: the next line is for good, and not for others' files
        if not reading:
            execute("PRAGMA journal_mode=WAL")
            execute("PRAGMA synchronous=NORMAL")
            execute(f"PRAGMA wal_autocheckpoint={_LOG}")
            execute("BEGIN IMMEDIATE")
            if self._is_empty(reading):
                execute(f"PRAGMA application_id={_APPLICATION}")
                execute(f"PRAGMA user_version={sql.VERSION}")
                for statement in (*_TABLES, *_SEARCH):
                    execute(statement)
            execute("COMMIT")

    def _is_empty(self, reading: bool) -> bool:
        """Whether an archive is yet to be made of it. Raises UnknownFormat for what is none and cannot be one."""
        execute = self._connection.execute
        application = execute("PRAGMA application_id").fetchone()[0]
        version = execute("PRAGMA user_version").fetchone()[0]
        empty = bool(execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0)
        is_ours = application == _APPLICATION and version == sql.VERSION
        is_new = empty and application == version == 0 and not reading
        if not is_ours and not is_new:
            raise UnknownFormat(f"{self._path} is no archive of this telekeep.", remedy="Name another file with --to.")
        return empty

    def claim(self) -> None:
        """See `Store.claim`. The kernel gives the claim back when this process ends."""
        if self._claim is None:
            with border(self._path):
                beside = self._path.with_name(f"{self._path.name}.lock")
                descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(descriptor)
                    raise busy(str(self._path)) from None
            self._claim = descriptor

    def keep_for(self, account_id: int, name: str) -> None:
        with self._turns, border(self._path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            check_account(sql.claim(_Run(self._connection), account_id), account_id, str(self._path), name)

    def standing(self, day: int = 0) -> Standing:
        with self._turns, border(self._path):
            return sql.standing(_Run(self._connection), day)

    def commit(self, batch: Batch) -> None:
        with self._turns, border(self._path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            sql.write(_Run(self._connection), batch, day_of(batch.at))

    def count(self, chat_id: int | None = None) -> int:
        with self._turns, border(self._path):
            return sql.count(_Run(self._connection), chat_id)

    def messages(self, chat_ids: Sequence[int] = (), *, deleted: bool = False) -> Iterator[Message]:
        after = (-(1 << 62), 0)
        while True:
            asked, values = sql.messages_asked(chat_ids, after, deleted=deleted, limit=_STRIDE)
            with self._turns, border(self._path):
                rows = self._connection.execute(asked, values).fetchall()
            yield from map(sql.message, rows)
            if len(rows) < _STRIDE:
                return
            after = rows[-1][:2]

    def people(self) -> dict[int, Person]:
        with self._turns, border(self._path):
            return sql.people(_Run(self._connection))

    def files(self, *, missing: bool = False) -> Iterable[File]:
        with self._turns, border(self._path):
            return sql.files(_Run(self._connection), missing=missing)

    def search(self, words: str, chat_ids: Sequence[int] = (), limit: int = 50) -> list[Found]:
        asked = " ".join('"{}"'.format(each.replace('"', '""')) for each in words.split())
        condition = "messages.nr IN (SELECT rowid FROM words WHERE words MATCH ?)"
        with self._turns, border(self._path):
            return sql.found(_Run(self._connection), condition, asked, chat_ids, limit) if asked else []

    def per_day(self, chat_ids: Sequence[int] = ()) -> list[tuple[int, int]]:
        with self._turns, border(self._path):
            return sql.per_day(_Run(self._connection), chat_ids)

    def close(self) -> None:
        with self._turns:
            self._connection.close()
            if self._claim is not None:
                os.close(self._claim)
                self._claim = None


class _Run:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def many(self, statement: str, rows: Iterable[sql.Row]) -> None:
        """Many rows are one statement: other threads run while it does, and not only between its rows."""
        left = list(rows)
        while statement in sql.PUTS and len(left) >= _TOGETHER:
            now, left = left[:_MOST], left[_MOST:]
            whole = statement.replace(sql.MARKS, ", ".join([sql.MARKS] * len(now)))
            self._connection.execute(whole, [value for row in now for value in row])
        self._connection.executemany(statement, left)

    def all(self, statement: str, values: sql.Row = ()) -> Iterable[Any]:
        return self._connection.execute(statement, values)
