"""The command line of a Celery worker that serves kept sessions, with its beat. Pure."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

QUEUE = "telekeep.{session}"
"""The queue of a kept session's tasks."""

SOFT = 10  # seconds for running tasks to end once the worker is told to; then they are given back to the broker


def command(
    app: str,
    sessions: Iterable[str],
    folder: Path,
    *,
    concurrency: int | None = None,
    beat: bool = True,
    more: Sequence[str] = (),
) -> list[str]:
    """What to run. ``folder``: where beat keeps its schedule; ``more``: further options of Celery's."""
    queues = ["celery", *(QUEUE.format(session=name) for name in sessions)]
    words = [sys.executable, "-m", "celery", "-A", app, "worker", "--queues", ",".join(queues), "--loglevel", "INFO"]
    if beat:
        words += ["--beat", "--schedule", str(folder / "beat")]
    if concurrency is not None:
        words += ["--concurrency", str(concurrency)]
    return [*words, *more, "--", f"worker_soft_shutdown_timeout={SOFT}"]


ENVIRONMENT = {"REMAP_SIGTERM": "SIGQUIT"}
"""SIGTERM is to end a worker softly (Celery: "soft shutdown"), not to wait for its tasks without an end."""
