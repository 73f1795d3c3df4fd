"""One process speaks with the key, whoever starts, stops, kills, copies or steals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stories.borrowing.lending import Lending, line, until
from stories.conftest import PHONE
from telekeep.cli.demo.stage import Stage


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending
        lending.check()


def _ask(lending: Lending, *words: str, home: str = "home", session: str = "") -> str:
    said = lending.run("asker.py", *words, home=home, environ={"SESSION": session})
    assert said.code == 0, said
    return said.out


# ---- the daemon comes and goes


def test_ten_programs_that_start_at_once_make_one_daemon_and_one_connection(lending: Lending) -> None:
    before = lending.stats()
    programs = [lending.start("asker.py") for _ in range(10)]
    said = [lending.stage.finish(each).out for each in programs]
    assert len(set(said)) == 1 and said[0].startswith("as "), said
    seen = lending.stats()
    assert seen["connections"] - before["connections"] == 1
    assert (seen["handshakes"], seen["logins"]) == (before["handshakes"], before["logins"])
    assert lending.log().count(" serving (pid ") == 1
    second = lending.telekeep("daemon", "start", "--foreground")
    assert second.code == 3 and f"pid {lending.daemon()}" in second.err, second
    assert lending.stats()["connections"] == seen["connections"]


def test_programs_go_on_over_a_restart_without_code_of_their_own_and_nothing_happens_twice(lending: Lending) -> None:
    steady = {
        "one": lending.start("steady.py", "telekeep", "one"),
        "two": lending.start("steady.py", "string", "two", environ={"SESSION": lending.lend()}),
    }
    heard: dict[str, list[str]] = {
        name: list(iter(lambda each=each: line(each), "ready")) for name, each in steady.items()
    }
    lending.telegram("send", to=PHONE, text="before", count=3)
    pid = lending.daemon()
    lending.ok("daemon", "restart")
    assert lending.daemon() not in (None, pid)
    lending.telegram("send", to=PHONE, text="after", count=3)
    lending.kill_daemon()
    lending.telegram("send", to=PHONE, text="nobody is there", count=3)
    lending.ok("daemon", "start")
    lending.telegram("send", to=PHONE, text="last", count=1)
    for name, other in (("one", "two"), ("two", "one")):
        while not _heard_enough(heard[name], other):
            heard[name].append(line(steady[name]))
            assert heard[name][-1].startswith("heard|"), (heard[name], steady[name].communicate())
    for name, each in steady.items():
        each.send_signal(signal.SIGTERM)
        said = lending.stage.finish(each)
        assert said.code == 0, said
        *more, stopped = said.out.splitlines()
        assert stopped.startswith("stopped|"), said
        heard[name] += more
    history = Counter(
        text for _, _, text in (each.partition(" ") for each in lending.run("history.py").out.splitlines())
    )
    mine = {text: count for text, count in history.items() if text.startswith(("one ", "two "))}
    assert len(mine) >= 2 and set(mine.values()) == {1}, mine
    for name, lines in heard.items():
        ids = [int(each.split("|")[1]) for each in lines]
        assert ids == sorted(set(ids)), (name, lines)
        told = Counter(each.split("|")[2] for each in lines)
        assert (told["before"], told["after"], told["nobody is there"], told["last"]) == (3, 3, 3, 1), (name, lines)


def _heard_enough(lines: list[str], other: str) -> bool:
    """Up to the end, and enough of the other that calls went on after it."""
    last = next((index for index, each in enumerate(lines) if each.endswith("|last")), None)
    return last is not None and any(f"|{other} " in each for each in lines[last:])


@pytest.mark.parametrize("kind", ["telekeep", "string"])
def test_what_may_have_been_carried_out_is_not_repeated_when_the_owner_is_killed(lending: Lending, kind: str) -> None:
    """Six groups are being made when it happens; Telegram goes on with what it has."""
    session = lending.lend()
    titles = [f"group {number}" for number in range(6)]
    lending.telegram("fault", kind="delay", method="messages.createChat", seconds=3.0, times=len(titles))
    maker = lending.start("maker.py", kind, *titles, environ={"SESSION": session}, stdin=subprocess.PIPE)
    assert line(maker) == "ready" and maker.stdin is not None
    before = lending.stats()["rpc"]
    maker.stdin.write("go on\n")
    maker.stdin.flush()
    until(lambda: lending.stats()["rpc"] >= before + len(titles))  # they are there, and wait
    lending.kill_daemon()
    lending.ok("daemon", "start")
    said = lending.stage.finish(maker)
    assert said.code == 0, said
    became = dict(each.split("|") for each in said.out.splitlines())
    assert set(became) == set(titles), said
    assert set(became.values()) <= {"done", "400 MAYBE_DONE"} and "400 MAYBE_DONE" in became.values(), became

    def made() -> Counter[str] | None:
        found = Counter(lending.run("groups.py").out.splitlines())
        return found if set(titles) <= set(found) else None  # what was under way at Telegram happens yet

    groups = until(made)
    for title in titles:
        assert groups[title] == 1, f"{title} was made {groups[title]} times; {became}"


# ---- others who want the key


def test_direct_use_takes_over_from_an_idle_daemon_which_takes_it_back_for_its_loans(lending: Lending) -> None:
    session = lending.lend()
    me = _ask(lending, "main", "direct")
    assert me.startswith("as "), me
    listener = lending.start("steady.py", "telekeep", "one")
    assert line(listener) == "ready"
    until(lambda: [each for each in _borrowers(lending) if each["pid"] == listener.pid])
    refused = _ask(lending, "main", "direct")
    assert refused.startswith("SessionBusy|") and str(listener.pid) in refused and "steady.py" in refused, refused
    listener.send_signal(signal.SIGTERM)
    lending.stage.finish(listener)
    assert _ask(lending, "main", "direct") == me
    until(lambda: lending.owned() == ["main"])
    assert _ask(lending, "main", "string", session=session) == me


def _borrowers(lending: Lending) -> list[dict[str, Any]]:
    return [each for loan in lending.loans() for each in loan["borrowers"]]


def test_a_copy_of_the_whole_home_gets_no_second_connection(lending: Lending) -> None:
    assert _ask(lending).startswith("as ")
    before = lending.stats()["connections"]
    pid = lending.daemon()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # what is copied while it is written is no whole copy
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    for name in ("", ".key", ".state"):
        shutil.copytree(lending.folder / f"home{name}", lending.folder / f"copy{name}", ignore=lambda _, names: {"run"})
    os.kill(pid, signal.SIGCONT)
    for words in (("main",), ("main", "direct")):
        said = _ask(lending, *words, home="copy")
        assert said.startswith("SessionBusy|") and str(pid) in said, said
    assert lending.stats()["connections"] == before
    assert _ask(lending).startswith("as ")


@pytest.mark.parametrize("kind", ["telethon-string", "telethon-sqlite"])
def test_a_stolen_session_is_refused_while_the_owner_has_it(lending: Lending, kind: str) -> None:
    stolen = str(lending.folder / "stolen")
    lending.ok("export", "main", "--to", kind, "--out", stolen, "--yes")
    lending.ok("import", stolen, "--as", "mine", home="thiefs")
    assert _ask(lending).startswith("as ")
    before = lending.stats()["connections"]
    pid = lending.daemon()
    said = lending.telekeep("import", stolen, "--as", "again", home="thiefs")
    assert said.code == 3 and str(pid) in said.err, said
    for words in (("mine",), ("mine", "direct")):
        answer = _ask(lending, *words, home="thiefs")
        assert answer.startswith("SessionBusy|") and str(pid) in answer, answer
    said = lending.telekeep("test", "mine", "--json", home="thiefs")
    assert (said.code, json.loads(said.out)["error"]) == (3, "SessionBusy"), said
    assert lending.stats()["connections"] == before


# ---- the end of a loan


def test_a_loan_that_has_ended_says_so_and_is_never_taken_for_a_dead_login(lending: Lending) -> None:
    before = lending.stats()["codes_sent"]
    revoked, short, left = (lending.lend("main", "--as", each, "--for", span)
                            for each, span in (("revoked", "8h"), ("short", "1s"), ("left", "8h")))  # fmt: skip
    me = _ask(lending, "main", "string", session=left)
    assert me.startswith("as ")
    running = lending.start("steady.py", "string", "one", environ={"SESSION": revoked})
    assert line(running) == "ready"
    lending.ok("loans", "revoke", "revoked")
    said = lending.stage.finish(running)
    assert said.code != 0 and "LOAN_REVOKED" in said.err, said
    assert "LOAN_REVOKED" in _ask(lending, "main", "string", session=revoked)
    until(lambda: {each["label"]: each["state"] for each in lending.loans()}["short"] == "expired")
    assert "LOAN_EXPIRED" in _ask(lending, "main", "string", session=short)
    assert _ask(lending, "main", "string", session=left) == me, "one loan's end is not another's"
    lending.ok("daemon", "stop")
    assert _ask(lending, "main", "string", session=left).startswith("ConnectionError|")
    lending.ok("daemon", "start")
    until(lambda: lending.owned() == ["main"])
    assert "LOAN_REVOKED" in _ask(lending, "main", "string", session=revoked), "forgotten over a restart"
    assert _ask(lending, "main", "string", session=left) == me
    assert lending.stats()["codes_sent"] == before
