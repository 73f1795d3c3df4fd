"""A ``.env`` is read as python-dotenv reads it, and changed in exactly one line."""

import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telekeep.errors import ConfigError, StorageUnavailable
from telekeep.secret import Secret
from telekeep.settings import parse_dotenv, update_dotenv

NAME = "TELEGRAM_SESSION_STRING"


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("  export A = 1  \n", {"A": "1"}),
        ("export\tA=1", {"A": "1"}),
        ("A=1 # one\nB=2#two\nC= # none\nD=#four", {"A": "1", "B": "2#two", "C": "", "D": "#four"}),
        ("A='a b'\nB=\"c d\" # e\n", {"A": "a b", "B": "c d"}),
        ('A=\'it\\\'s\' \nB="say \\"hi\\"\\n"', {"A": "it's", "B": 'say "hi"\n'}),
        ("A='\\n'\nB=\\n", {"A": "\\n", "B": "\\n"}),
        ("A='two\nlines'\nB=1", {"A": "two\nlines", "B": "1"}),
        ("A=1\nA=2\n#A=3\n", {"A": "2"}),
        ("A=\nB=''\n", {"A": "", "B": ""}),
        ("A\nexport B\nC=1", {"C": "1"}),
        ("A='open\nB=1", {"B": "1"}),
        ("A='x' y\nB=1", {"B": "1"}),
        ("'A'=1", {"A": "1"}),
        ("\ufeffA=1", {"A": "1"}),
        ("A=a=b==", {"A": "a=b=="}),
        ("A=b c  \n", {"A": "b c"}),
        ("", {}),
    ],
)
def test_the_grammar_of_python_dotenv(text, values):
    assert parse_dotenv(text) == values


@given(st.text(alphabet="A='\"\\ \n\r#xport\t"))
def test_any_text_can_be_parsed(text):
    parse_dotenv(text)


@pytest.mark.timeout(60)
def test_time_grows_with_length_whatever_a_file_holds():
    for piece in ("A='\\'", "A='\n", 'A="\\"\n', "A=b ", " ", "export ", "A=# ", "'", "\n"):
        parse_dotenv(piece * (200_000 // len(piece)) + "x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "{}=new\n"),
        ("# mine\nA=1\n", "# mine\nA=1\n{}=new\n"),
        ("A=1", "A=1\n{}=new\n"),
        ("A=1\r\nB=2", "A=1\r\nB=2\r\n{}=new\r\n"),
        ("A=1\n{}=old\n\nB=2\n", "A=1\n{}=new\n\nB=2\n"),
        ("export {}=old # do not share\nA=1\n", "export {}=new # do not share\nA=1\n"),
        ("  {} = 'old'\r\nA=1\r\n", "  {} = 'new'\r\nA=1\r\n"),
        ('{}="old"#x', '{}="new"#x'),
        ("{}=\nA=1\n", "{}=new\nA=1\n"),
        ("{}= # fill in\n", "{}=new # fill in\n"),
        ("{}=one\nA=1\n{}=two\nB=2\n", "A=1\n{}=new\nB=2\n"),
        ("{}='one\ntwo'\nA=1\n", "{}='new'\nA=1\n"),
        ("{}='broken\nA=1\n", "{}=new\nA=1\n"),
        ("#{}=old\nX{}=1\n{}_X=2\n", "#{}=old\nX{}=1\n{}_X=2\n{}=new\n"),
        ("A='\n{}=inside\n'\n", "A='\n{}=inside\n'\n{}=new\n"),
        ("\ufeff{}=old\n", "\ufeff{}=new\n"),
        ("\ufeff", "\ufeff{}=new\n"),
    ],
)
def test_one_line_is_changed_and_nothing_else(before, after, path):
    """000-F5: the original left two lines, of which the old one counted."""
    path.write_bytes(before.replace("{}", NAME).encode())
    update_dotenv(path, NAME, "new")
    assert path.read_bytes().decode() == after.replace("{}", NAME)


