"""``python -m telekeep``: the command line."""

from telekeep.cli.main import run

run()
