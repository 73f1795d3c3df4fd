"""The error that says who has the lease, since when, and what to do. Everyone who is refused is told by this."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from telekeep.errors import SessionBusy
from telekeep.lease.holder import DAEMON, Holder, fate
from telekeep.words import span

if TYPE_CHECKING:
    from telekeep.clock import Clock


def busy(holder: Holder | None, *, clock: Clock, waited: float = 0) -> SessionBusy:
    """The error for a lease that ``holder`` has (None or unknown: only "held" is known), after ``waited`` seconds."""
    suffix = f" Waited {span(waited)} for it." if waited else ""
    if holder is None or not holder.is_known:
        return SessionBusy(f"This session is held by another process.{suffix}")
    shown = f" ({holder.command})" if holder.command else ""
    since = _since(holder.since, clock.wall())
    if holder.is_this_process:
        return SessionBusy(
            f"This program holds the session already, as process {holder.pid}{since}.{suffix}",
            holder=holder,
            since=holder.since,
            remedy="Use the client that is open, or close it first.",
        )
    if holder.purpose == DAEMON and not holder.is_elsewhere:
        return SessionBusy(
            f"This session is held by the daemon (process {holder.pid}){since}.{suffix}",
            holder=holder,
            since=holder.since,
            remedy="Borrow it (telekeep.client, `telekeep run`, `telekeep lend`), or stop it: `telekeep daemon stop`.",
        )
    where = f" of another container, {holder.host}" if holder.is_elsewhere else ""
    can_stop = fate(holder, clock=clock) == "running"
    return SessionBusy(
        f"This session is held by process {holder.pid}{where}{shown}{since}.{suffix}",
        holder=holder,
        since=holder.since,
        remedy=f"Wait for it, or stop it (kill {holder.pid}); `telekeep status` shows who it is." if can_stop else None,
    )


def _since(since: float, now: float) -> str:
    try:
        start, today = datetime.fromtimestamp(since), datetime.fromtimestamp(now)  # local: a person reads it
    except (ValueError, OverflowError, OSError):
        return ""
    when = f"{start:%H:%M:%S}" if start.date() == today.date() else f"{start:%Y-%m-%d %H:%M:%S}"
    return f", since {when}, for {span(now - since)}"
