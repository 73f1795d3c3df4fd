#!/usr/bin/env python3
"""Log in, and make a session string: `telekeep generate`. See docs/guides.md."""

from telekeep_command import NAME, run

run("generate", NAME)
