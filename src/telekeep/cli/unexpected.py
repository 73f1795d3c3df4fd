"""What is said of an error nobody foresaw: where it happened, and nothing of what was handled.

Foreign exceptions may quote what they choked on, and that may be a secret. So only classes, files and lines are told,
never their messages or values.
"""

from __future__ import annotations

import os
import sys
import traceback
from errno import ENAMETOOLONG
from pathlib import Path
from typing import Any

from telekeep.errors import TelekeepError
from telekeep.paths import home, private_folder


def report(error: BaseException, *, root: Path | None = None) -> dict[str, Any]:
    """Note ``error`` in the log of the home at ``root`` (and on standard error with TELEKEEP_DEBUG).

    Returns what to tell whoever saw it happen. No home is made for this.
    """
    trace = outline(error)
    if os.environ.get("TELEKEEP_DEBUG"):
        sys.stderr.write(trace)
    log = _write_down(trace, root)
    return {
        "error": type(error).__name__,
        "message": f"Something unforeseen happened ({type(error).__name__}). This is a fault of telekeep, not yours.",
        "remedy": f"Report it with {log}; it holds no secret." if log else "Run it again with TELEKEEP_DEBUG=1.",
    }


def mistyped(error: BaseException) -> str | None:
    """What to say of a path that can be none, wherever it was met; None for all else. The path is not repeated: it may
    be a secret that was typed in a path's place.
    """
    if isinstance(error, OSError) and error.errno == ENAMETOOLONG:
        return "A file was named that is longer than names can be."
    if isinstance(error, RuntimeError) and error.args == ("Could not determine home directory.",):  # pathlib's words
        return "A path begins with ~ and the name of a user who is not there."
    return None


def outline(error: BaseException) -> str:
    """The frames of ``error`` and of what led to it, newest last, without one value or message."""
    lines = []
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    for each in reversed(chain):
        for frame in traceback.extract_tb(each.__traceback__):
            lines.append(f"  {frame.filename}:{frame.lineno} in {frame.name}")
        lines.append(type(each).__name__)
    return "\n".join(lines) + "\n"


def _write_down(trace: str, root: Path | None) -> Path | None:
    try:
        where = home(root)
        if not where.root.is_dir():
            return None
        log = private_folder(where.log) / "unforeseen.log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(trace)
    except (OSError, TelekeepError):
        return None
    return log
