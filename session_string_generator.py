#!/usr/bin/env python3
"""Log in, and make a session string: `telekeep generate`. See docs/guides.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

from telekeep_command import NAME, run

run("generate", NAME)
