#!/usr/bin/env python3
"""Does anybody use a session now? `telekeep safety-check [NAME|FILE]`. See docs/guides.md."""

from telekeep_command import run

run("safety-check")
