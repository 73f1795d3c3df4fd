#!/usr/bin/env python3
"""Everything that may be wrong, and what to do: `telekeep diagnostics`. See docs/guides.md."""

from telekeep_command import run

run("diagnostics")