lines = st.sampled_from(
    [
        "# note",
        f"{NAME}=  # fill in",
        f"{NAME} = ",
        "",
        "A=1",
        "export B='x y'",
        f"{NAME}=old",
        f"export {NAME}='old' # why",
        f'{NAME}="two\nlines"',
        "C='open",
    ]
)


@settings(max_examples=60)  # each writes two files and waits for the disk
@given(
    before=st.lists(lines).map("\n".join) | st.text(alphabet="A='\"\\ \n#x").map(lambda text: f"{NAME}={text}"),
    value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30),
)
def test_afterwards_the_value_is_there_once_and_the_others_are_as_before(before, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("dotenv") / ".env"
    path.write_bytes(before.encode())
    others = {name: kept for name, kept in parse_dotenv(before).items() if name != NAME}
    try:
        update_dotenv(path, NAME, value)
    except ConfigError:  # quotes of both kinds left open: one of them would swallow the line, however it is written
        assert "'" in before and '"' in before
        assert path.read_bytes() == before.encode()
        return
    once = path.read_bytes()
    found = parse_dotenv(once.decode())
    assert found.pop(NAME) == value
    assert found == others
    assert [comment for comment in before.splitlines() if comment.startswith("# ")] == [
        comment for comment in once.decode().splitlines() if comment.startswith("# ")
    ]
    update_dotenv(path, NAME, value)
    assert path.read_bytes() == once


@pytest.mark.parametrize("value", ["#", "two words", 'say "hi"'])
def test_a_quote_left_open_in_the_file_does_not_swallow_the_value(path, value):
    path.write_text("C='open\n")
    update_dotenv(path, NAME, value)
    assert parse_dotenv(path.read_text()) == {NAME: value}


def test_where_no_quote_helps_nothing_is_written(path):
    text = "C='open\nD=\"open\n"
    path.write_text(text)
    with pytest.raises(ConfigError, match="never closed"):
        update_dotenv(path, NAME, "#")
    assert path.read_text() == text


def test_a_session_string_is_written_as_it_stands(path):
    update_dotenv(path, NAME, Secret(b"1Ab-_cd="))
    assert path.read_text() == f"{NAME}=1Ab-_cd=\n"


def test_bytes_that_are_no_text_survive(path):
    path.write_bytes(b"# caf\xe9\nA=\xff\n")
    update_dotenv(path, NAME, "new")
    assert path.read_bytes() == b"# caf\xe9\nA=\xff\n" + NAME.encode() + b"=new\n"


def test_the_file_is_for_its_owner_only_from_then_on(path):
    """000-F6, 000-13: permissions were fixed afterwards, and only there."""
    for mode in (None, 0o644, 0o777):
        if mode:
            path.chmod(mode)
        update_dotenv(path, NAME, "new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_crash_while_writing_leaves_the_old_file_whole(path, monkeypatch):
    """000-F6: the original rewrote the file in place."""
    path.write_text("A=1\n")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageUnavailable):
        update_dotenv(path, NAME, "new")
    assert path.read_text() == "A=1\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_is_refused_and_what_it_points_to_untouched(path, tmp_path):
    """000-F6: a link in the place of the file would send the secret elsewhere."""
    target = tmp_path / "elsewhere"
    target.write_text("A=1\n")
    path.symlink_to(target)
    with pytest.raises(ConfigError, match="link"):
        update_dotenv(path, NAME, "new")
    assert target.read_text() == "A=1\n"
    assert path.is_symlink()


@pytest.mark.parametrize(("name", "value"), [("A B", "x"), ("", "x"), ("A", "x\ny"), ("A", "x\0"), ("A=", "x")])
def test_what_would_not_be_one_line_is_not_written(name, value, path):
    with pytest.raises(ValueError, match="cannot be set") as caught:
        update_dotenv(path, name, value)
    assert not path.exists()
    assert value not in str(caught.value).partition("cannot")[0].removeprefix(name)
