"""Files are read as they are, while others use them, and nothing about them changes."""

import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from session.samples import fixture, fixture_session
from telekeep.errors import SessionBusy, SessionCorrupt, SessionNotFound, StorageUnavailable, UnknownFormat
from telekeep.session import formats
from telekeep.session.formats import snapshot
from telekeep.session.formats.bundle import Bundle

SAMPLE = fixture_session("telethon-1.45")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "bot.session"
    path.parent.mkdir()
    path.write_bytes(fixture("telethon-1.45.session"))
    return path


@contextmanager
def untouched(path):
    """The folder looks the same afterwards: names, contents, modes and times."""

    def look():
        files = sorted(path.parent.iterdir())
        seen = [(file.name, file.stat().st_mtime_ns, file.stat().st_mode, file.read_bytes()) for file in files]
        # Of the file itself also the ctime. For root, SQLite gives a journal to the owner whom it has already.
        return seen, path.parent.stat().st_mtime_ns, path.stat().st_ctime_ns

    before = look()
    yield
    assert look() == before


@contextmanager
def another_program(script, path):
    """A process that runs ``script`` on ``path``, then waits."""
    program = f"import sqlite3, sys\npath = sys.argv[1]\n{script}\nprint('ready', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


OPEN_TRANSACTION = "c = sqlite3.connect(path); c.execute('UPDATE update_state SET pts = 9999 WHERE id = 0')"
WRITING = "c = sqlite3.connect(path, isolation_level=None); c.execute('BEGIN EXCLUSIVE')"
SPILLED = """c = sqlite3.connect(path); c.execute('PRAGMA cache_size = 1')
for n in range(5000): c.execute('INSERT INTO entities VALUES (?, 1, NULL, NULL, ?, NULL)', (10**6 + n, 'x' * 200))"""
LOGGED_AHEAD = """c = sqlite3.connect(path); c.execute('PRAGMA journal_mode = WAL')
c.execute('UPDATE update_state SET pts = 2000 WHERE id = 0'); c.commit()
c.execute('UPDATE update_state SET pts = 9999 WHERE id = 0')"""


def test_a_file_at_rest_is_read_without_a_trace(path):
    with untouched(path):
        assert formats.read(formats.read_file(path)) == SAMPLE


def test_a_file_and_folder_that_may_only_be_read_are_read(path):
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with untouched(path):
            assert formats.read(formats.read_file(path)) == SAMPLE
    finally:
        path.parent.chmod(0o700)


def test_an_open_transaction_is_not_seen(path):
    with another_program(OPEN_TRANSACTION, path), untouched(path):
        assert formats.read(formats.read_file(path)) == SAMPLE


def test_uncommitted_rows_that_are_in_the_file_already_are_not_read(path):
    """002-F10: a plain copy passes the integrity check and holds rows that were never committed."""
    with another_program(SPILLED, path), untouched(path), pytest.raises(SessionBusy):
        assert len(path.read_bytes()) > 100_000
        formats.read_file(path, timeout=0.05)


def test_a_file_that_is_being_written_is_busy_and_says_so(path):
    with another_program(WRITING, path), untouched(path):
        with pytest.raises(SessionBusy, match="writing to") as caught:
            formats.read_file(path, timeout=0.05)
        assert caught.value.remedy


def test_a_file_becomes_readable_as_soon_as_its_writer_is_done(path):
    with another_program(WRITING, path) as writer:
        writer.stdin.close()  # it ends, and SQLite's lock with it
        assert formats.read(formats.read_file(path, timeout=30)) == SAMPLE


@pytest.mark.parametrize("script", [OPEN_TRANSACTION, SPILLED], ids=["early", "with half of it in the file"])
def test_what_a_killed_writer_left_is_rolled_back_in_a_copy(script, path):
    with another_program(script, path) as writer:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert path.with_name("bot.session-journal").exists()
    with untouched(path):
        assert formats.read(formats.read_file(path)) == SAMPLE


