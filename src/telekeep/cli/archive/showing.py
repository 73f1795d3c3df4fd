"""How far an archive is while it works, and how it ended."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from telekeep.cli.command import Invocation
from telekeep.cli.output import PATIENCE, coloured, style
from telekeep.words import span

if TYPE_CHECKING:
    from telekeep.errors import TelekeepError
    from telekeep.work.archive.terms import Report

_STEP = 0.5  # seconds between two looks
_LINES = 10.0  # seconds between two lines where nobody sees them come


async def shown(invocation: Invocation, report: Report) -> None:
    """Say how far it is, for ever: one line that changes on a terminal, else a line now and then."""
    if invocation.json or invocation.quiet:
        return
    live = coloured(sys.stderr)
    began = last = time.monotonic()
    told = ""
    try:
        await asyncio.sleep(PATIENCE)
        while True:
            now = time.monotonic()
            line = progress(report, now - began)
            if live:
                sys.stderr.write(f"\r\x1b[K… {line}")
                sys.stderr.flush()
            elif line != told and (not told or now - last >= _LINES):
                invocation.out.note(f"… {line}")
                told, last = line, now
            await asyncio.sleep(_STEP)
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def progress(report: Report, seconds: float) -> str:
    """Messages, rate, and what remains, in one line."""
    rate = report.fetched / max(seconds, 0.001)
    left = sum(report.left.values())
    parts = [f"{report.fetched:,} messages"]
    if report.fetched:
        parts.append(f"{rate:,.0f}/s")
    if left:
        remaining = f", {span(left / rate)}" if rate >= 1 else ""
        parts.append(f"about {left:,} left{remaining}")
    if report.live or report.is_live:
        parts.append(f"{report.live:,} as they came")
    if report.files:
        parts.append(f"{report.files:,} files")
    return ", ".join(parts)


def ended(
    invocation: Invocation, name: str, place: str, report: Report, error: TelekeepError | None, *, stopped: bool
) -> int:
    """Say how it ended; the exit code."""
    from telekeep.cli.main import INTERRUPTED, described
    from telekeep.words import fitted
    from telekeep.work.archive.status import status_of

    if error is not None:
        error.remedy = fitted(error.remedy, name)
    failed = {typed: each.message for typed, each in report.failed.items()}
    code = error.exit_code if error else INTERRUPTED if stopped else 8 if failed else 0
    facts: dict[str, Any] = {
        "status": status_of(error),
        "timestamp": int(time.time()),
        "name": name,
        "to": place,
        "fetched": report.fetched,
        "live": report.live,
        "files": report.files,
        "chats": list(report.chats.values()),
        "failed": failed,
        "complete": error is None and not stopped,
        **({"error": None, "remedy": None} if error is None else described(error)),
    }
    lines = []
    if error is None and not invocation.quiet:
        files = f" and {report.files:,} files" if report.files else ""
        came = f", {report.live:,} as they came" if report.live else ""
        end = "Stopped; the next run goes on here" if stopped else f"{style('✓', 'good')} {place}"
        lines = [f"{end}: {report.fetched:,} messages fetched{came}{files}."]
    if not invocation.json:
        invocation.out.warn(*(f"{typed}: {message}" for typed, message in failed.items() if error is None))
        if error is not None:
            invocation.out.error(described(error))
    invocation.out.data(facts, lines)
    return code
