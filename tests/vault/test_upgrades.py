"""A vault that an earlier release made is brought up to date when it is first opened, whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telekeep.database import Database, Kind
from telekeep.errors import DiskFull, DiskReadOnly, SessionCorrupt, StorageUnavailable, UnknownFormat
from telekeep.session.model import UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.lending import StoredLoan
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.old import to_format_1
from vault.surgery import edit, rows
from vault.test_the_disk import as_nobody, give_to_nobody, in_a_child, outside

__all__ = ["outside"]

KEY = a_session(2).auth_key.id


def fill(place: Place) -> None:
    with place.create() as vault:
        vault.keep("a", a_session(1), fence=1, expected=None)
        vault.keep("a", a_session(2), fence=2, expected=1)
        vault.keep("b", a_session(3), fence=1, expected=None)
        vault.remove("b", fence=1)
        vault.touch("a", fence=2, at=5.0)
    to_format_1(place.folder)


@pytest.fixture
def old(place: Place) -> Place:
    """A vault of format 1."""
    fill(place)
    return place


def versions(place: Place) -> list[int]:
    return [rows(path, "PRAGMA user_version")[0][0] for path in (place.sessions, place.lagging)]


def whole(place: Place) -> list[tuple[str, str]]:
    """The tables of both files, and that SQLite finds nothing wrong with them."""
    for path in (place.sessions, place.lagging):
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    return [
        table
        for path in (place.sessions, place.lagging)
        for table in rows(path, "SELECT name, sql FROM sqlite_master ORDER BY name")
    ]


def test_everything_in_an_old_vault_is_there_after_the_upgrade(old: Place) -> None:
    assert versions(old) == [1, 1]
    with old.open() as vault:
        loaded = vault.load("a")
        assert (loaded.auth_key, loaded.state, len(loaded.peers)) == (a_session(2).auth_key, a_session(2).state, 2)
        assert vault.load("a", generation=1).auth_key == a_session(1).auth_key
        assert [(entry.name, entry.state) for entry in vault.entries()] == [("a", "kept"), ("b", "removed")]
        assert vault.entry("a").last_used_at == 5.0
        assert (vault.loans(), vault.endpoint("a"), vault.journal("a", KEY), vault.doubts("a")) == ([], None, [], {})
        assert vault.notices == []
    assert versions(old) == [3, 4]


def test_an_upgraded_vault_can_do_what_a_new_one_can(old: Place) -> None:
    with old.open() as vault:
        vault.keep_loan("a", "1", b"loan")
        vault.keep_endpoint("a", b"endpoint")
        vault.save_progress("a", KEY, state=UpdateState(7, 0, 0, 0), journal=[(1, b"one")], keep_from=1, fence=2)
        vault.begin_doubt("a", b"d" * 32, 9.0)
    with old.open() as vault:
        assert vault.loans() == [StoredLoan("a", "1", b"loan")]
        assert vault.endpoint("a") == b"endpoint"
        assert vault.journal("a", KEY) == [(1, b"one")]
        assert vault.doubts("a") == {b"d" * 32: 9.0}
        vault.rotate(old.key)
        assert vault.loans() == [StoredLoan("a", "1", b"loan")]


def test_a_key_may_be_quarantined_in_an_upgraded_vault(old: Place) -> None:
    with old.open() as vault:
        assert vault.quarantined(KEY) is None
        vault.quarantine(KEY, "AuthKeyRevoked", checked=True)
    with old.open() as vault:
        found = vault.quarantined(KEY)
        assert found is not None and (found.error, found.checked) == ("AuthKeyRevoked", True)
        assert [entry.quarantine == found for entry in vault.entries()] == [True, False]
        assert vault.load("a").auth_key.id == KEY, "set aside, never destroyed"
        vault.acquit(KEY)
        assert vault.quarantined(KEY) is None


def test_an_upgraded_file_is_made_of_the_same_tables_as_a_new_one(old: Place) -> None:
    with old.open() as vault:
        vault.load("a")
    new = Place(old.root / "new")
    with new.create() as vault:
        vault.keep("a", a_session(1), fence=1, expected=None)
    assert whole(old) == whole(new)


def test_programs_that_open_an_old_vault_at_the_same_time_upgrade_it_once(old: Place) -> None:
    program = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.vault.vault import Vault
root, loan = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
with Vault.open(root / "home" / "vault", clock=SystemClock(), marks=root / "state") as vault:
    vault.begin_doubt("a", loan.encode(), 1.0)
    vault.keep_loan("a", loan, b"loan")
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(old.root), str(number)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(6)
    ]
    for process in running:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    with old.open() as vault:
        assert [loan.id for loan in vault.loans("a")] == [str(number) for number in range(6)]
        assert sorted(vault.doubts("a")) == [str(number).encode() for number in range(6)]
    whole(old)


def test_a_newer_file_is_left_alone_as_before(old: Place) -> None:
    edit(old.sessions, "PRAGMA user_version = 4")
    before = old.sessions.read_bytes()
    with pytest.raises(UnknownFormat, match="format 4; this telekeep knows format 3"):
        old.open()
    assert old.sessions.read_bytes() == before
    edit(old.sessions, "PRAGMA user_version = 0")
    with pytest.raises(UnknownFormat):
        old.open()
    assert rows(old.sessions, "PRAGMA user_version") == [(0,)]


def test_an_old_file_with_a_table_too_many_is_damaged_and_not_changed(old: Place) -> None:
    edit(old.sessions, "CREATE TABLE belongings (whatever)")
    before = rows(old.sessions, "SELECT name, sql FROM sqlite_master")
    with pytest.raises(SessionCorrupt):
        old.open()
    assert rows(old.sessions, "SELECT name, sql FROM sqlite_master") == before
    assert versions(old) == [1, 1]


def test_an_old_vault_on_a_read_only_disk_still_gives_what_it_has(outside: Path) -> None:
    place = Place(outside / "place")
    fill(place)
    give_to_nobody(place.root, folders=0o500, files=0o400)
    wanted = {
        "load": (lambda: place.open(place.key).load("a").auth_key == a_session(2).auth_key, "True"),
        "state": (lambda: place.open(place.key).load("a").state == a_session(2).state, "True"),
        "entries": (lambda: [entry.state for entry in place.open().entries()], "['kept', 'removed']"),
        "loans": (lambda: place.open(place.key).loans(), "[]"),
        "endpoint": (lambda: place.open(place.key).endpoint("a"), "None"),
        "journal": (lambda: place.open(place.key).journal("a", KEY), "[]"),
        "doubts": (lambda: place.open().doubts("a"), "{}"),
        "keep_loan": (lambda: place.open(place.key).keep_loan("a", "1", b"loan"), "DiskReadOnly"),
        "begin_doubt": (lambda: place.open().begin_doubt("a", b"d", 1.0), "DiskReadOnly"),
    }
    said = {verb: as_nobody(work) for verb, (work, _) in wanted.items()}
    assert said == {verb: expected for verb, (_, expected) in wanted.items()}
    assert versions(place) == [1, 1]


def test_a_vault_that_could_not_be_upgraded_is_as_soon_as_the_disk_takes_it(outside: Path) -> None:
    """A daemon that was started on a full disk, and goes on when there is room: it must not see the empty stand-ins."""
    place = Place(outside / "place")
    fill(place)
    give_to_nobody(place.root, folders=0o700, files=0o600)
    place.sessions.chmod(0o400)

    def work() -> list[object]:
        with place.open(place.key) as early:
            before = early.loans()
            place.sessions.chmod(0o600)
            with place.open(place.key) as other:
                other.keep_loan("a", "1", b"loan")
            seen = early.loans()
            early.keep_loan("a", "2", b"loan")
            return [len(before), len(seen), len(early.loans())]

    assert as_nobody(work) == "[0, 1, 2]"


def test_a_full_disk_refuses_the_upgrade_and_still_serves_readers(place: Place) -> None:
    """The limit stands for the disk. It must leave room for what SQLite needs to read the other file, 32 KiB."""
    with place.create() as vault:
        for number in range(40):
            vault.keep("a", a_session(2), fence=1, expected=number or None)
    to_format_1(place.folder)

    def fill_up() -> str:
        import resource

        limit = place.sessions.stat().st_size
        assert limit > 32 * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with place.open() as vault:
            loaded = vault.load("a").auth_key == a_session(2).auth_key
            try:
                vault.keep_loan("a", "1", b"loan" * 1000)
            except StorageUnavailable as error:
                return f"{loaded} {type(error).__name__}"
        return "never full"

    assert in_a_child(fill_up) in ("True DiskFull", "True StorageUnavailable")
    assert rows(place.sessions, "PRAGMA user_version") == [(1,)]
    assert place.open().loans() == []
    assert place.open().load("a").auth_key == a_session(2).auth_key


def test_a_statement_that_fails_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "small.db"
    first = Kind("file", 7, 1, ("CREATE TABLE t (x BLOB)",), "TRUNCATE", "FULL")
    second = first._replace(version=3, upgrades=(("CREATE TABLE u (x)",), ("CREATE TABLE v (x)", "CREATE nonsense")))
    Database.create(path, first, lambda connection: None)
    with pytest.raises(SessionCorrupt), Database(path, second).transaction():
        pass
    with Database(path, first).reading() as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]


def test_a_file_two_formats_old_gets_both_upgrades_and_one_of_the_last_only_its_own(tmp_path: Path) -> None:
    first = Kind("file", 7, 1, ("CREATE TABLE t (x BLOB)",), "WAL", "NORMAL")
    second = first._replace(version=2, upgrades=(("CREATE TABLE u (x)",),))
    third = first._replace(version=3, upgrades=(*second.upgrades, ("CREATE TABLE v (x)",)))
    for number, kinds in enumerate(((first, third), (first, second, third))):
        path = tmp_path / f"{number}.db"
        Database.create(path, first, lambda connection: connection.execute("INSERT INTO t VALUES (1)"))
        for kind in kinds:
            database = Database(path, kind)
            with database.reading() as connection:
                assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
            database.close()
        assert rows(path, "SELECT name FROM sqlite_master ORDER BY name") == [("t",), ("u",), ("v",)]
        assert rows(path, "PRAGMA user_version") == [(3,)]


def test_somebody_who_is_writing_for_too_long_is_named_and_no_stand_in_is_shown(old: Place) -> None:
    first = Kind("file", 7, 1, ("CREATE TABLE t (x BLOB)",), "TRUNCATE", "FULL")
    path = old.root / "small.db"
    Database.create(path, first, lambda connection: None)
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        newer = Database(path, first._replace(version=2, upgrades=(("CREATE TABLE u (x)",),)), busy=0.0)
        with pytest.raises(StorageUnavailable, match="Another process") as raised, newer.reading():
            pass
        assert not isinstance(raised.value, DiskFull | DiskReadOnly)


def test_the_upgrade_asks_for_no_key_and_loads_no_cipher(old: Place) -> None:
    """`telekeep status` may be the first to open it."""
    program = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.vault.vault import Vault
root = Path(sys.argv[1])
with Vault.open(root / "home" / "vault", clock=SystemClock(), marks=root / "state") as vault:
    assert [entry.name for entry in vault.entries()] == ["a", "b"]
print([name for name in "cryptography asyncio telethon logging json".split() if name in sys.modules])
"""
    environ = {**os.environ, "TELEKEEP_KEY_FILE": "/nowhere"}
    run = subprocess.run(
        [sys.executable, "-c", program, str(old.root)], capture_output=True, text=True, check=True, env=environ
    )
    assert run.stdout.strip() == "[]"
    assert versions(old) == [3, 4]


def test_a_rotated_old_vault_loses_nothing(old: Place) -> None:
    with old.open() as vault:
        vault.rotate(old.key)
        assert vault.load("a").auth_key == a_session(2).auth_key
        assert isinstance(vault, Vault)
