"""`telekeep archive` as people and programs type it."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.helpers import Run
from stories.borrowing.lending import Lending, until
from telekeep.cli.archive.showing import progress
from telekeep.cli.demo.stage import Stage, first_line
from telekeep.keeper import deadline
from telekeep.testing.contracts.archives import BOB, CHATS, GROUP, batch, message, opened
from telekeep.work.archive import verbs
from telekeep.work.archive.rows import Gone, Person, Put
from telekeep.work.archive.stores.sqlite import SqliteStore
from telekeep.work.archive.terms import Report, Terms

DAY = 86_400


@pytest.fixture
def kept(world: Path) -> Path:
    """An archive with two chats, in the current folder."""
    path = world / "archive.db"
    with opened(lambda: SqliteStore(path)) as store:
        rows = [
            message(1, "A red balloon", date=DAY * 20_000),
            message(2, '*two*\nlines, "quoted"', date=DAY * 20_000 + 60, edited_at=DAY * 20_000 + 90),
            message(3, date=DAY * 20_001, media="photo")._replace(text=""),
            message(4, "deleted", date=DAY * 20_001),
            message(5, "red in the group", chat=GROUP, date=DAY * 20_002),
        ]
        people = {BOB: Person(BOB, "Bob B.", "bob")}
        store.commit(batch(Put(rows), Gone(BOB, [4]), chats=CHATS, people=people))
    return path


@pytest.mark.usefixtures("kept")
def test_search_finds_and_says_where(call: Run) -> None:
    said = call("archive", "search", "red")
    assert said.code == 0 and len(said.out.splitlines()) == 2
    assert said.out.splitlines()[1].endswith("Bob  Bob B.: A red balloon")
    found = call("archive", "search", "red", "balloon", "--json").json["messages"]
    assert [(each["chat_id"], each["id"], each["chat"], each["sender"]) for each in found] == [
        (BOB, 1, "Bob", "Bob B.")
    ]
    assert [each["id"] for each in call("archive", "search", "red", "--chat", "-5", "--json").json["messages"]] == [5]
    nothing = call("archive", "search", "balloons of lead")
    assert nothing.code == 1 and "No message holds" in nothing.out
    assert call("archive", "search").code == 2
    assert call("archive", "search", "\udcff").code == 1, "no text, as the system hands it over"
    unknown = call("archive", "search", "red", "--chat", "@nobody")
    assert unknown.code == 6 and "archive stats" in unknown.err


@pytest.mark.usefixtures("kept")
def test_stats_count_and_draw(call: Run) -> None:
    said = call("archive", "stats")
    lines = said.out.splitlines()
    assert lines[0] == "4 messages in 4 chats, 0 files."
    assert lines[1].split() == ["Bob", "42", "3", "(not", "back", "to", "the", "first)"]
    chart = lines[lines.index("") + 1 :]
    assert [(line.split()[0], line.split()[-1]) for line in chart] == [
        ("2024-10-04", "2"),
        ("2024-10-05", "1"),
        ("2024-10-06", "1"),
    ]
    assert len(chart[0].split()[1]) == 2 * len(chart[1].split()[1])
    assert call("archive", "stats", "--json").json["days"][0] == ["2024-10-04", 2]


@pytest.mark.usefixtures("kept")
def test_an_export_holds_every_message(call: Run, world: Path) -> None:
    found = json.loads(call("archive", "export", "--to", "json").out)
    assert [(each["chat_id"], each["id"]) for each in found] == [(GROUP, 5), (BOB, 1), (BOB, 2), (BOB, 3)]
    rows = list(csv.DictReader(io.StringIO(call("archive", "export", "--to", "csv", "--chat", "bob", "--deleted").out)))
    assert [(row["id"], row["text"]) for row in rows] == [
        ("1", "A red balloon"), ("2", '*two*\nlines, "quoted"'), ("3", ""), ("4", "deleted"),
    ]  # fmt: skip
    page = call("archive", "export", "--to", "markdown", "--chat", "bob").out
    assert page.startswith("# Bob\n\n## 2024-10-04\n\n- 00:00 **Bob B.**: A red balloon\n")
    assert "\\*two\\*" in page and "*(edited)*" in page and "*photo*" in page and "deleted" not in page
    said = call("archive", "export", "--to", "json", "--out", "all.json", "--json")
    assert said.json["file"] == "all.json" and json.loads((world / "all.json").read_text()) == found
    assert (world / "all.json").stat().st_mode & 0o777 == 0o600
    assert call("archive", "export", "--to", "csv", "--out", "all.json").code == 2
    assert json.loads((world / "all.json").read_text()) == found


def test_what_cannot_be_is_said_in_words(call: Run, world: Path) -> None:
    assert call("archive", "historical", "main").code == 2
    secret = call("archive", "historical", "main", "@news", "--to", "postgresql://ada:hunter2@db/x")
    assert secret.code == 2 and "hunter2" not in secret.out + secret.err and "PGPASSWORD" in secret.err
    assert call("archive", "historical", "main", "@news", "--since", "yesterday").code == 2
    assert call("archive", "historical", "main", "@news", "--limmit", "5").code == 2
    assert call("archive", "stats").code == 6, "no archive is made by looking for one"
    assert list(world.glob("*.db")) == []
    assert "historical" in call("archive").out and call("archive", "historic").code == 2
    for verb in ("historical", "monitor", "test", "search", "stats", "export"):
        assert "Example" in call("archive", verb, "--help").out


def test_looking_has_the_deadline_of_test(call: Run, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    async def looked(terms: Terms, report: Report, *, timeout: float) -> None:
        given.append(timeout)

    monkeypatch.setattr(verbs, "test", looked)
    call("archive", "test", "main", "@news")
    call("archive", "test", "main", "@news", "--timeout", "2")
    assert given == [deadline.SECONDS, 2.0] and call("archive", "test", "main", "@news", "--timeout", "0").code == 2


def test_progress_says_messages_rate_and_what_remains() -> None:
    assert progress(Report(fetched=12_300, left={1: 3_000, 2: 1_100}), 6.0) == (
        "12,300 messages, 2,050/s, about 4,100 left, 2 s"
    )
    assert progress(Report(live=7, is_live=True), 6.0) == "0 messages, 7 as they came"


# ---- as processes, beside an emulator

PHONE, CODE = "9996623456", "22222"
FRIENDS = ("Grace", "Alan", "Edsger")  # one of them writes on command


@pytest.fixture
def lending() -> Iterator[Lending]:
    with Stage() as stage:
        first_line(stage.start("-m", "telekeep", "emulator", "serve", "--network-file", str(stage.network)))
        with Lending(stage) as lending:
            lending.telegram("account", phone=PHONE, messages=240)
            lending.ok("auth", "main", "--phone", PHONE, "--code", CODE)
            yield lending


def test_the_whole_of_it_from_the_command_line(lending: Lending) -> None:
    """No daemon runs at first; a group's negative id needs no --; a monitor ends in order, and says what it kept."""
    said = json.loads(lending.telekeep("archive", "test", "main", "-5001", "Grace", "--json").out)
    assert said["status"] == "success" and [each["kind"] for each in said["chats"]] == ["group", "user"], said
    first = lending.telekeep("archive", "historical", "main", "-5001", "Grace", "--limit", "5", "--json")
    told = json.loads(first.out)
    assert (first.code, told["status"], told["fetched"], told["complete"]) == (0, "success", 10, True), first
    unknown = lending.telekeep("archive", "historical", "main", "@nobody_at_all", "--json")
    assert (unknown.code, json.loads(unknown.out)["status"]) == (6, "no_channels")
    listening = lending.stage.start("-m", "telekeep", "archive", "monitor", "main", *FRIENDS, "--json")
    store = lending.folder / "archive.db"

    def kept(text: str) -> bool:
        with opened(lambda: SqliteStore(store, reading=True), writing=False) as found:
            return bool(found.search(text))

    sent = iter(range(1000))

    def comes() -> bool:
        number = next(sent)
        lending.telegram("send", to=PHONE, text=f"live{number}")
        return kept(f"live{max(0, number - 3)}")

    until(comes)
    second = lending.telekeep("archive", "historical", "main", "Grace", "--json")
    assert (second.code, json.loads(second.out)["status"]) == (3, "skipped_safety"), second
    listening.send_signal(signal.SIGTERM)
    ended = lending.stage.finish(listening)
    assert ended.code == 0 and json.loads(ended.out)["live"] > 0, ended
    lending.telegram("fault", kind="flood", method="messages.getHistory", seconds=79_200)
    limited = lending.telekeep("archive", "historical", "main", "Grace", "--json")
    told = json.loads(limited.out)
    assert (limited.code, told["status"], told["error"]) == (4, "rate_limited", "FloodWait"), limited
    assert told["seconds"] > 79_000 and told["until"] > told["timestamp"]
    assert lending.ok("archive", "search", "message")
    lending.check()
