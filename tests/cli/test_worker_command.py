"""`telekeep worker`: what cannot be started is said at once, not in a log."""

from __future__ import annotations

from pathlib import Path

from cli.helpers import Run
from telekeep.paths import JOBS


def test_an_application_that_is_not_there_is_told_at_once_and_no_worker_is_made(call: Run, world: Path) -> None:
    said = call("worker", "start", "--app", "nowhere_at_all.tasks:app")
    assert said.code == 6 and "no module 'nowhere_at_all'" in said.err and "→ Go to the folder" in said.err
    assert call("worker", "status").code == 8 and not list(world.rglob(JOBS))
