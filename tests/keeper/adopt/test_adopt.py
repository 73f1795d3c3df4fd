"""Adopting a file: what is kept, what is left in it, and everything that is refused before it is touched."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from keeper.adopt.files import KINDS, ONE, TWO, WIDE, database, holds, holds_any, make, session, string
from telekeep.errors import (
    ConfigError,
    LoanExpired,
    SessionBusy,
    SessionNotFound,
    StorageUnavailable,
    TelekeepError,
    UnknownFormat,
)
from telekeep.gateway.loans import OPEN
from telekeep.keeper.adopt import ledger, users
from telekeep.keeper.adopt.adoption import ADOPTED
from telekeep.keeper.adopt.swap import Open
from telekeep.keeper.adopt.undo import undo
from telekeep.keeper.adopt.verb import Terms, adopt
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.transfer import import_session
from telekeep.lease.lease import lease_name
from telekeep.session.model import Session
from vault.test_the_disk import as_nobody, give_to_nobody, outside

__all__ = ["outside"]

Put = Callable[..., Path]


def scan(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and holds_any(path.read_bytes())]


def names(keeper: Keeper) -> list[str]:
    return [entry.name for entry in keeper.vault_for_writing().entries()]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_key_is_kept_and_nowhere_in_the_clear_and_a_loan_is_in_its_place(
    offline: Keeper, own_world: Path, put: Put, kind: str
) -> None:
    path = make(put("x", "").parent, kind)
    path.with_name("x").unlink()
    assert scan(own_world) == [path]
    outcome = adopt(offline, path, Terms(name="ada", grant="read-only", seconds=3600))
    assert scan(own_world) == []
    assert offline.vault.load("ada").auth_key == ONE.auth_key
    (held,) = outcome.held
    (loan,) = ledger.loans(offline).values()
    assert (loan.id, loan.session, loan.grant, loan.lasting) == (held.loan, "ada", "read-only", True)
    assert loan.expires_at is not None and loan.expires_at - loan.made_at == 3600
    assert loan.label.endswith(path.name)
    assert holds(path.read_bytes(), Session(ONE.dc, loan.key))
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert offline.vault.away() == frozenset()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_way_back_restores_every_byte(offline: Keeper, put: Put, kind: str) -> None:
    path = make(put("x", "").parent, kind)
    original = path.read_bytes()
    adopt(offline, path)
    assert path.read_bytes() != original
    outcome = undo(offline, path)
    assert path.read_bytes() == original
    assert outcome.done and outcome.notes == ()
    assert offline.vault.away() == {lease_name(ONE.auth_key.id)}
    now = offline.clock.wall()
    assert [loan.state(now) for loan in ledger.loans(offline).values()] == ["revoked"]
    assert not undo(offline, path).done


def test_a_second_time_says_that_it_was_done(offline: Keeper, put: Put) -> None:
    path = put("session.txt", string(ONE))
    adopt(offline, path)
    content = path.read_bytes()
    outcome = adopt(offline, path)
    assert (outcome.done, outcome.state, path.read_bytes()) == (False, ADOPTED, content)
    assert len(ledger.loans(offline)) == 1
    copy = put("copy.txt", content)
    outcome = adopt(offline, copy)
    assert not outcome.done and "loan already" in outcome.notes[0]


def test_a_key_that_is_kept_already_is_used_under_its_name(offline: Keeper, put: Put) -> None:
    import_session(offline, ONE, name="main")
    outcome = adopt(offline, put("bot.session", database(ONE)))
    assert [each.name for each in outcome.held] == names(offline) == ["main"]


def test_a_name_of_another_login_is_refused_and_nothing_changes(offline: Keeper, put: Put) -> None:
    import_session(offline, TWO, name="bot")
    path = put("bot.session", database(ONE))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="another login") as refused:
        adopt(offline, path)
    assert "--as NAME" in str(refused.value.remedy)
    assert (path.read_bytes(), names(offline), ledger.all_of(offline.vault)) == (before, ["bot"], [])
    adopt(offline, path, Terms(name="bot2"))
    assert names(offline) == ["bot", "bot2"]


def test_several_sessions_in_a_file_get_a_loan_each_and_the_same_key_the_same(offline: Keeper, put: Put) -> None:
    accounts = {"ada": string(ONE), "grace": string(WIDE), "again": string(ONE)}
    path = put("team.json", json.dumps(accounts))
    adopt(offline, path)
    assert names(offline) == ["team-ada", "team-grace"]
    new = json.loads(path.read_text())
    assert new["ada"] == new["again"] != new["grace"]
    undo(offline, path)
    assert json.loads(path.read_text()) == accounts


def test_a_session_that_is_added_later_is_adopted_too_and_both_go_back(offline: Keeper, put: Put) -> None:
    path = put("app.env", f"A={string(ONE)}\n")
    adopt(offline, path, Terms(name="a"))
    with path.open("a") as file:
        file.write(f"B={string(TWO)}\n")
    adopt(offline, path, Terms(name="b"))
    assert scan(path.parent) == []
    assert len(ledger.all_of(offline.vault)) == 1
    undo(offline, path)
    assert path.read_text() == f"A={string(ONE)}\nB={string(TWO)}\n"


def test_what_was_written_since_stays_when_the_key_goes_back(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    adopt(offline, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO entities VALUES (99, 1, 'new', NULL, 'New', 0)")
        connection.commit()
    outcome = undo(offline, path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM entities WHERE id = 99").fetchall() == [("New",)]
        assert connection.execute("SELECT auth_key FROM sessions").fetchall() == [(ONE.auth_key.reveal(),)]
    assert "stays" in outcome.notes[0]
    text = put("app.env", f"A={string(TWO)}\n")
    adopt(offline, text)
    text.write_text(text.read_text() + "B=2\n")
    undo(offline, text)
    assert text.read_text() == f"A={string(TWO)}\nB=2\n"


def test_a_file_that_holds_something_else_now_is_left_alone(offline: Keeper, put: Put) -> None:
    path = put("session.txt", string(ONE))
    adopt(offline, path)
    path.write_text(string(TWO))
    with pytest.raises(ConfigError, match="has changed"):
        undo(offline, path)
    assert path.read_text() == string(TWO)
    assert offline.vault.away() == frozenset()
    with pytest.raises(ConfigError, match="not adopted"):
        undo(offline, put("other.txt", string(TWO)))
    with pytest.raises(SessionNotFound):
        undo(offline, path.with_name("gone.txt"))


def test_a_login_that_was_renewed_goes_back_and_not_the_old_one(offline: Keeper, put: Put) -> None:
    path = put("session.txt", string(ONE))
    adopt(offline, path, Terms(name="ada"))
    import_session(offline, TWO, name="ada", replace=True)
    outcome = undo(offline, path)
    assert path.read_text() == string(TWO)
    assert "logged in anew" in outcome.notes[0]
    assert offline.vault.away() == {lease_name(TWO.auth_key.id)}


def test_a_loan_that_has_ended_is_said(offline: Keeper, put: Put) -> None:
    path = put("session.txt", string(ONE))
    adopt(offline, path, Terms(seconds=0.001))
    with pytest.raises(LoanExpired) as refused:
        while True:
            adopt(offline, path)
    assert "--undo" in str(refused.value.remedy)
    undo(offline, path)
    adopt(offline, path)
    now = offline.clock.wall()
    assert [loan.state(now) for loan in ledger.loans(offline).values()].count(OPEN) == 1


# ---- who uses it


def test_a_file_that_a_program_has_open_is_refused_with_who(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    before = path.read_bytes()
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM version').fetchall();"
    code += "print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout and program.stdin
        assert program.stdout.readline() == "open\n"
        with pytest.raises(SessionBusy, match=rf"process {program.pid} \("):
            adopt(offline, path)
        program.stdin.close()
    assert path.read_bytes() == before
    assert names(offline) == []
    adopt(offline, path)


def test_a_program_that_was_started_with_the_string_is_found(offline: Keeper, put: Put) -> None:
    own = string(session(50))  # no other test's: their processes are seen, too
    path = put(".env", f"S={own}\n")
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "S": own},
    ) as program:  # fmt: skip
        assert program.stdout and program.stdin
        assert program.stdout.readline() == "up\n"
        with pytest.raises(SessionBusy, match=rf"process {program.pid} \(.*started with") as refused:
            adopt(offline, path)
        assert own not in str(refused.value)
        program.stdin.close()
    adopt(offline, path)


def test_a_key_that_another_process_holds_is_refused_with_who(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    before = path.read_bytes()
    lease = offline.leases.try_acquire(ONE.auth_key.id)
    with pytest.raises(SessionBusy) as refused:
        adopt(offline, path)
    assert refused.value.holder.pid == os.getpid()
    assert path.read_bytes() == before
    lease.release()
    adopt(offline, path)
    lease = offline.leases.try_acquire(ONE.auth_key.id)
    content = path.read_bytes()
    with pytest.raises(SessionBusy):
        undo(offline, path)
    assert path.read_bytes() == content
    assert offline.vault.away() == frozenset(), "what came to nothing leaves nothing behind"
    lease.release()
    undo(offline, path)


def test_a_locked_database_is_refused(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    program = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); print(1, flush=True);"
    with subprocess.Popen(
        [sys.executable, "-c", program + "sys.stdin.read()", str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout and running.stdout.readline() == "1\n"
        with pytest.raises(SessionBusy):
            adopt(offline, path)
        assert running.stdin
        running.stdin.close()
    assert holds(path.read_bytes(), ONE)


def test_a_program_that_opens_the_file_at_that_very_moment_gets_the_loan(
    offline: Keeper, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("bot.session", database(ONE))
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); print('open', flush=True);"
    code += "print(c.execute('SELECT hex(auth_key) FROM sessions').fetchone()[0])"
    started: list[subprocess.Popen[str]] = []
    replace = Open.replace

    def late(file: Open, content: bytes, draft: Path) -> None:
        program = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        started.append(program)
        assert program.stdout and program.stdout.readline() == "open\n"
        while not users.with_file_open(file.about, but=(os.getpid(),)):
            assert program.poll() is None
        replace(file, content, draft)

    monkeypatch.setattr(Open, "replace", late)
    adopt(offline, path)
    (program,) = started
    said, _ = program.communicate(timeout=60)
    (loan,) = ledger.loans(offline).values()
    assert bytes.fromhex(said) == loan.key.reveal()


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_file_that_is_changed_at_that_very_moment_keeps_the_change(
    offline: Keeper, put: Put, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = make(put("x", "").parent, kind)
    write = Open._write

    def late(file: Open, content: bytes, draft: Path) -> None:
        write(file, content, draft)
        path.write_bytes(path.read_bytes().swapcase())

    before = path.read_bytes()
    monkeypatch.setattr(Open, "_write", late)
    with pytest.raises(SessionBusy, match="changed"):
        adopt(offline, path)
    assert path.read_bytes() == before.swapcase()
    assert ledger.all_of(offline.vault) == []


# ---- the file itself


def test_rights_are_kept_or_narrowed_and_that_is_said(offline: Keeper, put: Put) -> None:
    open_, closed = put("open.txt", string(ONE), 0o644), put("closed.txt", string(TWO), 0o600)
    outcome = adopt(offline, open_)
    assert stat.S_IMODE(open_.stat().st_mode) == 0o600
    assert "open to other users" in outcome.notes[0]
    assert adopt(offline, closed).notes == ()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="root may give a file away")
def test_its_owner_stays_its_owner(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    os.chown(path, 65534, 65534)
    adopt(offline, path)
    undo(offline, path)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_of_a_link_the_file_it_leads_to_is_adopted(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    link = path.parent.parent / "link.session"
    link.symlink_to(path)
    outcome = adopt(offline, link)
    assert link.is_symlink() and outcome.path == path and "link" in outcome.notes[0]
    assert not holds_any(path.read_bytes())
    undo(offline, link)
    assert holds(path.read_bytes(), ONE)


def test_a_file_with_a_second_name_is_refused(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    path.with_name("twin.session").hardlink_to(path)
    with pytest.raises(ConfigError, match="2 names"):
        adopt(offline, path)
    assert holds(path.read_bytes(), ONE)


def test_copies_of_the_key_beside_it_are_named(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    backup = put("backup.txt", f"old: {string(ONE)}")
    put("harmless.txt", "nothing")
    outcome = adopt(offline, path)
    assert [note for note in outcome.notes if "real key too" in note] == [
        f"{backup} holds the real key too: adopt it as well, or delete it."
    ]


def test_a_key_that_stands_in_the_file_twice_in_other_ways_is_refused(offline: Keeper, put: Put) -> None:
    path = put(".env", f"#S={string(ONE)}\nS={string(ONE)}\n")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="second time"):
        adopt(offline, path)
    assert path.read_bytes() == before
    assert (ledger.all_of(offline.vault), ledger.loans(offline)) == ([], {})


def test_a_write_ahead_log_is_taken_in_and_not_left_behind(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    elsewhere = path.parent.parent / "crashed"
    elsewhere.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO entities VALUES (99, 1, 'new', NULL, 'New', 0)")
        connection.commit()
        for each in path.parent.iterdir():  # as a crash leaves it
            shutil.copy(each, elsewhere / each.name)
    left = elsewhere / path.name
    assert sorted(each.name for each in elsewhere.iterdir()) == [f"bot.session{each}" for each in ("", "-shm", "-wal")]
    adopt(offline, left)
    assert [each.name for each in elsewhere.iterdir()] == ["bot.session"]
    assert scan(elsewhere) == []
    undo(offline, left)
    with closing(sqlite3.connect(left)) as connection:
        assert connection.execute("SELECT name FROM entities WHERE id = 99").fetchall() == [("New",)]


def test_a_journal_that_a_crash_has_left_is_played_back(offline: Keeper, put: Put) -> None:
    path = put("bot.session", database(ONE))
    elsewhere = path.parent.parent / "crashed"
    elsewhere.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE sessions SET auth_key = x'00'")
        connection.executemany(
            "INSERT INTO entities VALUES (?, 1, ?, NULL, '', 0)", ((n, "x" * 500) for n in range(100, 900))
        )
        for each in path.parent.iterdir():
            shutil.copy(each, elsewhere / each.name)
        connection.execute("ROLLBACK")
    left = elsewhere / path.name
    assert left.with_name("bot.session-journal").stat().st_size > 0
    adopt(offline, left)
    assert [each.name for each in elsewhere.iterdir()] == ["bot.session"]
    assert offline.vault.load("bot").auth_key == ONE.auth_key


def test_a_folder_that_cannot_be_written_loses_nothing(outside: Path) -> None:
    files = outside / "files"
    files.mkdir()
    path = make(files, "file")
    before = path.read_bytes()
    give_to_nobody(outside, folders=0o700, files=0o600)
    files.chmod(0o500)

    def attempt() -> str:
        for name in ("home", "state", "leases", "key_file"):
            os.environ[f"TELEKEEP_{name.upper()}"] = str(outside / name)
        os.environ.update(TELEGRAM_API_ID="1", TELEGRAM_API_HASH="0" * 32)
        (outside / "leases").mkdir()
        with Keeper.open() as keeper:
            try:
                adopt(keeper, path)
            except StorageUnavailable as error:
                return error.message
            return "adopted"

    assert "cannot be written" in as_nobody(attempt)
    assert path.read_bytes() == before


def test_a_disk_that_refuses_at_the_last_moment_leaves_everything_as_it_was(
    offline: Keeper, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("bot.session", database(ONE))
    before = path.read_bytes()

    replace = Path.replace

    def full(draft: Path, to: Path) -> Path:
        if to == path:
            raise OSError(28, "No space left on device")
        return replace(draft, to)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(StorageUnavailable):
            adopt(offline, path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["bot.session"]
    assert (ledger.all_of(offline.vault), offline.vault.away()) == ([], frozenset())
    now = offline.clock.wall()
    assert all(loan.state(now) != OPEN for loan in ledger.loans(offline).values())
    adopt(offline, path)
    content = path.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(StorageUnavailable):
            undo(offline, path)
    assert path.read_bytes() == content
    assert offline.vault.away() == frozenset()
    assert adopt(offline, path).done is False


# ---- what is no session, or none that can be used


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("empty.txt", "", UnknownFormat),
        ("words.txt", "hello", UnknownFormat),
        ("table.json", '{"a": 1}', UnknownFormat),
        ("test.txt", string(session(5, "127.0.0.1")), ConfigError),
    ],
)
def test_what_holds_no_session_of_this_network_is_refused(
    offline: Keeper, put: Put, name: str, content: str, error: type[TelekeepError]
) -> None:
    path = put(name, content)
    with pytest.raises(error):
        adopt(offline, path)
    assert path.read_text() == content
    assert names(offline) == []


def test_without_an_api_id_nothing_is_touched(offline: Keeper, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELEGRAM_API_ID")
    path = put("session.txt", string(ONE))
    with pytest.raises(ConfigError, match="API id"):
        adopt(offline, path)
    assert path.read_text() == string(ONE)
    assert names(offline) == []


def test_a_large_file_goes_back_too(offline: Keeper, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_KEPT", 1000)
    path = put("bot.session", database(ONE))
    adopt(offline, path)
    assert offline.vault.original(ledger.all_of(offline.vault)[0].id) is None
    undo(offline, path)
    assert holds(path.read_bytes(), ONE)
