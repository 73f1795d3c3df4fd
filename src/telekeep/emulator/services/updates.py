"""updates.*: where an authorization stands, and what it missed."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.render import updates as render
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import channel_of, seconds, view
from telekeep.emulator.world.channel import Channel
from telekeep.mtproto.schema import functions, types


@handles(functions.updates.GetStateRequest)
def get_state(call: Call, request: Any) -> Any:
    return render.state(view(call), call.authorization)


@handles(functions.updates.GetDifferenceRequest)
def get_difference(call: Call, request: Any) -> Any:
    """With it comes which channels the account is in have moved since ``date``, to the second: what is in them has to
    be asked for of each (core.telegram.org/api/updates). Where the account's own difference is too long or has further
    slices, they come with the last."""
    seen = view(call)
    since = seconds(request.date)
    if not since:
        raise RpcError(400, "DATE_EMPTY")
    missed = seen.account.box.difference(request.pts, limit=request.pts_limit, total_limit=request.pts_total_limit)
    moved = _moved(seen, since) if missed.kind in ("empty", "all") else []
    return render.difference(seen, call.authorization, missed, moved)


@handles(functions.updates.GetChannelDifferenceRequest)
def get_channel_difference(call: Call, request: Any) -> Any:
    """What happened in a channel after ``pts``, at most ``limit`` events of it, 100 at most for people.

    Raises RpcError 400 PERSISTENT_TIMESTAMP_EMPTY, PERSISTENT_TIMESTAMP_INVALID, LIMIT_INVALID, RANGES_INVALID, and as
    `channel_of` (core.telegram.org/method/updates.getChannelDifference). Too long for what was deleted from the
    channel's box of events (core.telegram.org/type/updates.ChannelDifference).
    """
    seen = view(call)
    found = channel_of(seen, request.channel)
    if request.limit <= 0:
        raise RpcError(400, "LIMIT_INVALID")
    if isinstance(request.filter, types.ChannelMessagesFilter) and not request.filter.ranges:
        raise RpcError(400, "RANGES_INVALID")
    missed = found.box.difference(request.pts, limit=request.limit)
    return render.channel_difference(seen, found, missed)


def _moved(seen: View, since: int) -> list[Channel]:
    channels = (seen.world.channels[each] for each in sorted(seen.account.channels))
    return [each for each in channels if each.moved_at >= since]
