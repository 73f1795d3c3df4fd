"""kill -9 at any point of a verb: the vault is what it was or what it was to become, and nobody is locked out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vault import crash

LEAST = 8  # moves of the disk in the shortest verb: fewer, and the program did not die where it should


def die_everywhere(verb: str, points: str, folder: Path) -> int:
    """Run the program; returns at how many points it died."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TELEKEEP_")}
    run = subprocess.run(
        [sys.executable, "-m", "vault.crash", verb, points, str(folder)],
        capture_output=True,
        text=True,
        cwd=Path(crash.__file__).parents[1],
        env={**environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "nobody")},
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    return int(run.stdout.split()[-2])


@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_between_any_two_moves_of_the_disk_locks_nobody_out(verb: str, tmp_path: Path) -> None:
    assert die_everywhere(verb, "moves", tmp_path) >= LEAST


@pytest.mark.storm
@pytest.mark.skipif(not os.environ.get("TELEKEEP_STORM"), reason="a campaign: make storm")
@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_at_any_line_locks_nobody_out(verb: str, tmp_path: Path) -> None:
    assert die_everywhere(verb, "lines", tmp_path) >= LEAST
