"""A file that may be lost: one rule for the marks and for the lagging file."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection

from telekeep.clock import SystemClock
from telekeep.database import Database, Kind
from telekeep.errors import SessionCorrupt
from telekeep.vault.replaceable import Replaceable

KIND = Kind("notebook", 0x1234, 1, ("CREATE TABLE notes (note TEXT)",), "WAL", "NORMAL")


def count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])


def test_a_damaged_file_reads_as_nothing_is_set_aside_and_said_once(tmp_path: Path) -> None:
    path, said = tmp_path / "notes.db", list[str]()
    database = Database(path, KIND)
    file = Replaceable(database, clock=SystemClock(), report=said.append, afterwards="notes are taken anew")
    assert file.read(count, -1) == -1 and said == [], "a file that is not there is no damage"
    Database.create(path, KIND, lambda connection: None)
    assert file.read(count, -1) == 0
    database.close()
    path.write_bytes(b"no database" * 1000)
    assert [file.read(count, -1) for _ in range(2)] == [-1, -1]
    (aside,) = tmp_path.glob("notes.db.damaged-*")
    assert len(said) == 1 and said[0].endswith(f"It was set aside as {aside.name}; notes are taken anew.")


def test_what_another_process_has_begun_anew_meanwhile_stays(tmp_path: Path) -> None:
    path, said = tmp_path / "notes.db", list[str]()
    database = Database(path, KIND)
    file = Replaceable(database, clock=SystemClock(), report=said.append, afterwards="")
    path.write_bytes(b"damaged")
    seen = path.stat().st_ino
    path.rename(tmp_path / "moved")
    Database.create(path, KIND, lambda connection: None)
    file.set_aside(seen, SessionCorrupt("It is damaged."))
    assert file.read(count, -1) == 0 and said == []
    database.close()
