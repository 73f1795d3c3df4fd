"""Runs a program with kurigram's hook installed, and nothing else of `telekeep run`: python launcher.py HOOK PROGRAM …

HOOK is the folder of the hook; TELEKEEP_RUN names the folder of the run, with its plan.
"""

import json
import os
import runpy
import sys
from pathlib import Path

_, hook, program, *words = sys.argv
sys.path.insert(0, hook)
sys.argv = [program, *words]

import pyrogram  # noqa: E402
from telekeep_hook import kurigram  # noqa: E402

folder = os.environ["TELEKEEP_RUN"]
kurigram.install(pyrogram, {**json.loads((Path(folder) / "plan.json").read_text()), "folder": folder})
runpy.run_path(program, run_name="__main__")
