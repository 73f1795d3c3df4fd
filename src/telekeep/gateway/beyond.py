"""What a channel's difference holds that the journal does not reach, told as it would have been told at the time.

Stock message boxes take the new pts of a difference first, and then hold its edits and deletions for old. So whoever
asks is told that nothing is missing, and after it, as live updates, what is. Pure.
"""

from __future__ import annotations

from typing import Any

from telekeep.gateway.journal import told_too_long
from telekeep.mtproto.schema import types
from telekeep.upstream.settle import place, settle


def as_news(request: Any, found: Any, date: int) -> tuple[Any, list[bytes]] | None:
    """The answer to give, and the bodies to tell after it; None for what is told as it is.

    ``request`` is the bare updates.getChannelDifference, ``found`` Telegram's answer. Where that is not all, the last
    body has the borrower ask again. ``date`` in Unix seconds.
    """
    if not isinstance(found, types.updates.ChannelDifference) or found.pts < request.pts:
        return None
    channel = request.channel.channel_id
    ours: list[Any] = []
    beside: list[Any] = []
    for update in found.other_updates:
        where = place(update)
        (ours if where is not None and where.line == channel else beside).append(update)
    told = settle(request.pts, found.pts, found.new_messages, ours, line=channel) + beside
    updates = types.Updates(updates=told, users=found.users, chats=found.chats, date=date, seq=0)
    bodies = [bytes(updates)] if told else []
    if not found.final:
        bodies.append(told_too_long([channel]))
    answer = types.updates.ChannelDifferenceEmpty(pts=request.pts, final=True, timeout=found.timeout)
    return answer, bodies
