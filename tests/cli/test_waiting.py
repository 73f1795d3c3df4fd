"""A wait that is waited out is seen where a person watches, and said in one line where nobody does."""

from __future__ import annotations

import asyncio
import getpass
import io
import re
import sys
import time

import pytest

from telekeep.cli.output import Output
from telekeep.cli.passphrase import typed
from telekeep.cli.waiting import Waits, worded
from telekeep.clock import SystemClock
from telekeep.events import Events, WaitingOut, WaitOver
from telekeep.pace.waiting import wait_out
from telekeep.testing.fakes import ManualClock

PHONE, CODE = "9996621234", "22222"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    said = Terminal()
    monkeypatch.setattr(sys, "stderr", said)
    return said


def waited(out: Output, seconds: float, clock: SystemClock | ManualClock) -> None:
    events = Events()
    events.listen(Waits(out))
    asyncio.run(wait_out(events, clock, "main", "users.getUsers", seconds, clock.wall() + seconds))


class Elsewhere(ManualClock):
    """Where a wait takes no time."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def test_one_plain_line_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    waited(Output(), 42, Elsewhere(wall=1.0))
    assert capsys.readouterr() == ("", "… waiting 42 s for Telegram (users.getUsers)\n")


@pytest.mark.parametrize("options", [{"json": True}, {"quiet": True}])
def test_nothing_where_it_is_not_wanted(options: dict[str, bool], capsys: pytest.CaptureFixture[str]) -> None:
    waited(Output(**options), 42, Elsewhere(wall=1.0))
    assert capsys.readouterr() == ("", "")


def test_nothing_for_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    waited(Output(), 1.9, Elsewhere(wall=1.0))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_has_a_line_that_counts_down_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    events = Events()
    events.listen(Waits(Output()))
    events.report(WaitingOut("main", 0.0, "users.getUsers", 60.0, 60.0))
    first, second, *_ = until_shown(terminal, r"waiting (\d+) s for Telegram \(users\.getUsers\)", times=2)
    assert 60 >= int(first) > int(second), terminal.getvalue()
    events.report(WaitOver("main", 0.0, "users.getUsers"))
    assert terminal.getvalue().endswith("\x1b[2K")


def test_whatever_goes_on_besides_is_shown_again_when_the_wait_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    out = Output()
    with out.progress("Asking Telegram", patience=0.0):
        until_shown(terminal, "Asking Telegram")
        events = Events()
        events.listen(Waits(out))
        events.report(WaitingOut("main", 0.0, "users.getUsers", 42, 42.0))
        until_shown(terminal, r"waiting \d+ s for Telegram")
        events.report(WaitOver("main", 0.0, "users.getUsers"))
        terminal.truncate(terminal.seek(0))
        until_shown(terminal, "Asking Telegram")
    assert terminal.getvalue().endswith("\x1b[2K")


def test_nothing_is_drawn_over_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)

    def ask(question: str, **_: object) -> str:
        at = len(terminal.getvalue())
        terminal.write(question)
        with Output().progress("Waiting for somebody else", patience=0.0):
            time.sleep(0.5)  # several times as long as from one drawing to the next
        assert terminal.getvalue()[at:] == question
        return "correct horse"

    monkeypatch.setattr(getpass, "getpass", ask)
    with Output().progress("Backing up", patience=0.0):
        until_shown(terminal, "Backing up")
        assert typed(new=False) == "correct horse"
        terminal.truncate(terminal.seek(0))
        until_shown(terminal, "Backing up")
    assert terminal.getvalue().endswith("\x1b[2K")


def until_shown(terminal: Terminal, words: str, *, times: int = 1) -> list[str]:
    """All different things that are shown and match ``words``, in order, as soon as there are so many.

    The line is drawn by a thread of its own, several times a second where the machine is not busy.
    """
    end = time.monotonic() + 30
    while len(found := list(dict.fromkeys(re.findall(words, terminal.getvalue())))) < times:
        assert time.monotonic() < end, terminal.getvalue()
        time.sleep(0.01)
    return found


def test_a_wait_that_is_given_up_leaves_no_line_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    events = Events()
    events.listen(Waits(Output()))

    async def given_up() -> None:
        async with asyncio.timeout(0.1):
            await wait_out(events, SystemClock(), "main", "users.getUsers", 50, 0.0)

    with pytest.raises(TimeoutError):
        asyncio.run(given_up())
    assert terminal.getvalue().endswith("\x1b[2K")


def test_words() -> None:
    assert worded(42.4, "users.getUsers") == "waiting 42 s for Telegram (users.getUsers)"
    assert worded(-1, "") == "waiting 0 s for Telegram"


@pytest.fixture
def kept(served, call, monkeypatch: pytest.MonkeyPatch):
    """A session called main, logged in on the emulator."""
    monkeypatch.setenv("TELEKEEP_NETWORK", "net.toml")
    assert call("emulator", "account", "--phone", PHONE).code == 0
    assert call("auth", "main", "--phone", PHONE, "--code", CODE).code == 0
    return call


@pytest.mark.parametrize("owned", [False, True], ids=["alone", "through the daemon"])
def test_a_short_flood_is_waited_out_by_a_command(kept, process, owned: bool) -> None:
    if owned:
        assert process("lend", "main").code == 0
    try:
        assert kept("emulator", "fault", "flood", "--method", "users.getUsers", "--seconds", "3").code == 0
        said = kept("test", "main")
        assert said.code == 0 and said.out.startswith("✓ Session is valid"), said
        assert "… waiting 3 s for Telegram (users.getUsers)\n" in said.err
    finally:
        process("daemon", "stop")


def test_how_long_is_set(kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEKEEP_FLOOD_SECONDS", "2")
    assert kept("emulator", "fault", "flood", "--method", "users.getUsers", "--seconds", "3").code == 0
    said = kept("test", "main")
    assert said.code == 4 and said.err == "", said
