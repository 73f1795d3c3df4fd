"""What a program below `telekeep run` finds in its environment and arguments: the loan, and no real key."""

from __future__ import annotations

import json
import os
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha1
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.borrow.run import environment, program
from telekeep.borrow.run.environment import Lent
from telekeep.borrow.run.keyscan import known_keys
from telekeep.cli import entry
from telekeep.cli.entry import understood
from telekeep.errors import ConfigError
from telekeep.gateway.grants import PROFILES
from telekeep.session.formats.telethon_string import TelethonString
from telekeep.session.model import AuthKey, DataCenter, Session


def _id(key: bytes) -> str:
    return format(int.from_bytes(sha1(key).digest()[-8:], "little"), "016x")


def _string(key: bytes, host: str = "149.154.167.51") -> str:
    return TelethonString().write(Session(DataCenter(2, host, 443), AuthKey(key), network="production")).decode()


OWN, OTHER, FOREIGN, LOAN = (bytes([n]) * 128 + bytes(range(128)) for n in (1, 2, 3, 4))
LENT = Lent(_string(LOAN, "127.0.0.1"), frozenset({_id(OWN)}), frozenset({_id(OTHER)}))


def _child(**environ: str) -> tuple[dict[str, str], list[str]]:
    return environment.of_child(environ, LENT, folder="/run/x", hook="/the hook")


def test_the_loan_and_stand_ins_take_the_place_of_what_was_there() -> None:
    child, withheld = _child(TELEGRAM_API_ID="77", TELEGRAM_API_HASH="f" * 32, TELEGRAM_SESSION="mybot", HOME="/home/x")
    assert withheld == []
    assert child == {
        "HOME": "/home/x", "TELEGRAM_API_ID": "1", "TELEGRAM_API_HASH": "0" * 32, "TELEKEEP_RUN": "/run/x",
        "TELEGRAM_SESSION_STRING": LENT.string, "TELEGRAM_SESSION": LENT.string, "PYTHONPATH": "/the hook",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/a b:/c", "/the hook:/a b:/c"),
        ("", "/the hook"),
        (":/c", "/the hook::/c"),
        ("/the hook:/c", "/the hook:/c"),
    ],
)
def test_what_was_on_pythonpath_stays_behind_the_hook(before: str, after: str) -> None:
    assert _child(PYTHONPATH=before)[0]["PYTHONPATH"] == after


@pytest.mark.parametrize("around", ["{}", " {}\n", '{{"session": "{}"}}', "a={};b=1", "x{}"])
def test_the_sessions_own_string_becomes_the_loan_wherever_it_stands(around: str) -> None:
    child, _ = _child(MINE=around.format(_string(OWN)))
    if around == "x{}":
        assert "MINE" not in child  # no string of Telethon's any more, but the key is there
    else:
        assert child["MINE"] == around.format(LENT.string)


def _forms(key: bytes) -> dict[str, str]:
    return {
        "hex": key.hex(),
        "HEX": "00" + key.hex().upper(),
        "half a byte": "0" + key.hex(),
        "base64": b64encode(key).decode(),
        "Pyrogram": urlsafe_b64encode(b"\x02\0\0\0\x07\0" + key + b"\0" * 9).decode().rstrip("="),
        "GramJS": "1" + b64encode(b"\x02\0\x0e" + b"149.154.167.51" + b"\x01\xbb" + key).decode(),
        "IPv6": "1" + urlsafe_b64encode(b"\x02" + b"\x01" * 16 + b"\x01\xbb" + key).decode(),
    }


@pytest.mark.parametrize("form", list(_forms(OWN)))
def test_a_key_of_the_vault_is_withheld_in_every_other_form(form: str) -> None:
    child, withheld = _child(MINE=_forms(OWN)[form], THEIRS=_forms(OTHER)[form], NOT_OURS=_forms(FOREIGN)[form])
    own = [] if form in ("IPv6", "GramJS") else ["MINE"]  # which are strings with the key at their end
    assert withheld == [*own, "THEIRS"]
    assert child["NOT_OURS"] == _forms(FOREIGN)[form]
    assert child.get("MINE", LENT.string) == LENT.string


def test_arguments_are_seen_by_every_user() -> None:
    assert environment.arguments(["prog", "-s", _string(OWN)], LENT) == ["prog", "-s", LENT.string]
    assert environment.arguments(["prog", "x" * 900, "é"], LENT) == ["prog", "x" * 900, "é"]
    for secret in (_string(OTHER), OWN.hex()):
        with pytest.raises(ConfigError) as refused:
            environment.arguments(["prog", secret], LENT)
        assert secret not in str(refused.value)


