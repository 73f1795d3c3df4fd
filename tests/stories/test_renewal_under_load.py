"""The session is renewed again and again while programs write and listen: they notice a pause at most."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.borrowing.lending import Lending, line, until
from stories.borrowing.storm_log import Log, faults
from telekeep.borrow import asking
from telekeep.cli.demo.stage import Stage

PHONE, CODE = "9996623456", "22222"
PROGRAM = Path(__file__).parent / "renewing" / "steady.py"


@pytest.fixture
def lending(stage: Stage) -> Iterator[Lending]:
    with Lending(stage) as lending:
        yield lending


@pytest.mark.storm
@pytest.mark.timeout(600)
def test_borrowers_lose_nothing_however_often_the_session_is_renewed(lending: Lending) -> None:
    """Whole under `make storm`: 10 borrowers, 200 messages a second in and out, 20 renewals in two minutes."""
    whole = bool(os.environ.get("TELEKEEP_STORM"))
    crews = {"telekeep": (2, 3), "string": (2, 2)} if whole else {"telekeep": (1, 2), "string": (1, 2)}
    seconds, renewals, rate = (120.0, 20, 200.0) if whole else (6.0, 4, 30.0)
    folder = lending.folder / "steady"
    folder.mkdir()
    lending.telegram("account", phone=PHONE, messages=12)
    lending.ok("auth", "main", "--phone", PHONE, "--code", CODE)
    names = {
        (kind, crew): [f"{kind}{crew}x{one}" for one in range(each)]
        for kind, (count, each) in crews.items()
        for crew in range(count)
    }
    clients = sum(map(len, names.values()))
    for (kind, _), each in names.items():
        for name in each if kind == "string" else ():
            (folder / f"{name}.txt").write_text(lending.lend("main", "--as", name))
    programs = [lending.start(PROGRAM, kind, folder, str(rate / clients), *each) for (kind, _), each in names.items()]
    for program, each in zip(programs, names.values(), strict=True):
        for _ in each:
            assert line(program) == "up", program.communicate()

    sky = _Sky(lending, rate)
    took: list[float] = []
    began = time.monotonic()
    for number in range(renewals):
        sky.until(began + (number + 0.5) * seconds / renewals)
        renewing = lending.stage.start("-m", "telekeep", "renew", "main", "--yes", "--json")
        at = time.monotonic()
        while renewing.poll() is None:
            sky.until(time.monotonic() + 0.02)
        took.append(time.monotonic() - at)
        said = lending.stage.finish(renewing)
        assert said.code == 0, (number, said, lending.log())
    sky.until(began + seconds)
    for program in programs:
        program.terminate()
    end = time.monotonic() + 120
    while any(program.poll() is None for program in programs) and time.monotonic() < end:
        sky.until(time.monotonic() + 0.1, rate=10)
    for program in programs:
        assert program.poll() is not None, f"has not heard of what was sent last; {lending.log()}"
        said = lending.stage.finish(program)
        assert said.code == 0, said

    logs = [Log.read(path.stem, path.read_text()) for path in sorted(folder.glob("*.log"))]
    history, wrong = _history(logs)
    lit = Counter(int(text.split()[1]) for text in history.values() if text.startswith("light "))
    wrong += [f"light {number} came {count} times" for number, count in lit.items() if count > 1]
    wrong += [fault for log in logs for fault in faults(log, history)]
    others = sum((log.others for log in logs), Counter[str]())
    heard = sum(len(life.heard) for log in logs for life in log.lives)
    figures = {"sent": len(history), "heard": heard, "took": [round(each, 1) for each in took], **others}
    print("renewed under load:", figures, lending.stats())
    assert not wrong, "\n".join([f"{len(wrong)} faults; {figures}", *wrong[:40]])
    assert not others["unsure"], figures
    assert heard > clients * sky.number * 0.9
    lending.check()
    seen = until(lambda: asking.ask(lending.where(), "devices", name="main"))["devices"]
    assert seen["others"] == []


class _Sky:
    """Messages that arrive at a steady rate, each with the time it was sent at."""

    def __init__(self, lending: Lending, rate: float) -> None:
        self._lending = lending
        self._rate = rate
        self._last = time.monotonic()
        self.number = 0

    def until(self, moment: float, *, rate: float | None = None) -> None:
        pause = 1 / (rate or self._rate)
        while True:
            now = time.monotonic()
            if now >= moment:
                return
            for _ in range(min(int((now - self._last) / pause), 50)):
                self.number += 1
                self._lending.telegram("send", to=PHONE, text=f"light {self.number} {time.time()}")
            self._last = now if now - self._last >= pause else self._last
            time.sleep(min(pause, 0.01))  # the rhythm, not a wait for anything


def _history(logs: list[Log]) -> tuple[dict[int, str], list[str]]:
    """Everything in the account since the first of them was there, by what they heard and were told of what they sent;
    and what is wrong with it: a message that nobody heard of leaves a gap in the numbers.
    """
    history: dict[int, str] = {}
    wrong = []
    for log in logs:
        told = [each for life in log.lives for each in life.heard] + [
            (number, text) for text, number in log.sent.items()
        ]
        for number, text in told:
            if history.setdefault(number, text) != text:
                wrong.append(f"message {number} is {text!r} and {history[number]!r}")
    wrong += [
        f"nobody heard of message {number}" for number in range(min(history), max(history)) if number not in history
    ]
    return history, wrong