def test_a_journal_that_points_to_a_further_file_is_refused(path, tmp_path):
    with another_program(SPILLED, path) as writer:
        writer.kill()
        writer.wait()
    precious = tmp_path / "precious"
    precious.touch()
    name = bytes(precious)
    with path.with_name("bot.session-journal").open("ab") as journal:  # sqlite.org/fileformat.html, 3.1
        journal.write(struct.pack(">I", (0x40000000 // 4096) + 1) + name)
        journal.write(struct.pack(">II", len(name), sum(name)) + bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(SessionCorrupt):
        formats.read_file(path)
    assert precious.exists()


def test_a_write_ahead_log_is_taken_into_account(path):
    with another_program(LOGGED_AHEAD, path), untouched(path):
        assert formats.read(formats.read_file(path)).state.pts == 2000


def test_a_write_ahead_log_whose_writer_was_killed_is_taken_into_account(path):
    with another_program(LOGGED_AHEAD, path) as writer:
        writer.kill()
        writer.wait()
    path.with_name("bot.session-shm").unlink()
    with untouched(path):
        assert formats.read(formats.read_file(path)).state.pts == 2000


def test_a_database_in_wal_mode_at_rest_leaves_no_files_beside_it(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with untouched(path):
        assert formats.read(formats.read_file(path)) == SAMPLE


def test_reading_does_not_take_the_locks_of_a_client_in_the_same_process(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as client:
        client.execute("BEGIN IMMEDIATE")
        formats.read_file(path)
        intrude = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
        other = subprocess.run([sys.executable, "-c", intrude, str(path)], capture_output=True, text=True)
        assert "database is locked" in other.stderr


def test_a_link_is_followed(path, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(path)
    assert formats.read(formats.read_file(link)) == SAMPLE


def test_a_string_in_a_file_is_handed_over_as_it_is(tmp_path):
    path = tmp_path / "session.txt"
    path.write_bytes(fixture("telethon-1.45-ipv4.txt") + b"\n")
    with untouched(path):
        assert formats.read_file(path) == fixture("telethon-1.45-ipv4.txt") + b"\n"


@pytest.mark.parametrize("size", [0, 1, 511, 512, 5000])
def test_a_file_of_anything_is_handed_over_as_it_is(size, tmp_path):
    path = tmp_path / "any"
    path.write_bytes(b"x" * size)
    assert formats.read_file(path) == b"x" * size


def test_names_that_look_like_something_to_a_uri_are_only_names(path):
    odd = path.with_name("50%?mode=rwc#1 \n.session")
    shutil.copy(path, odd)
    assert formats.read(formats.read_file(odd)) == SAMPLE


@pytest.mark.timeout(60)
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path / "..", *map(type(tmp_path), ("/dev/zero", "/dev/null"))):
        with pytest.raises(UnknownFormat) as caught:
            formats.read_file(path)
        assert caught.value.remedy


def test_a_folder_that_is_a_session_is_packed_without_what_lies_in_it_besides(tmp_path):
    (tmp_path / "key_datas").write_bytes(b"keys")
    (tmp_path / "D877F783D5D3EF8C").mkdir()
    (tmp_path / "D877F783D5D3EF8C" / "maps").write_bytes(b"map")
    (tmp_path / "D877F783D5D3EF8C" / "configs").write_bytes(b"config")
    (tmp_path / "user_data").mkdir()
    (tmp_path / "user_data" / "photo").write_bytes(b"x" * 1000)
    assert Bundle(formats.read_file(tmp_path)).names == ("D877F783D5D3EF8C/configs", "key_datas")


def test_links_and_pipes_in_a_folder_are_passed_over(tmp_path):
    (tmp_path / "key_datas").write_bytes(b"keys")
    (tmp_path / "key_data0").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "key_data1")
    assert Bundle(formats.read_file(tmp_path)).names == ("key_datas",)


def test_another_folder_says_what_to_name(tmp_path):
    with pytest.raises(UnknownFormat, match="no session itself"):
        formats.read_file(tmp_path)


def test_a_file_that_says_it_is_empty_and_is_not_is_read():
    assert Path("/proc/self/stat").stat().st_size == 0
    assert formats.read_file(Path("/proc/self/stat"))


def test_a_file_larger_than_any_session_is_refused_unread(tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(snapshot.LARGEST + 1)
    with pytest.raises(UnknownFormat, match="256 MiB"):
        formats.read_file(path)


def test_a_file_that_may_not_be_read_is_not_said_to_be_missing(path, monkeypatch):
    path.chmod(0)
    if os.geteuid() == 0:  # whom no mode keeps from reading
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        formats.read_file(path)


def test_a_file_behind_a_file_is_not_said_to_be_missing(path):
    with pytest.raises(StorageUnavailable):
        formats.read_file(path / "below")


def test_only_a_missing_file_is_missing(tmp_path):
    for path in (tmp_path / "none", tmp_path / "no" / "folder", tmp_path / "nul\0"):
        with pytest.raises(SessionNotFound):
            formats.read_file(path)
