"""What goes to standard output, what to standard error, and what is never printed."""

from __future__ import annotations

import io
import json
import os
import sys
import time

import pytest

from telekeep.cli import output
from telekeep.cli.arguments import looks_secret, refuse_string, withheld
from telekeep.cli.command import Usage
from telekeep.cli.output import Output, coloured, moment, since, size, style, wrapped
from telekeep.cli.shelf import table
from telekeep.errors import FloodWait

STRING = "1" + "ApWapzMBuzZ" * 32


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_words_are_left_out_with_json_and_quiet_and_data_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    for out in (Output(json=True), Output(quiet=True)):
        out.words("hello")
        out.note("aside")
    Output(quiet=True).data({"n": 1}, ["one"])
    Output(json=True).data({"n": 1}, ["one"])
    assert capsys.readouterr() == ('one\n{"n": 1}\n', "")


def test_warnings_are_always_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    for out in (Output(), Output(json=True), Output(quiet=True)):
        out.warn("careful")
    assert capsys.readouterr() == ("", "careful\n" * 3)


def test_colours_are_for_terminals_whose_owner_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert style("x", "good", Terminal()) == "\x1b[32mx\x1b[0m"
    assert style("x", "good", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not coloured(Terminal())


def _patient(seconds: float | None, out: Output, *, at_most: float = 30.0) -> None:
    """Something that takes until it has said so, or ``at_most`` so many seconds."""
    with out.progress("Asking Telegram", patience=seconds):
        deadline = time.monotonic() + at_most
        while time.monotonic() < deadline and not sys.stderr.getvalue():  # type: ignore[attr-defined]  # a StringIO
            time.sleep(0.005)


def test_what_takes_long_says_so_and_what_does_not_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    _patient(60, Output(), at_most=0.1)
    _patient(0.01, Output(quiet=True), at_most=0.3)
    _patient(0.01, Output(json=True), at_most=0.3)
    assert said.getvalue() == ""
    _patient(0.01, Output())
    assert said.getvalue() == "… Asking Telegram\n"


def test_on_a_terminal_progress_is_a_spinner_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    said = Terminal()
    monkeypatch.setattr(sys, "stderr", said)
    _patient(0.01, Output())
    assert "Asking Telegram" in said.getvalue()
    assert said.getvalue().endswith("\x1b[2K"), "the line is erased at the end"


class Wide(Terminal):
    """A terminal of 40 columns."""

    def fileno(self) -> int:
        return 99


@pytest.fixture
def forty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size((40, 20)))


PROSE = "From now on let telekeep alone use this key, or run `telekeep auth another --replace --yes` to log in."


def test_prose_is_broken_between_words_at_a_terminal_and_left_alone_elsewhere(forty) -> None:
    lines = wrapped([PROSE, ""], Wide())
    assert all(len(line) <= 40 for line in lines) and lines[-1] == "" and len(lines) > 3
    assert " ".join(lines).strip() == PROSE
    assert any("`telekeep auth another --replace --yes`" in line for line in lines), "a command can be copied"
    assert wrapped([PROSE], io.StringIO()) == [PROSE]


def test_what_is_longer_than_a_line_is_indented_below_its_mark(forty) -> None:
    first, *rest = wrapped([f"→ {PROSE}"], Wide())
    assert first.startswith("→ From") and rest and all(line.startswith("  ") for line in rest)


def test_a_terminal_that_does_not_know_its_width_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size((0, 0)))
    assert wrapped([PROSE], Wide()) == [PROSE]


def test_tables_and_secrets_are_never_broken(forty, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Wide()
    monkeypatch.setattr(sys, "stdout", said)
    Output().secret(STRING)
    Output().words("a" * 30 + " " + "b" * 30)
    assert said.getvalue().splitlines() == [STRING, "a" * 30 + " " + "b" * 30]


@pytest.mark.parametrize(
    ("seconds", "words"), [(30, "30 s"), (900.5, "15 min"), (79_200, "22.0 h"), (1.3e6, "15 days")]
)
def test_long_waits_are_told_in_minutes_hours_and_days(seconds: float, words: str) -> None:
    assert f"wait {words} before the next" in FloodWait(seconds=seconds).message


def test_patience_is_two_seconds_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.PATIENCE == 2.0
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    monkeypatch.setattr(output, "PATIENCE", 0.01)
    _patient(None, Output())
    assert said.getvalue() == "… Asking Telegram\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86_399, "23 h"), (86_400, "1 day"),
     (2 * 86_400, "2 days")],
)  # fmt: skip
def test_spans_are_told_in_one_unit(seconds: float, words: str) -> None:
    assert since(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000, "2.0 MB"), (5_400_000_000, "5400.0 MB")],
)
def test_sizes_can_be_read(count: int, words: str) -> None:
    assert size(count) == words


def test_a_moment_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        assert moment(0) == "1970-01-01 00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_strings_are_told_from_names_and_paths() -> None:
    assert looks_secret(STRING) and looks_secret(f"'{STRING}'") and looks_secret(STRING[:80])
    for harmless in ("main", "a" * 64, "+15551234567", "/tmp/" + "folder/" * 20 + "bot.session", "no such command"):
        assert not looks_secret(harmless), harmless
        assert withheld(harmless) == harmless
    assert withheld(f"No such option: --{STRING} here") == "No such option: … here"


def test_a_refused_string_is_not_repeated() -> None:
    with pytest.raises(Usage) as caught:
        refuse_string(STRING, how="Use - instead.")
    assert STRING[:20] not in str(caught.value) and caught.value.remedy == "Use - instead."


def test_what_a_stranger_wrote_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    title = "\x1b]0;mine\a\x1b[2J\x9b2J\r\u202eup 👩\u200d🚀 \udcff"
    shown = "?]0;mine??[2J?2J??up 👩\u200d🚀 ?"
    Output().data({}, [title, style("ours", "good", Terminal())])
    Output().words(title)
    Output().warn(title)
    Output().note(title)
    Output().error({"message": title, "remedy": title})
    out, err = capsys.readouterr()
    assert out.splitlines() == [shown, style("ours", "good", Terminal()), shown]
    assert err.splitlines() == [shown, shown, f"✗ {shown}", f"→ {shown}"]


def test_as_json_a_stranger_s_words_are_whole_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    title = "\x1b[2J\x9b2J\u202eé👩\u200d🚀\udcff"
    Output(json=True).data({"title": title})
    out = capsys.readouterr().out
    assert json.loads(out) == {"title": title}
    assert out == '{"title": "\\u001b[2J\\u009b2J\\u202eé👩\u200d🚀\\udcff"}\n'


def test_a_table_has_one_line_for_each_row() -> None:
    assert table([("ID", "WHO"), ("1", "a\nthis  you")]) == ["ID  WHO", "1   a this  you"]
