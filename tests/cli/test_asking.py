"""Questions are asked at a terminal or not at all (X-3)."""

from __future__ import annotations

import getpass
import io
import sys
from pathlib import Path

import click
import pytest

from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, Usage
from telekeep.cli.passphrase import passphrase
from telekeep.errors import ConfigError


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


class Pipe(io.StringIO):
    def read(self, *_: object) -> str:
        raise AssertionError("standard input is no terminal and must not be read")

    readline = read  # type: ignore[assignment]  # both are refused alike


def test_yes_at_the_terminal_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for answer in ("y\n", "YES\n"):
        monkeypatch.setattr(sys, "stdin", Keyboard(answer))
        confirm(Invocation(), "Really?")
    assert capsys.readouterr() == ("", "Really? [y/N] " * 2)


@pytest.mark.parametrize("answer", ["\n", "n\n", "", "yeah\n"])
def test_any_other_answer_stops(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    with pytest.raises(click.Abort):
        confirm(Invocation(), "Really?")


def test_without_a_terminal_nothing_is_read_and_yes_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Pipe("y\n"))
    with pytest.raises(Usage) as caught:
        confirm(Invocation(), "Really?")
    assert "--yes" in (caught.value.remedy or "")
    confirm(Invocation(yes=True), "Really?")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TELEKEEP_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr(sys, "stdin", Keyboard())

    def answers(*given: str) -> None:
        left = list(given)
        monkeypatch.setattr(getpass, "getpass", lambda *_, **__: left.pop(0))

    return answers


def test_a_new_passphrase_is_asked_for_twice_and_an_old_one_once(typed) -> None:
    typed("correct horse", "correct horse", "correct horse")
    made = passphrase(new=True).make("vault", fresh=True)
    (master,) = passphrase(new=False).masters("vault", made.parameters)
    assert master == made.material


def test_passphrases_that_differ_are_asked_for_again_three_times_in_all(typed) -> None:
    typed("correct horse", "correct hearse", "correct horse", "correct horse")
    assert passphrase(new=True).make("vault", fresh=True).material
    typed(*("correct horse", "correct hearse") * 3)
    with pytest.raises(ConfigError, match="differ"):
        passphrase(new=True).make("vault", fresh=True)


def test_a_short_passphrase_is_taken_with_a_warning(typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed("horse", "horse", "long enough", "long enough")
    assert passphrase(new=True).make("vault", fresh=True).material
    warning = capsys.readouterr().err
    assert "soon guessed" in warning and "horse" not in warning
    passphrase(new=True).make("vault", fresh=True)
    assert capsys.readouterr().err == ""


def test_nothing_is_asked_before_the_key_is_needed(typed) -> None:
    typed()
    passphrase(new=False)


def test_without_a_terminal_a_passphrase_comes_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", Pipe())
    monkeypatch.delenv("TELEKEEP_PASSPHRASE_FILE", raising=False)
    with pytest.raises(ConfigError) as caught:
        passphrase(new=True).make("vault", fresh=True)
    assert "TELEKEEP_PASSPHRASE_FILE" in (caught.value.remedy or "")
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(file))
    assert passphrase(new=True).make("vault", fresh=True).material


def test_the_file_is_used_at_a_terminal_too(typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    typed()
    file = tmp_path / "passphrase"
    file.write_text("correct horse")
    file.chmod(0o600)
    monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(file))
    assert passphrase(new=True).make("vault", fresh=True).material
