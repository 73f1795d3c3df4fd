"""`telekeep check`: rule by rule, and never a letter of the secret (000-14, 000-15, 000-F4, 000-F7)."""

from __future__ import annotations

import os
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
        lambda s: "",
        lambda s: "hello",
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


def test_what_another_library_made_is_named(process, world: Path) -> None:
    import base64
    import struct

    pyrogram = base64.urlsafe_b64encode(struct.pack(">BI?256sQ?", 2, 1, False, os.urandom(256), 7, False)).decode()
    said = process("check", "-", stdin=pyrogram.rstrip("="))
    assert said.code == 7 and "Pyrogram" in said.err
