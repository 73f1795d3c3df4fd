"""A job of one's own in Python: it goes on where it was, whenever it is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.borrowing.lending import Lending, until
from stories.conftest import PHONE
from telekeep.cli.demo.stage import Stage

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "jobs"

ALERT = """\
import asyncio, sys, telekeep

@telekeep.job("main")
async def alert(client, cursor):
    while True:
        [newest] = await client.get_dialogs(limit=1)
        async for message in client.iter_messages(newest.input_entity, min_id=cursor.get("seen", 0), reverse=True):
            if "urgent" in (message.message or ""):
                with open("alerts", "a") as file:
                    file.write(message.message + "\\n")
            cursor["seen"] = message.id
            with open("seen", "w") as file:
                file.write(message.message or "")
        await asyncio.sleep(0.05)

sys.exit(alert.run())
"""


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def test_a_job_goes_on_from_its_cursor_and_the_daemon_keeps_it_going(lending: Lending) -> None:
    program = lending.stage.write("alert.py", ALERT)
    alerts, seen = lending.folder / "alerts", lending.folder / "seen"
    lending.ok("jobs", "add", "alert", "--", "run", "main", "--", sys.executable, str(program))

    def heard() -> list[str]:
        return alerts.read_text().splitlines() if alerts.exists() else []

    for number in range(4):
        lending.telegram("send", to=PHONE, text=f"urgent {number}")
        until(lambda number=number: seen.exists() and seen.read_text() == f"urgent {number}")  # and its cursor is kept
        assert heard()[-1] == f"urgent {number}"
        (job,) = json.loads(lending.ok("jobs", "list", "--json"))["jobs"]
        if job["pid"]:
            os.killpg(job["pid"], signal.SIGKILL)
    assert heard() == [f"urgent {number}" for number in range(4)]
    lending.ok("jobs", "stop", "alert")
    lending.check()


def test_a_job_says_what_went_wrong_and_ends_with_its_code(lending: Lending) -> None:
    program = lending.stage.write(
        "other.py",
        'import sys, telekeep\n\n@telekeep.job("other")\nasync def work(client, cursor): ...\n\nsys.exit(work.run())\n',
    )
    said = lending.run(program)
    assert said.code == 1 and "'other'" in said.err and "Traceback" not in said.err, said


SAVED = """\
import asyncio, sys, telekeep

async def main():
    async with telekeep.client("main") as client:
        if sys.argv[1] == "save":
            await client.send_file("me", sys.argv[2], caption="a file")
        else:
            print(*[message.raw_text async for message in client.iter_messages("me", limit=5)], sep="|", flush=True)

asyncio.run(main())
"""


def test_the_examples_work_as_they_stand_in_the_docs(lending: Lending) -> None:
    shown = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "jobs.md").read_text(), re.DOTALL | re.MULTILINE)
    assert shown == [(EXAMPLES / f"{name}.py").read_text() for name in ("forwarder", "alert", "downloader")]
    saved = lending.stage.write("saved.py", SAVED)
    lending.stage.write("file.txt", "all of it")

    assert lending.run(saved, "save", "file.txt").code == 0
    (lending.folder / "downloads").mkdir()
    for _ in range(2):
        said = lending.run(EXAMPLES / "downloader.py", "me", "downloads")
        assert said.code == 0, said
    (got,) = (lending.folder / "downloads").iterdir()
    assert got.read_text() == "all of it"

    alert = lending.start(EXAMPLES / "alert.py", "fire")
    until(lambda: any(loan["label"] == "alert" and loan["borrowers"] for loan in lending.loans()))
    lending.telegram("send", to=PHONE, text="rain")
    lending.telegram("send", to=PHONE, text="Fire!")
    until(lambda: "Fire!" in lending.run(saved, "show").out)
    assert "rain" not in lending.run(saved, "show").out
    alert.terminate()
    said = lending.stage.finish(alert)
    assert (said.code, said.err) == (0, ""), said
    lending.check()
