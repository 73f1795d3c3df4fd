"""A database that came from anywhere can be read, and can do nothing."""

import sqlite3
from contextlib import closing

import pytest

from session.samples import fixture
from telekeep.errors import SessionCorrupt
from telekeep.session.formats import image


def database(*statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(fixture("telethon-1.45.session"))
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        return connection.serialize()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM seen",
        "SELECT hex(auth_key) FROM sessions",
        "DELETE FROM sessions",
        "INSERT INTO version VALUES (9)",
        "PRAGMA journal_mode = WAL",
        "PRAGMA writable_schema = ON",
        "ATTACH 'elsewhere' AS other",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
    ],
)
def test_all_but_reading_stored_columns_is_refused(statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = database("CREATE VIEW seen AS SELECT * FROM sessions")
    with (
        pytest.raises(SessionCorrupt, match=r"code that came with it|not what they seem"),
        image.opened(source) as connection,
    ):
        connection.execute(statement).fetchall()
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_takes_for_ever_is_ended(monkeypatch):
    monkeypatch.setattr(image, "_STEPS", 1_000_000)
    many = database(*(f"INSERT INTO entities VALUES ({1000 + n}, 1, '', 1, '', 1)" for n in range(500)))
    with pytest.raises(SessionCorrupt, match="more work"), image.opened(many) as connection:
        connection.execute("SELECT a.id FROM entities a, entities b, entities c WHERE a.id < 0").fetchall()
        connection.execute("SELECT a.id FROM entities a, entities b, entities c WHERE c.id < 0").fetchall()


def test_a_row_that_is_far_too_big_is_refused():
    big = database(f"UPDATE entities SET name = hex(zeroblob({image._LONGEST_VALUE})) WHERE id > 0")
    with pytest.raises(SessionCorrupt, match="too big"), image.opened(big) as connection:
        connection.execute("SELECT name FROM entities").fetchall()


def test_views_and_virtual_tables_are_no_tables():
    source = database("CREATE VIEW seen AS SELECT 1", "CREATE VIRTUAL TABLE words USING fts5(word)")
    tables = image.table_names(source)
    assert tables is not None
    assert {"seen", "words"} & tables == set()
    assert {"version", "sessions", "entities"} <= tables


def test_a_damaged_schema_has_no_names():
    assert image.table_names(image.MAGIC + b"\xff" * 4096) is None


def test_an_image_of_a_database_in_wal_mode_opens():
    source = bytearray(fixture("telethon-1.45.session"))
    source[18:20] = b"\2\2"
    assert image.table_names(bytes(source))
