"""kill -9 at any point of adopting a file or of the way back: the file holds the original or the loan, and no key that
lies in a file is one that the daemon would connect with.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.adopt import crash
from keeper.adopt.files import KINDS

pytestmark = pytest.mark.timeout(600)  # some hundred deaths, each of a process, and as many resurrections

LEAST = {"adopt": 20, "undo": 12}  # fewer moves, and the program did not die where it should


def die_everywhere(verb: str, kind: str, points: str, folder: Path, stride: int = 1) -> int:
    """Run the program; at how many points it died."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TELEKEEP_", "TELEGRAM_"))}
    run = subprocess.run(
        [sys.executable, "-m", "keeper.adopt.crash", verb, kind, points, str(folder), str(stride)],
        capture_output=True,
        text=True,
        cwd=Path(crash.__file__).parents[2],
        env={**environ, "HOME": str(folder)},
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    return int(run.stdout.split()[-2])


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is to be had: a killed process loses nothing there that a disk would keep."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="telekeep-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_between_any_two_moves_of_the_disk_loses_nothing(verb: str, folder: Path) -> None:
    stride = 1 if os.environ.get("TELEKEEP_STORM") else 4  # all of them: make storm
    assert die_everywhere(verb, "file", "moves", folder, stride) >= LEAST[verb]


@pytest.mark.storm
@pytest.mark.skipif(not os.environ.get("TELEKEEP_STORM"), reason="a campaign: make storm")
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"file"}))
@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_the_same_for_every_kind_of_file(verb: str, kind: str, folder: Path) -> None:
    assert die_everywhere(verb, kind, "moves", folder) >= LEAST[verb]


@pytest.mark.storm
@pytest.mark.skipif(not os.environ.get("TELEKEEP_STORM"), reason="a campaign: make storm")
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_at_any_line_loses_nothing(verb: str, kind: str, folder: Path) -> None:
    assert die_everywhere(verb, kind, "lines", folder) >= LEAST[verb]
