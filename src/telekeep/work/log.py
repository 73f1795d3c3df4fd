"""The daemon's log: one line for each event, plain or JSON (TELEKEEP_LOG_FORMAT), and nothing secret.

``log/daemon.log`` (0600) is moved to ``daemon.log.1`` when it has grown to a megabyte. Other libraries' lines are cut
after their first line, and of an exception only classes, files and lines are told: what it says may hold a secret.
Whatever looks like a key, a hash or a session string in a message is left out besides.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from telekeep.borrow.summon import open_log
from telekeep.events import Event, Events
from telekeep.lease.redaction import sentence

MOST_BYTES = 1_000_000
KEPT = 2  # older files
OURS = "telekeep"

_log = logging.getLogger("telekeep.events")


class OneLine(logging.Formatter):
    """``2026-03-01 14:05:06 INFO what happened``; of an event, its name and fields: ``LeaseTaken main fence=3``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        words = _words(record)
        if record.exc_info and record.exc_info[1] is not None:
            words = f"{words} ({outline(record.exc_info[1])})"
        return f"{self.formatTime(record, self.datefmt)} {record.levelname} {words}"


class OneObject(logging.Formatter):
    """One JSON object: ``time`` (UTC), ``level``, ``logger``, ``message``; ``event`` and ``fields`` of an event;
    ``error`` where something was raised.
    """

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, Any] = {"time": when, "level": record.levelname.lower(), "logger": record.name}
        told["message"] = _words(record)
        event = getattr(record, "event", None)
        if isinstance(event, Event):
            told["event"] = type(event).__name__
            told["fields"] = {name: _shown(value) for name, value in asdict(event).items()}
        if record.exc_info and record.exc_info[1] is not None:
            told["error"] = outline(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


FORMATS: dict[str, type[logging.Formatter]] = {"plain": OneLine, "json": OneObject}


def _words(record: logging.LogRecord) -> str:
    """What is said, on one line and without secrets; of another library, who says it and its first line."""
    words = record.getMessage()
    if record.name != OURS and not record.name.startswith(f"{OURS}."):
        words = f"{record.name}: {words.partition(chr(10))[0]}"
    return sentence("".join(letter if letter.isprintable() else " " for letter in words))


def _shown(value: Any) -> Any:
    return sentence(value) if isinstance(value, str) else value


def log_events(events: Events) -> Callable[[], None]:
    """Log every event from now on, a line for each; the returned function ends that."""

    def log(event: Event) -> None:
        fields = {name: value for name, value in asdict(event).items() if name not in ("name", "at")}
        told = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        _log.info("%s %s %s", type(event).__name__, event.name, told, extra={"event": event})

    return events.listen(log)


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


def to_file(path: Path, *, streams: bool = False, format: str = "plain") -> logging.Handler:
    """Log to the file at ``path``, in one of the `FORMATS`. ``streams``: let standard output and error go there too.

    Raises StorageUnavailable.
    """
    return _installed(_Private(path, streams=streams), format)


def to_stream(stream: TextIO | None = None, *, format: str = "plain") -> logging.Handler:
    """Log to ``stream``, by default standard error, in one of the `FORMATS`."""
    return _installed(logging.StreamHandler(stream or sys.stderr), format)


def remove(handler: logging.Handler) -> None:
    """Log no more to ``handler``, and close it."""
    logging.getLogger().removeHandler(handler)
    logging.getLogger(OURS).setLevel(logging.NOTSET)
    handler.close()


def _installed(handler: logging.Handler, format: str) -> logging.Handler:
    handler.setFormatter(FORMATS[format]())
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.split(".")[0] == OURS)
    logging.getLogger().addHandler(handler)
    logging.getLogger(OURS).setLevel(logging.INFO)
    return handler
