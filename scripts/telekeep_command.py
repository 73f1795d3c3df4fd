"""What the scripts here share: they are the telekeep command, under the names that guides use. See docs/guides.md."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

NAME = os.environ.get("TELEKEEP_SESSION", "main")  # the session that guides with one account mean


def run(*words: str, more: list[str] | None = None) -> NoReturn:
    """Become ``telekeep WORDS…``, with the script's own arguments, or ``more``, behind them."""
    here = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "telekeep"
    found = str(here) if here.exists() else shutil.which("telekeep")
    if found is None:
        sys.exit("telekeep is not installed: run `make venv` in the repository, or `pip install` it.")
    os.execv(found, [found, *words, *(sys.argv[1:] if more is None else more)])
