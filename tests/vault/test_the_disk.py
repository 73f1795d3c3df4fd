"""A disk that does not serve: a typed error, nothing changed, and what was readable stays so."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telekeep.database import Database, Kind
from telekeep.errors import ConfigError, DiskFull, DiskReadOnly, StorageUnavailable, TelekeepError
from telekeep.session.model import UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.vault import Vault
from vault.conftest import Place

NOBODY = 65534
SMALL = Kind("file", 7, 1, ("CREATE TABLE t (x BLOB)",), "TRUNCATE", "FULL")


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that another user can reach: pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="telekeep-test-"))
    folder.chmod(0o755)
    yield folder
    for found in folder.rglob("*"):
        if found.is_dir():
            found.chmod(0o700)
    shutil.rmtree(folder)


def in_a_child(work: Callable[[], object]) -> str:
    """Do ``work`` in a fork, and return what it returned, or the name of the error it raised."""
    end, begin = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads; the child uses none
        child = os.fork()
    if child == 0:
        try:
            result = str(work())
        except BaseException as error:
            result = type(error).__name__ if isinstance(error, TelekeepError) else repr(error)
        os.write(begin, result.encode())
        os._exit(0)
    os.close(begin)
    with os.fdopen(end) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def as_nobody(work: Callable[[], object]) -> str:
    """As `in_a_child`, and as a user whom file modes bind: root they do not."""

    def become() -> object:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return work()

    return in_a_child(become)


def give_to_nobody(root: Path, *, folders: int, files: int) -> None:
    for found in [root, *root.rglob("*")]:
        if os.geteuid() == 0:
            os.chown(found, NOBODY, NOBODY)
        found.chmod(folders if found.is_dir() else files)


def test_a_read_only_disk_still_gives_what_it_has(outside: Path) -> None:
    place = Place(outside / "place")
    with place.create() as vault:
        vault.keep("a", a_session(1), fence=1, expected=None)
        vault.touch("a", fence=1, at=5.0)
        vault.keep_loan("a", "1", b"loan")
        vault.keep_endpoint("a", b"endpoint")
        vault.save_journal("a", a_session(1).auth_key.id, [(1, b"one")], keep_from=1, fence=1)
    give_to_nobody(place.root, folders=0o500, files=0o400)
    key = a_session(1).auth_key.id
    wanted = {
        "exists": (lambda: Vault.exists(place.folder), "True"),
        "load": (lambda: place.open(place.key).load("a").auth_key == a_session(1).auth_key, "True"),
        "state": (lambda: place.open(place.key).load("a").state == a_session(1).state, "True"),
        "last use": (lambda: place.open().entry("a").last_used_at, "5.0"),
        "entries": (lambda: [entry.state for entry in place.open().entries()], "['kept']"),
        "keep": (lambda: place.open(place.key).keep("a", a_session(2), fence=2, expected=1), "DiskReadOnly"),
        "remove": (lambda: place.open(place.key).remove("a", fence=2), "DiskReadOnly"),
        "touch": (lambda: place.open().touch("a", fence=2, at=1.0), "DiskReadOnly"),
        "loans": (lambda: len(place.open(place.key).loans("a")), "1"),
        "endpoint": (lambda: place.open(place.key).endpoint("a"), "b'endpoint'"),
        "journal": (lambda: place.open(place.key).journal("a", key), "[(1, b'one')]"),
        "keep_loan": (lambda: place.open(place.key).keep_loan("a", "2", b"loan"), "DiskReadOnly"),
        "keep_endpoint": (lambda: place.open(place.key).keep_endpoint("a", b"anew"), "DiskReadOnly"),
        "drop_loan": (lambda: place.open().drop_loan("a", "1"), "DiskReadOnly"),
        "begin_doubt": (lambda: place.open().begin_doubt("a", b"d", 1.0), ("DiskReadOnly", "StorageUnavailable")),
        "rotate": (lambda: place.open(place.key).rotate(place.key), "StorageUnavailable"),
        "accept_move": (lambda: place.open().accept_move(), "DiskReadOnly"),
        "save_state": (
            lambda: place.open(place.key).save_state("a", key, UpdateState(1, 1, 1, 1), fence=1),
            ("DiskReadOnly", "StorageUnavailable"),
        ),
    }
    said = {verb: as_nobody(work) for verb, (work, _) in wanted.items()}
    assert all(said[verb] in expected for verb, (_, expected) in wanted.items()), said
    give_to_nobody(place.root, folders=0o700, files=0o600)
    assert as_nobody(lambda: place.open(place.key).load("a").state == a_session(1).state) == "True"


def test_a_folder_that_cannot_be_looked_into_is_not_taken_for_no_vault(outside: Path) -> None:
    """ "Cannot read" is never "is not there"."""
    place = Place(outside / "place")
    place.create().close()
    give_to_nobody(place.root, folders=0o000, files=0o600)
    assert as_nobody(lambda: Vault.exists(place.folder)) == "StorageUnavailable"


def test_no_vault_and_no_key_are_made_on_a_read_only_disk(outside: Path) -> None:
    place = Place(outside / "place")
    place.root.mkdir()
    give_to_nobody(place.root, folders=0o500, files=0o400)
    assert as_nobody(place.create) == "StorageUnavailable"
    assert list(place.root.iterdir()) == []


@pytest.mark.parametrize("room", [0, 100, 4096, 20_000])
def test_a_full_disk_loses_nothing(vault: Vault, place: Place, room: int) -> None:
    """The limit stands for the disk: no file may grow beyond its size plus ``room`` bytes."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    expected = place.open().load("a")

    def fill_up() -> str:
        limit = place.sessions.stat().st_size + room
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with place.open() as full:
            for number in range(1, 200):
                full.keep("a", a_session(number), fence=1, expected=number)
        return "never full"

    assert in_a_child(fill_up) in ("DiskFull", "StorageUnavailable")
    with place.open() as after:
        newest = after.entry("a").generation
        assert after.load("a", generation=1) == expected
        assert after.load("a").auth_key == a_session(max(newest - 1, 1)).auth_key
        after.keep("a", a_session(7), fence=1, expected=newest)


