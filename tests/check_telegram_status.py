#!/usr/bin/env python3
"""How long Telegram asks to wait, and until when: `telekeep status NAME`. See docs/guides.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from telekeep_command import NAME, run

run("status", NAME)
