"""The daemon's log: one plain line for each event, and nothing secret.

``log/daemon.log`` (0600) is moved to ``daemon.log.1`` when it has grown to a megabyte. Other libraries' lines are cut
after their first line, and of an exception only classes, files and lines are told: what it says may hold a secret.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from telekeep.borrow.summon import open_log

MOST_BYTES = 1_000_000
KEPT = 2  # older files
OURS = "telekeep"


class OneLine(logging.Formatter):
    """``2026-03-01 14:05:06 INFO what happened``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        words = record.getMessage()
        if record.name != OURS and not record.name.startswith(f"{OURS}."):
            words = f"{record.name}: {words.partition(chr(10))[0]}"
        if record.exc_info and record.exc_info[1] is not None:
            words = f"{words} ({outline(record.exc_info[1])})"
        plain = "".join(letter if letter.isprintable() else " " for letter in words)
        return f"{self.formatTime(record, self.datefmt)} {record.levelname} {plain}"


def outline(error: BaseException) -> str:
    """``error`` in one line without one value or message: ``KeyError at owners.py:12 in lend``; then what led to it."""
    told: list[str] = []
    step: BaseException | None = error
    while step is not None and len(told) < 5:
        frames = traceback.extract_tb(step.__traceback__)
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
        told.append(f"{type(step).__name__}{where}")
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return ", after ".join(told)


class _Private(RotatingFileHandler):
    """A file of the user's alone. What the process itself writes to its standard streams follows it."""

    def __init__(self, path: Path, *, streams: bool) -> None:
        self._streams = streams
        super().__init__(path, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        descriptor = open_log(Path(self.baseFilename))
        if self._streams:
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def to_file(path: Path, *, streams: bool = False) -> logging.Handler:
    """Log to the file at ``path``. ``streams``: let standard output and error go there too.

    Raises StorageUnavailable.
    """
    return _installed(_Private(path, streams=streams))


def to_stream(stream: TextIO | None = None) -> logging.Handler:
    """Log to ``stream``, by default standard error."""
    return _installed(logging.StreamHandler(stream or sys.stderr))


def remove(handler: logging.Handler) -> None:
    """Log no more to ``handler``, and close it."""
    logging.getLogger().removeHandler(handler)
    logging.getLogger(OURS).setLevel(logging.NOTSET)
    handler.close()


def _installed(handler: logging.Handler) -> logging.Handler:
    handler.setFormatter(OneLine())
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.split(".")[0] == OURS)
    logging.getLogger().addHandler(handler)
    logging.getLogger(OURS).setLevel(logging.INFO)
    return handler
