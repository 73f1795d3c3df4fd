#!/usr/bin/env python3
"""Mend what can be mended, when no wait is left: `telekeep recover --when-clear`. See docs/guides.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from telekeep_command import NAME, run

run("recover", NAME, "--when-clear")
