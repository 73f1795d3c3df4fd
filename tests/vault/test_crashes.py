"""kill -9 at any line of a verb: the vault is what it was or what it was to become, and nobody is locked out."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from vault import crash

STORM = bool(os.environ.get("TELEKEEP_STORM"))


@pytest.mark.storm
@pytest.mark.parametrize("verb", sorted(crash.VERBS))
def test_a_crash_at_any_line_locks_nobody_out(verb: str, tmp_path: Path) -> None:
    """Every line in a storm; else every 47th, from a random one on."""
    stride = 1 if STORM else 47
    first = 1 if STORM else random.randint(1, stride)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TELEKEEP_")}
    run = subprocess.run(
        [sys.executable, "-m", "vault.crash", verb, str(tmp_path), str(first), str(stride)],
        capture_output=True,
        text=True,
        cwd=Path(crash.__file__).parents[1],
        env={**environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "nobody")},
        check=False,
        timeout=900,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "up to line" in run.stdout
