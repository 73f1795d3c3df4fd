"""Whatever session a program names, it gets the loan, and finds a file that is worth nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import telethon

from stories.borrowing.lending import line
from stories.borrowing.memory import spellings
from stories.running.house import GRACE, GRACE_CODE, House

NAMES = ["bot", "bot.session", "+9996621234", "a name\n", "sessions/deep", "weird: näme"]


@pytest.mark.parametrize("name", NAMES)
def test_a_session_named_by_file_is_the_loan(house: House, folder: Path, name: str) -> None:
    (folder / "sessions").mkdir()
    said = house.run("by_name.py", name, cwd=folder)
    assert said.code == 0, said
    first, second = said.out.replace("\\n", "").splitlines()[0], said.out.splitlines()[-1]
    assert first.startswith(f"{house.ada}|['from {name}".replace("\n", "")), said
    assert second == "1 True"
    assert not list(folder.rglob("*.session*"))


@pytest.mark.parametrize("kind", ["path", "file", "nothing", "memory", "string"])
def test_so_is_one_that_is_given_in_any_other_way(house: House, folder: Path, kind: str) -> None:
    said = house.run("by_name.py", "bot", kind, cwd=folder)
    assert said.code == 0, said
    files = "['bot.session']" if kind in ("path", "file") else "[]"
    assert said.out.splitlines() == [f"{house.ada}|['from bot']|{files}", "1 True"]
    assert not list(folder.iterdir())


def test_a_string_of_its_own_is_replaced_if_it_is_this_sessions(house: House, folder: Path) -> None:
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"session": house.string, "api_id": 7, "api_hash": "b" * 32}))
    said = house.run("own_string.py", cwd=folder)
    assert (said.code, said.out) == (0, f"{house.ada} False"), said


def test_a_program_that_inspects_copies_and_deletes_its_file_harms_nothing(house: House, folder: Path) -> None:
    (folder / "house").mkdir()
    said = house.run("housekeeper.py", cwd=folder)
    assert said.code == 0, said
    looked, listed, after = said.out.splitlines()
    version, dc, host, _, own, key = looked.split("|")
    assert (version, dc, host, own) == ("7", "2", "127.0.0.1", house.ada)
    assert bytes.fromhex(key) != house.key
    assert listed == "0o600 [] ['keeper.session']"
    assert after == f"{house.ada} True"
    assert house.key not in (folder / "backup").read_bytes()
    assert not (folder / "house" / "keeper.session").exists()


def test_processes_that_a_program_starts_have_the_same_loan(house: House, folder: Path) -> None:
    said = house.run("children.py", cwd=folder)
    assert (said.code, said.out.split()) == (0, [house.ada] * 4), said
    assert not list(folder.iterdir())


def test_a_file_at_another_data_center_is_downloaded(house: House, folder: Path) -> None:
    house.lending.ok("auth", "grace", "--phone", GRACE, "--code", GRACE_CODE, home="graces")
    house.begun = house.lending.stats()
    grace = house.lending.start("partner.py", home="graces")
    _, digest = line(grace).split()
    said = house.run("downloader.py", cwd=folder)
    house.stage.kill(grace)
    assert (said.code, said.out) == (0, f"{digest} 4"), said


def test_what_a_program_has_learnt_before_is_known(house: House, folder: Path) -> None:
    said = house.run("who_is.py", "+" + GRACE, cwd=folder)
    assert said.code == 1 and "Cannot find any entity" in said.err, said
    file = folder / "known.session"
    real_session(file, house)
    with closing(sqlite3.connect(file)) as database:
        database.execute("insert into entities values (?, 99, null, ?, 'Grace', 0)", (house.grace, int(GRACE)))
        database.commit()
    before = file.read_bytes()
    said = house.run("who_is.py", "+" + GRACE, cwd=folder)
    assert (said.code, said.out) == (0, house.grace), said
    assert file.read_bytes() == before


@pytest.mark.parametrize("flags", [("-I",), ("-S",), ("-E",)])
def test_without_the_hook_the_string_in_the_environment_is_enough(
    house: House, folder: Path, flags: tuple[str, ...]
) -> None:
    environ = {"PYTHONPATH": str(Path(telethon.__path__[0]).parent)}  # -S: there are no others
    said = house.run("from_environment.py", cwd=folder, flags=flags, environ=environ)
    assert said.code == 0, said
    assert said.out.split()[0] == house.ada
    assert f"With {flags[0]}, Python runs nothing" in said.err


def test_no_real_key_reaches_the_program(house: House, folder: Path) -> None:
    secret = spellings(house.key)
    program = folder / "scan.py"
    program.write_text(
        "import os, sys, telethon.sync as t\n"
        "c = t.TelegramClient(t.TelegramClient and os.environ['MINE'][:0] or 'scan', 1, 'a' * 32)\n"
        "with c: c.get_me()\n"
        "print(open('/proc/self/environ', 'rb').read().hex()); print(open('/proc/self/cmdline', 'rb').read().hex())\n"
        "print([open(each, 'rb').read().hex() for each in os.listdir('.') if each != 'scan.py'])\n"
        "print(open(os.path.join(os.environ['TELEKEEP_RUN'], 'plan.json'), 'rb').read().hex())\n"
    )
    environ = {
        "MINE": house.string,
        "TELEGRAM_SESSION": house.string,
        "IN_A_SENTENCE": f"login={house.string};x",
        "IN_HEX": house.key.hex(),
        "ANOTHERS": house.other,
        "TELEGRAM_CONFIG": json.dumps({"API_ID": 99, "API_HASH": "c" * 32, "SESSION": house.string}),
    }
    said = house.run(program, house.string, cwd=folder, environ=environ)
    assert said.code == 0, said
    for text in said.out.splitlines():
        content = bytes.fromhex(text.strip("[']").replace("', '", ""))
        assert not any(each in content for each in secret), content[:200]
        assert house.string.encode() not in content and house.other.encode() not in content
    environment = bytes.fromhex(said.out.splitlines()[0])
    assert b"IN_HEX" not in environment and b"ANOTHERS" not in environment and b"MINE=1" in environment
    assert b"c" * 32 not in environment
    assert "IN_HEX holds the key of a kept session" in said.err


def real_session(path: Path, house: House, *, key: bytes | None = None, user: int | None = None) -> None:
    """A file as Telethon 1.42 would have left it: Ada's own key, unless told otherwise."""
    database = sqlite3.connect(path)
    database.executescript(
        "create table version (version integer primary key); insert into version values (7);"
        "create table sessions (dc_id integer primary key, server_address text, port integer, auth_key blob,"
        " takeout_id integer);"
        "create table entities (id integer primary key, hash integer not null, username text, phone integer,"
        " name text, date integer);"
        "create table sent_files (md5_digest blob, file_size integer, type integer, id integer, hash integer,"
        " primary key(md5_digest, file_size, type));"
        "create table update_state (id integer primary key, pts integer, qts integer, date integer, seq integer);"
    )
    database.execute("insert into sessions values (2, '149.154.167.51', 443, ?, null)", (key or house.key,))
    if user is not None:
        database.execute("insert into entities values (0, ?, null, null, null, 0)", (user,))
    database.commit()
    database.close()
