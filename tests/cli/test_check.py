"""`telekeep check`: rule by rule, and never a letter of the secret (000-14, 000-15, 000-F4, 000-F7)."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.helpers import as_string, new_session
from telekeep.session import formats


def _leaks(string: str, text: str) -> bool:
    return any(string[start : start + 12] in text for start in range(1, len(string) - 12))


def test_a_sound_string_passes_every_rule(process, world: Path) -> None:
    session = new_session()
    string = as_string(session)
    said = process("check", "-", stdin=string)
    assert said.code == 0 and said.err == ""
    assert "✗" not in said.out and said.out.count("✓") >= 7
    assert f"Its key is {session.auth_key.fingerprint}" in said.out
    assert not _leaks(string, said.out)


def test_a_file_and_its_string_have_the_same_fingerprint(call, world: Path) -> None:
    session = new_session()
    (world / "s.txt").write_text(as_string(session) + "\n")
    (world / "s.session").write_bytes(formats.FORMATS["telethon-sqlite"].write(session))
    before = (world / "s.session").read_bytes()
    text, file = call("check", "s.txt", "--json").json, call("check", "s.session", "--json").json
    assert (text["format"], file["format"]) == ("telethon-string", "telethon-sqlite")
    assert text["key"] == file["key"] == session.auth_key.fingerprint
    assert text["ok"] and file["ok"] and text["remedy"] is None
    assert (world / "s.session").read_bytes() == before
    assert sorted(path.name for path in world.glob("s.*")) == ["s.session", "s.txt"], "nothing beside it either"


@pytest.mark.parametrize(
    "break_it",
    [
        lambda s: s[:-20],
        lambda s: s + "A",
        lambda s: "2" + s[1:],
        lambda s: s[:100] + "!" + s[101:],
        lambda s: f'"{s}"',
        lambda s: s[:100] + " " + s[100:],
        lambda s: s[:100] + "\n" + s[100:],
        lambda s: "\n\n" + s,
        lambda s: "TELEGRAM_SESSION_STRING=" + s,
        lambda s: s[:1] + "A" * (len(s) - 2) + "=",
    ],
)
def test_a_broken_string_is_7_with_what_is_wrong_and_what_to_do(process, world: Path, break_it) -> None:
    string = as_string(new_session())
    broken = break_it(string)
    for words in (("check", "-"), ("check", "-", "--json")):
        said = process(*words, stdin=broken)
        assert said.code == 7, said
        assert "✗" in said.out or '"ok": false' in said.out
        assert not _leaks(string, said.out + said.err)
    assert said.json["remedy"]


def test_the_line_break_that_ends_a_file_is_the_files_own(process, world: Path) -> None:
    string = as_string(new_session())
    (world / "s.txt").write_text(string + "\r\n")
    assert process("check", "s.txt").code == 0
    assert process("check", "-", stdin=string + "\n").code == 0
    assert process("check", "-", stdin=string + "\n\n").code == 7


@pytest.mark.parametrize("name", ["TELEGRAM_SESSION_STRING", "TELEGRAM_SESSION"])
def test_env_checks_what_the_settings_name(process, world: Path, name: str) -> None:
    string = as_string(new_session())
    assert process("check", "--env", environ={name: string}).code == 0
    said = process("check", "--env", environ={name: string[:-1]})
    assert said.code == 7 and not _leaks(string, said.out + said.err)
    (world / ".env").write_text(f"{name}={string}\n")
    assert process("check", "--env").code == 0
    said = process("check", "--env", environ={name: as_string(new_session())})
    assert said.code == 6 and "differ" in said.err


def test_env_without_any_is_a_matter_of_settings(process) -> None:
    said = process("check", "--env")
    assert said.code == 6 and "TELEGRAM_SESSION_STRING" in said.err


def test_what_is_checked_must_be_one_thing(call) -> None:
    assert call("check").code == 2
    assert call("check", "-", "--env").code == 2
    said = call("check", "nowhere.session")
    assert said.code == 2 and "nowhere.session" in said.err


def test_quiet_is_the_exit_code_alone(process) -> None:
    string = as_string(new_session())
    said = process("check", "-", "--quiet", stdin=string)
    assert (said.code, said.out, said.err) == (0, "", "")
    said = process("check", "-", "-q", stdin=string[:-3])
    assert (said.code, said.out, said.err) == (7, "", "")


def test_an_endless_input_is_not_read_to_its_end(process) -> None:
    said = process("check", "-", stdin=b"A" * (1 << 20))
    assert said.code == 2 and "too long" in said.err


def test_a_string_as_an_argument_is_refused_with_the_reason(process, world: Path) -> None:
    string = as_string(new_session())
    for command in ("check", "import"):
        said = process(command, string)
        assert said.code == 2 and said.out == ""
        assert "every process can read it" in said.err and "history" in said.err
        assert "Pipe it in with -" in said.err and "--env" in said.err
        assert not _leaks(string, said.err)


def test_what_pyrogram_and_gramjs_made_is_checked(process, world: Path) -> None:
    import base64
    import struct

    pyrogram = base64.urlsafe_b64encode(struct.pack(">BI?256sQ?", 2, 1, False, os.urandom(256), 7, False)).decode()
    said = process("check", "-", stdin=pyrogram.rstrip("="))
    assert said.code == 0 and "pyrogram-string" in said.out
    address = b"149.154.167.51"
    raw = struct.pack(">BH", 2, len(address)) + address + struct.pack(">H", 443) + os.urandom(256)
    said = process("check", "-", stdin="1" + base64.b64encode(raw).decode())
    assert said.code == 0 and "gramjs-string" in said.out


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n"])
def test_an_empty_file_has_nothing_in_it_and_no_rules(call, world: Path, content: bytes) -> None:
    (world / "empty").write_bytes(content)
    said = call("check", "empty")
    assert (said.code, said.out) == (7, "") and "There is nothing in it" in said.err
    assert call("check", "empty", "--json").json["error"] == "UnknownFormat"


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"A letter to a friend, in which nothing is secret. " * 12,
        b'name = "emulator"\n[[dc]]\nid = 2\nhost = "127.0.0.1"\nport = 4430\n' * 3,
        b"-----BEGIN RSA PUBLIC KEY-----\n" + b"MIIBCgKCAQEA" * 33 + b"\n-----END RSA PUBLIC KEY-----\n",
        bytes(range(256)) * 9,
    ],
)
def test_rubbish_is_called_no_known_format(call, world: Path, content: bytes) -> None:
    (world / "rubbish").write_bytes(content)
    said = call("check", "rubbish")
    assert (said.code, said.out) == (7, "")
    assert "no session in any format" in said.err and "telekeep check" not in said.err, "it has just been checked"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:60],
        lambda s: "9" + s[1:],
        lambda s: s + "lost+found",
        lambda s: "\n".join(s[at : at + 40] for at in range(0, len(s), 40)),
    ],
)
def test_what_was_a_string_once_is_examined_as_one(call, world: Path, spoil) -> None:
    (world / "near").write_text(spoil(as_string(new_session())))
    found = call("check", "near", "--json")
    assert found.code == 7 and found.json["format"] == "telethon-string" and not found.json["ok"]


def test_rules_behind_a_broken_one_are_not_called_broken(call, world: Path) -> None:
    (world / "cut").write_text(as_string(new_session())[:300])
    said = call("check", "cut")
    marks = [line[0] for line in said.out.splitlines()[1:-1]]
    assert marks == ["✓", "✗", "✓", "✓", "✓", "-", "-", "-"]
    assert [rule["ok"] for rule in call("check", "cut", "--json").json["rules"]][-3:] == [None] * 3


def test_a_foreign_database_is_not_told_to_be_on_one_line(call, world: Path) -> None:
    with closing(sqlite3.connect(world / "other.db")) as database:
        database.execute("CREATE TABLE songs (title)")
    said = call("check", "other.db")
    assert said.code == 7 and "one line" not in said.out and ".session" in said.out.splitlines()[-1]


@pytest.mark.parametrize("more", ["", "# mine\nPORT=3000\n"])
@pytest.mark.parametrize("command", ["check", "import"])
def test_a_dotenv_is_answered_with_the_option_that_reads_it(call, world: Path, command: str, more: str) -> None:
    string = as_string(new_session())
    (world / ".env").write_text(f"{more}TELEGRAM_SESSION_STRING='{string}'\n")
    said = call(command, ".env")
    assert said.code == 7 and "--env" in said.err and not _leaks(string, said.out + said.err)
    (world / "there").mkdir()
    (world / ".env").rename(world / "there" / "settings")
    assert str(world / "there") in call(command, "there/settings").err, "--env reads the .env of this folder only"
