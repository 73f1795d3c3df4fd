"""Finding sessions in the files of programs, and putting others in their places: everything else stays as it was."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.adopt.files import ONE, TWO, WIDE, database, holds, holds_any, session, string
from session.samples import fixture
from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.keeper.adopt.places import search
from telekeep.session.model import Session
from telekeep.session.network import PRODUCTION

LOAN = session(99, "127.0.0.1")


def exchanged(content: bytes, *new: Session) -> bytes:
    place, found = search(content, PRODUCTION)
    assert len(found) == len(new)
    return place.exchanged(content, list(zip(found, new, strict=True)))


def sessions(content: bytes) -> list[Session]:
    return [each.session for each in search(content, PRODUCTION)[1]]


def keys(content: bytes) -> list[object]:
    return [each.auth_key for each in sessions(content)]


def kind(content: bytes) -> str:
    return search(content, PRODUCTION)[0].kind


# ---- text


@pytest.mark.parametrize(
    "around", [("", ""), ("", "\n"), ("\ufeff\n", "\r\n"), ("# a note\n\t", "  \n\nmore\n"), ("\r", "\r")]
)
def test_a_string_alone_on_a_line_is_exchanged_and_nothing_else(around: tuple[str, str]) -> None:
    content = string(ONE).join(around).encode()
    assert kind(content) == "text"
    assert exchanged(content, LOAN) == string(LOAN).join(around).encode()


def test_a_string_of_another_length_takes_the_place() -> None:
    content = f"{string(WIDE)}\n".encode()
    assert (len(string(WIDE)), len(string(LOAN))) == (369, 353)
    there = exchanged(content, LOAN)
    assert there == f"{string(LOAN)}\n".encode()
    assert exchanged(there, WIDE) == content


def test_bytes_that_are_no_utf_8_stay() -> None:
    content = b"\xff\xfe\x80 caf\xe9\n" + string(ONE).encode() + b"\n\xc3\x28"
    assert exchanged(content, LOAN) == content.replace(string(ONE).encode(), string(LOAN).encode())


@pytest.mark.parametrize("content", [f"session is {string(ONE)}", f"<{string(ONE)}>", "nothing", "", "  \n"])
def test_what_is_not_alone_on_a_line_is_no_session(content: str) -> None:
    with pytest.raises(UnknownFormat):
        search(content.encode(), PRODUCTION)


# ---- JSON


def test_strings_anywhere_in_a_json_file_are_found_and_named() -> None:
    table = {"a": [{"s": string(ONE)}, 1.50, None, {"s": {"deep": string(WIDE)}}], "no": "text", "é": True}
    content = json.dumps(table, indent=3, ensure_ascii=False).replace("1.5", "1.50").encode()
    place, found = search(content, PRODUCTION)
    assert (place.kind, [each.where for each in found]) == ("json", ["a.0.s", "a.3.s.deep"])
    new = exchanged(content, LOAN, TWO)
    expected = content.replace(string(ONE).encode(), string(LOAN).encode())
    assert new == expected.replace(string(WIDE).encode(), string(TWO).encode())


def test_a_string_that_is_spelt_with_escapes_is_found_too() -> None:
    spelt = string(ONE).replace("=", "\\u003d").replace("A", "\\u0041")
    content = f'{{"x":1,  "s" : "{spelt}" , "y": "\\u003d"}}'.encode()
    assert exchanged(content, LOAN) == f'{{"x":1,  "s" : "{string(LOAN)}" , "y": "\\u003d"}}'.encode()


def test_a_name_in_json_is_no_value() -> None:
    content = json.dumps({string(ONE): string(TWO), "x": {string(ONE): 1}}).encode()
    assert keys(content) == [TWO.auth_key]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([string(ONE), string(WIDE)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [each for one in value.values() for each in _strings(one)]
    if isinstance(value, list):
        return [each for one in value for each in _strings(one)]
    return [value] if isinstance(value, str) and len(value) > 300 else []


def _with(value: object) -> object:
    if isinstance(value, dict):
        return {name: _with(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with(one) for one in value]
    return string(LOAN) if isinstance(value, str) and len(value) > 300 else value


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4) | st.lists(JSON, max_size=4), st.booleans())
def test_whatever_json_holds_only_the_sessions_in_it_change(value: object, ascii_only: bool) -> None:
    content = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    if not _strings(value):
        with pytest.raises(UnknownFormat):
            search(content, PRODUCTION)
        return
    new = exchanged(content, *([LOAN] * len(_strings(value))))
    assert json.loads(new.decode("utf-8", "surrogatepass")) == _with(value)
    assert new == content.replace(string(ONE).encode(), string(LOAN).encode()).replace(
        string(WIDE).encode(), string(LOAN).encode()
    )


# ---- .env


@pytest.mark.parametrize(
    "line",
    [
        "S={}",
        "S = {}",
        "export S='{}'",
        '\texport  S="{}" # mine',
        "'S'={} # a comment",
        "S={}\r",
        "[x]\nS={}\n\n#S=1\n",
    ],
)
def test_a_variable_keeps_quotes_export_and_comments(line: str) -> None:
    content = f"# first\nA=1\n{line}\nB='two words'".encode().replace(b"{}", string(ONE).encode())
    assert kind(content) == "dotenv"
    assert exchanged(content, LOAN) == content.replace(string(ONE).encode(), string(LOAN).encode())


def test_several_variables_are_several_sessions() -> None:
    content = f"A={string(ONE)}\nB='{string(WIDE)}'\nA={string(TWO)}\n".encode()
    assert keys(content) == [ONE.auth_key, WIDE.auth_key, TWO.auth_key]
    assert exchanged(content, TWO, LOAN, ONE) == f"A={string(TWO)}\nB='{string(LOAN)}'\nA={string(ONE)}\n".encode()


# ---- Telethon's files


def dump(content: bytes) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        connection.execute("UPDATE sessions SET dc_id = 0, server_address = '', port = 0, auth_key = ''")
        settings = [str(connection.execute(f"PRAGMA {each}").fetchall()) for each in ("user_version", "page_size")]
        return [*connection.iterdump(), *settings]


@pytest.mark.parametrize("name", ["telethon-1.40.session", "telethon-1.40-upgraded.session", "telethon-1.45.session"])
def test_a_file_keeps_its_schema_and_everything_but_the_login(name: str) -> None:
    content = fixture(name)
    (before,) = sessions(content)
    new = exchanged(content, LOAN)
    (after,) = sessions(new)
    assert (after.auth_key, after.dc) == (LOAN.auth_key, LOAN.dc)
    assert (after.peers, after.state, after.user) == (before.peers, before.state, before.user)
    assert dump(new) == dump(content)
    assert not holds(new, before)


@pytest.mark.parametrize("schema", [7, 8])
def test_free_pages_do_not_keep_the_key(schema: int) -> None:
    content = database(ONE, schema=schema)
    assert content.count(ONE.auth_key.reveal()) > 10, "a file with a past"
    new = exchanged(content, LOAN)
    assert not holds_any(new)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(new)
        assert connection.execute("SELECT version FROM version").fetchall() == [(schema,)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA user_version").fetchall() == [(77,)]


def test_a_temporary_key_goes_with_the_key_it_was_made_with() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(database(ONE, schema=8))
        connection.execute("UPDATE sessions SET tmp_auth_key = ?", (TWO.auth_key.reveal(),))
        connection.commit()
        content = connection.serialize()
    assert not holds_any(exchanged(content, LOAN))


def test_code_in_a_file_is_not_executed() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(database(ONE))
        connection.execute("CREATE TRIGGER t AFTER UPDATE ON sessions BEGIN DELETE FROM entities; END")
        connection.commit()
        content = connection.serialize()
    with pytest.raises(UnknownFormat, match="code"):
        exchanged(content, LOAN)


# ---- others

PYROGRAM = "a Pyrogram"


@pytest.mark.parametrize("name", ["pyrogram.session", "pyrogram.txt"])
def test_pyrograms_sessions_are_refused_by_name_with_the_way_out(name: str) -> None:
    with pytest.raises(UnknownFormat, match=PYROGRAM) as refused:
        search(fixture(name), PRODUCTION)
    assert "telekeep run" in str(refused.value.remedy)


def test_a_pyrogram_string_in_a_json_file_is_refused_too() -> None:
    core = fixture("pyrogram.txt").decode().strip()
    with pytest.raises(UnknownFormat, match=PYROGRAM) as refused:
        search(json.dumps({"a": string(ONE), "b": {"c": core}}).encode(), PRODUCTION)
    assert "b.c" in refused.value.message
    assert core not in refused.value.message


def test_a_spoiled_string_is_named_by_its_place_and_not_shown() -> None:
    spoiled = "1" + "Z" * 352
    with pytest.raises(SessionCorrupt, match="SESSION") as refused:
        search(f"SESSION={spoiled}\n".encode(), PRODUCTION)
    assert spoiled not in str(refused.value)