def test_a_full_disk_when_the_vault_is_made_leaves_no_half_of_it(place: Place) -> None:
    def make() -> object:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
        return place.create()

    assert in_a_child(make) in ("DiskFull", "StorageUnavailable")
    assert not Vault.exists(place.folder)
    assert list(place.folder.iterdir()) == []
    place.create().keep("a", a_session(1), fence=1, expected=None)


def test_every_way_a_disk_fails_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "small.db"
    Database.create(path, SMALL, lambda connection: None)
    database = Database(path, SMALL, busy=0.0)
    with pytest.raises(DiskFull), database.transaction() as connection:
        connection.execute("PRAGMA max_page_count = 3")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    database.close()
    with pytest.raises(DiskReadOnly), database.transaction() as connection:
        connection.execute("PRAGMA query_only = 1")
        connection.execute("INSERT INTO t VALUES (1)")
    database.close()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable, match="Another process"), database.transaction():
        pass
    blocker.close()
    with database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    database.close()


def test_files_are_made_for_the_owner_only_whatever_the_umask(place: Place) -> None:
    """004-F4, 002-F11: session files used to be 0644."""
    umask = os.umask(0)
    try:
        vault = place.create()
        vault.keep("a", a_session(1), fence=1, expected=None)
        for path in [place.folder, place.marks, *place.root.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            if path.is_file() or path in (place.folder, place.marks, place.root / "config"):
                assert mode & 0o077 == 0, f"{path} has mode {mode:04o}"
        vault.close()
    finally:
        os.umask(umask)


@pytest.mark.parametrize("which", ["vault", "sessions.db", "lagging.db", "key", "marks"])
def test_what_is_open_to_others_is_refused_at_every_open(vault: Vault, place: Place, which: str) -> None:
    """004-F4, 000-F6: modes are checked, not assumed."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()
    path = {
        "vault": place.folder,
        "sessions.db": place.sessions,
        "lagging.db": place.lagging,
        "key": place.key.path,
        "marks": next(place.marks.glob("*.db")),
    }[which]
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(ConfigError, match="open to other users"), place.open() as afresh:
        afresh.load("a")


def test_a_link_in_place_of_the_vault_is_refused(vault: Vault, place: Place) -> None:
    vault.close()
    moved = place.root / "moved.db"
    place.sessions.rename(moved)
    place.sessions.symlink_to(moved)
    with pytest.raises(ConfigError, match="not a regular file"):
        place.open()


def test_a_second_vault_is_never_made_over_the_first(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    with pytest.raises(ConfigError, match="already"):
        place.create()
    vault.close()
    place.sessions.rename(place.root / "aside")
    with pytest.raises(ConfigError, match="already"):  # lagging.db says that there was one
        place.create()


def test_a_hot_journal_of_a_crash_is_played_back(vault: Vault, place: Place) -> None:
    """A process dies in the midst of writing pages: the next open restores what was there (002-F10)."""
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.close()

    def die() -> None:
        connection = sqlite3.connect(place.sessions, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE generations SET sealed = zeroblob(2000), network = 'torn'")
        for number in range(200):
            connection.execute("INSERT INTO fences VALUES (?, ?)", (f"x{number}" * 100, number))
        os._exit(0)

    in_a_child(die)
    assert place.sessions.with_name("sessions.db-journal").stat().st_size > 0
    assert place.open().load("a").auth_key == a_session(1).auth_key
