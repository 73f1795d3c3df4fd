from __future__ import annotations

import math
from pathlib import Path

import pytest

from telekeep.errors import ConfigError
from telekeep.paths import Home
from telekeep.work.jobs import table
from telekeep.work.jobs.job import make
from telekeep.work.jobs.memory import FRESH, Memories, Memory
from telekeep.work.jobs.schedule import ALWAYS, Schedule


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home", tmp_path / "key", tmp_path / "state")


def test_a_job_comes_back_as_it_was_written_down(home: Home) -> None:
    jobs = [
        make("bot", ("telekeep", "run", "main", "--", "python", 'b"ö t.py'), ALWAYS, directory=Path("/srv")),
        make("night", ("archive", "historical", "main", "@news", "--limit", "-5"), Schedule(cron="0 3 * * *")),
        make("check", ("test", "main"), Schedule(every=90.0), "main"),
    ]
    for each in jobs:
        table.add(home, each)
    assert list(table.read(home).values()) == jobs
    assert [each.session for each in jobs] == ["main", "main", "main"]
    assert table.path(home).stat().st_mode & 0o777 == 0o600


def test_what_a_person_wrote_beside_it_stays(home: Home) -> None:
    table.path(home).write_text('# mine\n[check]  # twice a day\ncommand = ["test", "main"]\nevery = "12h"\n')
    table.add(home, make("bot", ("run", "main", "--", "bot"), ALWAYS))
    table.remove(home, "bot")
    assert table.path(home).read_text().startswith('# mine\n[check]  # twice a day\ncommand = ["test", "main"]\n')
    assert table.read(home)["check"].schedule.every == 43_200


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[a", "no TOML"),
        ("a = 1", "no table"),
        ("[a]", "no list of words"),
        ('[a]\ncommand = ["auth", "main"]', "no command that a job may be"),
        ('[a]\ncommand = ["test", "main"]\nevry = "5m"', "'evry'"),
        ('[a]\ncommand = ["test", 5]', "no list of words"),
        ('[a]\ncommand = ["test", "main"]\ndirectory = "here"', "not absolute"),
        ('[a]\ncommand = ["test", "main"]\nsession = 5', "no text"),
        ('["../a"]\ncommand = ["test", "main"]', "no name of a job"),
        ('[a]\ncommand = ["test", "ma\\u0000in"]', "zero byte"),
        ('[a]\ncommand = ["test", "main"]\ndirectory = "/\\u0000"', "zero byte"),
    ],
)
def test_what_cannot_be_understood_is_said_and_left_as_it_is(home: Home, text: str, word: str) -> None:
    table.path(home).write_text(text)
    for attempt in (lambda: table.read(home), lambda: table.add(home, make("b", ("test", "main"), ALWAYS))):
        with pytest.raises(ConfigError, match=word):
            attempt()
    assert table.path(home).read_text() == text


def test_a_name_is_taken_once_and_only_what_is_there_can_go(home: Home) -> None:
    table.add(home, make("check", ("test", "main"), ALWAYS))
    with pytest.raises(ConfigError, match="already"):
        table.add(home, make("check", ("test", "other"), ALWAYS))
    with pytest.raises(ConfigError, match="no job 'chek'"):
        table.remove(home, "chek")


def test_what_is_remembered_outlives_the_process(home: Home) -> None:
    done = Memory(1.5, 2, -9, 3, math.inf, "rate limited", "done", "key+", True)
    Memories(home).keep("bot", done)
    assert Memories(home).of("bot") == done


@pytest.mark.parametrize(
    "written",
    [
        '{"bot": {"unheard": 1}}',
        '{"bot": {"failures": "3"}}', '{"bot": {"failures": 1.5}}', '{"bot": {"code": true}}',
        '{"bot": {"next_at": NaN}}', '{"bot": {"started_at": Infinity}}', '{"bot": {"ended_at": -1}}',
        '{"bot": {"next_at": 1e300}}', '{"bot": {"is_stopped": 0}}', '{"bot": {"held": null}}', '{"bot": []}',
        '{"fine": {"failures": 1}, "bot": {"waits_for": {}}}', "[]", "7", '{"bot"', "\udcff", "[" * 100_000,
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_set_aside_and_said(
    home: Home, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong type would end every job of the daemon, again and again, wherever it is met."""
    Memories(home).keep("other", FRESH.stopped())
    path = home.root / "jobs" / "runs.json"
    path.write_bytes(written.encode("utf-8", "surrogateescape"))
    memories = Memories(home)
    assert memories.of("bot") == memories.of("other") == FRESH
    (aside,) = path.parent.glob("runs.json.damaged-*")
    assert aside.read_bytes() == written.encode("utf-8", "surrogateescape") and not path.exists()
    (said,) = caplog.messages
    assert str(path) in said and aside.name in said and "telekeep jobs list" in said
    memories.keep("bot", FRESH.stopped())
    assert Memories(home).of("bot").is_stopped and len(caplog.messages) == 1
