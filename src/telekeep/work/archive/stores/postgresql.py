"""An archive in a PostgreSQL database (the extra ``postgres``), in the schema that its search path begins with.

The password comes from PGPASSWORD, ~/.pgpass or the server's own rules, never from the arguments. Who writes holds an
advisory lock for as long as its connection lives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from telekeep.errors import ConfigError, StorageUnavailable, UnknownFormat
from telekeep.work.archive.pacing import day_of
from telekeep.work.archive.rows import Batch, File, Found, Message, Person, Standing
from telekeep.work.archive.stores import sql
from telekeep.work.archive.stores.store import busy, check_account

_LOCK = 0x744B4152  # "tKAR"
_STRIDE = 1000  # rows read at a time
_TRIES, _STEP = 10, 0.1  # seconds for the server to notice that whoever had the claim is gone
_SEARCH = "CREATE INDEX messages_words ON messages USING GIN (to_tsvector('simple', text))"
_CONDITION = "to_tsvector('simple', messages.text) @@ plainto_tsquery('simple', ?)"

T = TypeVar("T")


class PostgresqlStore:
    """See the module and `telekeep.work.archive.stores.store.Store`. Tables are made if none are there."""

    at_once = False

    def __init__(self, url: str, *, reading: bool = False) -> None:
        try:
            import psycopg
        except ImportError:
            raise ConfigError(
                "PostgreSQL needs psycopg, which is not installed.", remedy="pip install 'telekeep[postgres]'"
            ) from None
        self._error: type[Exception] = psycopg.Error
        self._where = shown(url)
        with self._border():
            self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10, application_name="telekeep")
        try:
            self._recognise(reading)
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def _border(self) -> Iterator[None]:
        """Where errors of psycopg become ours. The server's words may quote what it was sent; only the first line is
        told."""
        try:
            yield
        except self._error as error:
            said = str(error).strip().splitlines()
            raise StorageUnavailable(
                f"The database {self._where} does not give or take what was asked: {said[0] if said else 'no reason'}.",
                remedy="Check that it runs and lets you in (PGPASSWORD, ~/.pgpass), then run the command again.",
            ) from None

    def _recognise(self, reading: bool) -> None:
        run = _Run(self._connection)
        with self._border(), self._connection.transaction():
            run.all("SELECT pg_advisory_xact_lock(?)", (_LOCK + 1,))
            if list(run.all("SELECT 1 WHERE to_regclass('about') IS NOT NULL")):
                there = list(run.all("SELECT value FROM about WHERE key = 'format'"))
                if [row[0] for row in there] == [sql.VERSION]:
                    return
                raise UnknownFormat(
                    f"{self._where} holds no archive of this telekeep.", remedy="Name another with --to."
                )
            if reading:
                raise ConfigError(f"There is no archive in {self._where}.", remedy="Name the database with --in.")
            for statement in (*sql.TABLES, _SEARCH):
                run.all(statement)
            run.many("INSERT INTO about (key, value) VALUES (?, ?)", [("format", sql.VERSION)])

    def claim(self) -> None:
        """See `Store.claim`. The server gives the claim back when it has noticed that the connection is gone."""
        asked = "SELECT pg_try_advisory_lock(?, hashtext(current_schema()))"
        with self._border():
            for _ in range(_TRIES):
                if next(iter(_Run(self._connection).all(asked, (_LOCK,))))[0]:
                    return
                time.sleep(_STEP)
        raise busy(self._where)

    def keep_for(self, account_id: int, name: str) -> None:
        with self._border(), self._connection.transaction():
            owner = sql.claim(_Run(self._connection), account_id)
        check_account(owner, account_id, self._where, name)

    def standing(self, day: int = 0) -> Standing:
        return self._asked(lambda run: sql.standing(run, day))

    def commit(self, batch: Batch) -> None:
        with self._border(), self._connection.transaction():
            sql.write(_Run(self._connection), batch, day_of(batch.at))

    def count(self, chat_id: int | None = None) -> int:
        return self._asked(lambda run: sql.count(run, chat_id))

    def messages(self, chat_ids: Sequence[int] = (), *, deleted: bool = False) -> Iterator[Message]:
        after = (-(1 << 62), 0)
        while True:
            asked, values = sql.messages_asked(chat_ids, after, deleted=deleted, limit=_STRIDE)
            with self._border():
                rows = list(_Run(self._connection).all(asked, values))
            yield from map(sql.message, rows)
            if len(rows) < _STRIDE:
                return
            after = rows[-1][:2]

    def people(self) -> dict[int, Person]:
        return self._asked(sql.people)

    def files(self, *, missing: bool = False) -> Iterable[File]:
        return self._asked(lambda run: sql.files(run, missing=missing))

    def search(self, words: str, chat_ids: Sequence[int] = (), limit: int = 50) -> list[Found]:
        if not words.strip():
            return []
        return self._asked(lambda run: sql.found(run, _CONDITION, words, chat_ids, limit))

    def per_day(self, chat_ids: Sequence[int] = ()) -> list[tuple[int, int]]:
        return self._asked(lambda run: sql.per_day(run, chat_ids))

    def close(self) -> None:
        with suppress(self._error):
            _Run(self._connection).all("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def _asked(self, question: Callable[[sql.Run], T]) -> T:
        with self._border():
            return question(_Run(self._connection))


def shown(url: str) -> str:
    """A database's address as it may be printed."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"


class _Run:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def many(self, statement: str, rows: Iterable[sql.Row]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_theirs(statement), list(rows))

    def all(self, statement: str, values: sql.Row = ()) -> Iterable[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(_theirs(statement), values)
            return cursor.fetchall() if cursor.description else []


def _theirs(statement: str) -> str:
    """A statement as PostgreSQL and psycopg write it."""
    return statement.replace("IS NOT excluded.", "IS DISTINCT FROM excluded.").replace("?", "%s")
