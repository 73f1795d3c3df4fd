"""kill -9 at any point of a verb: the vault is what it was or what it was to become, and nobody is locked out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vault import crash

LEAST = 8  # moves of the disk in the shortest verb: fewer, and the program did not die where it should


SAMPLED = {"back_up": 4, "restore": 12, "restore_anew": 20}  # long verbs: one point in so many, and all in a storm


def die_everywhere(verb: str, points: str, folder: Path, stride: int = 1) -> int:
    """Run the program; returns up to which point it died."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TELEKEEP_")}
    run = subprocess.run(
        [sys.executable, "-m", "vault.crash", verb, points, str(folder), str(stride)],
        capture_output=True,
        text=True,
        cwd=Path(crash.__file__).parents[1],
        env={**environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "nobody")},
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    return int(run.stdout.split()[-2])


@pytest.mark.storm
@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_between_any_two_moves_of_the_disk_locks_nobody_out(verb: str, tmp_path: Path) -> None:
    stride = 1 if os.environ.get("TELEKEEP_STORM") else SAMPLED.get(verb, 1)
    assert die_everywhere(verb, "moves", tmp_path, stride) >= LEAST


@pytest.mark.storm
@pytest.mark.skipif(not os.environ.get("TELEKEEP_STORM"), reason="a campaign: make storm")
@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_at_any_line_locks_nobody_out(verb: str, tmp_path: Path) -> None:
    assert die_everywhere(verb, "lines", tmp_path) >= LEAST