def test_a_configuration_gets_stand_ins_too() -> None:
    inner = {"API_ID": 5, "API_HASH": "e" * 32, "SESSION_FILE": "x.session"}
    for value in (inner, {"TELEGRAM_CONFIG": inner}):
        found = json.loads(_child(TELEGRAM_CONFIG=json.dumps(value))[0]["TELEGRAM_CONFIG"])
        found = found.get("TELEGRAM_CONFIG", found)
        assert found == {"API_ID": 1, "API_HASH": "0" * 32, "SESSION_FILE": "x.session"}
    for path in ("/etc/config.json", "[1]", ""):
        assert _child(TELEGRAM_CONFIG=path)[0]["TELEGRAM_CONFIG"] == path


@given(st.text(alphabet="ABCDEFabcdef0123456789+/_-= 1", min_size=300, max_size=1200))
def test_text_without_a_key_is_left_alone(text: str) -> None:
    assert list(known_keys(text, LENT.ids)) == []


# ---- the program


def test_a_program_is_found_as_a_shell_finds_it(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    assert program.find("tool", {"PATH": str(tmp_path)}) is None  # it cannot be run
    tool.chmod(0o755)
    assert program.find("tool", {"PATH": f"/nowhere{os.pathsep}{tmp_path}"}) == str(tool)
    assert program.find(str(tool), {}) == str(tool)
    assert program.find(str(tmp_path), {}) is None
    assert program.find("tool", {"PATH": "/nowhere"}) is None


@pytest.mark.parametrize(
    ("arguments", "isolated"),
    [
        (["-I", "x.py"], "-I"), (["-BI", "x.py"], "-I"), (["-W", "error", "-E", "x.py"], "-E"), (["-S"], "-S"),
        (["-Xutf8", "-s", "x.py"], None), (["x.py", "-I"], None), (["-m", "pip", "-I"], None),
        (["-c", "1", "-I"], None),
        (["-uc", "1", "-I"], None), (["--", "-I"], None), (["-W", "-I", "x.py"], None), ([], None),
    ],
)  # fmt: skip
def test_a_python_that_takes_no_notice_of_the_hook_is_seen(arguments: list[str], isolated: str | None) -> None:
    assert program.look("/usr/bin/python3", arguments).isolated == isolated
    assert program.look("/usr/bin/perl", arguments).isolated is None


@pytest.mark.parametrize("first", ["#!/usr/bin/python3 -I", "#!/usr/bin/env -S python3.12 -I", "#! /opt/pypy3.10 -IB"])
def test_so_is_one_named_in_a_first_line(tmp_path: Path, first: str) -> None:
    script = tmp_path / "script"
    script.write_text(f"{first}\nprint()\n")
    assert program.look(str(script), []).isolated == "-I"
    script.write_text("#!/bin/sh -I\n")
    assert program.look(str(script), []).isolated is None


@pytest.mark.parametrize(("packages", "found"), [
    (["Pyrogram-2.0.106"], "2.0.106"), (["pyrogram-1.4.16", "tgcrypto-1"], "1.4.16"),
    (["kurigram-2.2.26"], None), (["Pyrogram-2.0.106", "Telethon-1.40.0"], None), ([], None),
])  # fmt: skip
def test_old_pyrogram_is_seen_where_there_is_nothing_else(tmp_path: Path, packages: list[str], found: str) -> None:
    for each in packages:
        (tmp_path / "lib" / "python3.12" / "site-packages" / f"{each}.dist-info").mkdir(parents=True)
    assert program.look(str(tmp_path / "bin" / "python"), []).pyrogram == found


# ---- the way in


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run main -- prog -x", ({"name": "main"}, ("prog", "-x"))),
        ("run main prog -- -x", ({"name": "main"}, ("prog", "--", "-x"))),
        ("run --as a main --grant archive --home h -q -- p", ({"as": "a", "name": "main", "grant": "archive", "home": "h", "quiet": "-q"}, ("p",))),  # noqa: E501
        ("run main --grant b -- p", None),
        ("run main", None), ("run main --", None), ("run -- prog", None), ("lend main", None),
        ("run main --for 3h -- p", None),
        ("run --help", None), ("--json run main -- p", None), ("run main --grant", None), ("run m/n -- p", None),
    ],
)  # fmt: skip
def test_a_plain_line_is_understood_at_once_and_all_else_is_left_to_the_others(
    line: str, said: tuple[dict[str, str], tuple[str, ...]] | None
) -> None:
    assert understood(line.split()) == said


def test_the_profiles_of_a_plain_line_are_the_grants() -> None:
    assert entry._PROFILES == PROFILES
