"""``python -m telekeep``: the command line."""

from telekeep.cli.entry import run

run()
