"""`telekeep adopt` at the door: what it takes, what it says, and that it never says a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.helpers import Run, as_string, keep, new_session
from telekeep.keeper.adopt.verb import Terms, adopt
from telekeep.keeper.keeper import Keeper


@pytest.fixture
def string() -> str:
    return as_string(new_session())


def adopted(keeper: Keeper, path: Path, string: str) -> Path:
    path.write_text(string)
    path.chmod(0o600)
    adopt(keeper, path, Terms(name="bot"))
    return path


def test_a_string_in_the_place_of_a_file_is_refused_and_not_repeated(call: Run, string: str) -> None:
    said = call("adopt", string)
    assert said.code == 2
    assert string not in said.out + said.err


@pytest.mark.parametrize(
    "words",
    [(), ("--undo",), ("--undo", "--forget", "x"), ("a.session", "b.session", "--as", "x"), ("no-such.session",)],
)
def test_what_cannot_be_meant_is_refused(call: Run, words: tuple[str, ...]) -> None:
    said = call("adopt", *words)
    assert said.code == 2
    assert "→" in said.err


def test_the_list_of_a_home_without_a_vault_is_empty(call: Run) -> None:
    assert call("adopt", "--list", "--json").json == {"adopted": []}
    assert call("adopt", "--list").out == "No file was adopted.\n"


def test_the_list_says_what_every_file_holds_now_and_what_to_do(
    call: Run, keeper: Keeper, world: Path, string: str
) -> None:
    path = adopted(keeper, world / "bot.txt", string)
    loan = path.read_text()

    def listed() -> tuple[str, str | None]:
        (found,) = call("adopt", "--list", "--json").json["adopted"]
        assert found["path"] == str(path) and found["sessions"][0]["name"] == "bot"
        return found["state"], found["remedy"]

    assert listed() == ("adopted", None)
    path.write_text(string)
    assert listed()[0] == "real key"
    path.write_text("nothing")
    assert listed()[0] == "changed"
    path.unlink()
    assert listed()[0] == "gone"
    path.write_text(loan)
    path.chmod(0o600)
    said = call("adopt", "--undo", "bot.txt")
    assert said.code == 0 and "outside" not in said.out and "real key" in said.err
    assert listed()[0] == "returned"
    told = call("adopt", "--list")
    assert "bot.txt" in told.out and string not in told.out and loan not in told.out


def test_status_says_that_a_key_is_away(call: Run, keeper: Keeper, world: Path, string: str) -> None:
    adopted(keeper, world / "bot.txt", string)
    keep(keeper, "other")
    assert "adopt" not in call("status").out
    call("adopt", "--undo", "bot.txt")
    facts = {each["name"]: each["level"] for each in call("status", "--json").json["sessions"]}
    assert facts == {"bot": "away", "other": "recent"}
    assert "outside telekeep's control" in call("status", "bot").out
    said = call("adopt", "--forget", "bot.txt")
    assert said.code == 6, "the file holds the key still"
    (world / "bot.txt").unlink()
    assert call("adopt", "--forget", "bot.txt").code == 0
    assert "outside" not in call("status", "bot").out


def test_nothing_that_is_said_holds_a_secret(call: Run, keeper: Keeper, world: Path, string: str) -> None:
    path = adopted(keeper, world / "bot.txt", string)
    loan = path.read_text()
    for words in (("--list",), ("--list", "--json"), ("--undo", "bot.txt", "--json"), ("--undo", "bot.txt")):
        said = call("adopt", *words)
        assert said.code == 0
        for secret in (string, loan, string[20:-20], loan[20:-20]):
            assert secret not in said.out + said.err
    assert json.loads(call("adopt", "--undo", "bot.txt", "--json").out)["files"][0]["done"] is False
