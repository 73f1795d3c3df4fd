"""Programs as their authors wrote them, a loan in place of their own session, all at the same time on one account."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.pictures import png
from stories.borrowing.lending import Lending, line
from telekeep.cli.demo.stage import Stage

GRACE, GRACE_CODE = "9996627777", "22222"


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    """`main` is kept at home; Grace, whom it can write to, is at another."""
    with Lending(kept) as lending:
        lending.telegram("account", phone=GRACE, first_name="Grace", username="grace")
        lending.ok("auth", "grace", "--phone", GRACE, "--code", GRACE_CODE, home="graces")
        yield lending


def _on_a_loan(lending: Lending, program: str, *words: str | Path) -> subprocess.Popen[str]:
    return lending.start(program, *words, environ={"SESSION": lending.lend("main", "--as", program)})


def test_six_unmodified_programs_live_on_one_session(lending: Lending, tmp_path: Path) -> None:
    grace = lending.start("partner.py", home="graces")
    _, file = line(grace).split()
    bots = {each: _on_a_loan(lending, each, *words) for each, words in
            (("echo_bot.py", ()), ("forwarder.py", ()), ("downloader.py", (tmp_path,)))}  # fmt: skip
    for bot in bots.values():
        assert line(bot) == "ready"
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(png(number * 10, 10))
    conversation = _on_a_loan(lending, "conversation.py")
    album = _on_a_loan(lending, "album.py", tmp_path / "1.png", tmp_path / "2.png")
    script = _on_a_loan(lending, "synchronous.py")

    said = lending.stage.finish(conversation)
    assert (said.code, said.out) == (0, "Grace|notes.bin|/echo hello to all|forward this, please"), said
    said = lending.stage.finish(album)
    assert (said.code, said.out) == (0, "2 1"), said
    said = lending.stage.finish(script)
    assert (said.code, said.out.splitlines()[1:]) == (0, ["['a better note']", "True"]), said
    assert line(bots["forwarder.py"]) == "forwarded forward this, please"
    saved = Path(line(bots["downloader.py"]).removeprefix("saved "))
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == file
    heard = [line(grace).split("|") for _ in range(7)]
    assert sorted(each[-1] for each in heard) == sorted([
        "What is your name?", "Grace, do you have a file for me?", "Please tell the echo bot to say hello.",
        "hello to all", "Please have something forwarded.", "from my holidays", "",
    ])  # fmt: skip
    pictures = [each for each in heard if each[3] == "True"]
    assert len(pictures) == 2 and pictures[0][2] == pictures[1][2] != "-", pictures
    lending.check()
    for name, bot in bots.items():
        assert bot.poll() is None, (name, bot.communicate())
    assert os.path.commonpath([saved, tmp_path]) == str(tmp_path)
