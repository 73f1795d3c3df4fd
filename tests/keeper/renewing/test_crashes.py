"""kill -9 at any step of a renewal or a fork: what is left is finished or undone, and no login is left over."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.renewing import crash

pytestmark = pytest.mark.timeout(600)  # some hundred deaths, each of a process, and as many resurrections

STRIDE = 23  # every so-manieth point, from one by chance on; all of them: make storm
LEAST = 4  # fewer points, and the program did not die where it should


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is to be had: a killed process loses nothing there that a disk would keep."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="telekeep-test-", dir=memory) as folder:
        yield Path(folder)


@pytest.mark.storm
@pytest.mark.parametrize("way", ["held", "owned"])
@pytest.mark.parametrize("verb", ["renew", "fork"])
def test_after_a_crash_at_any_step_one_login_is_in_use_and_none_is_left_over(verb: str, way: str, folder: Path) -> None:
    whole = bool(os.environ.get("TELEKEEP_STORM"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TELEKEEP_", "TELEGRAM_"))}
    run = subprocess.run(
        [sys.executable, "-m", "keeper.renewing.crash", verb, way, str(folder), "1" if whole else str(STRIDE)],
        capture_output=True,
        text=True,
        cwd=Path(crash.__file__).parents[2],
        env={**environ, "HOME": str(folder)},
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert int(run.stdout.split()[2]) >= (100 if whole else LEAST), run.stdout
