"""channels.* and forum topics, for accounts that are in no channel or supergroup: the emulator has none yet.

So every channel that is named is one nobody has a valid access hash for.
"""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import peer_of, view
from telekeep.mtproto.schema import functions, types

_INVALID = RpcError(400, "CHANNEL_INVALID")
_NAMED = (
    "GetFullChannel GetParticipants GetParticipant GetMessages ReadHistory DeleteMessages JoinChannel LeaveChannel "
    "GetForumTopics"
)


@handles(functions.channels.GetChannelsRequest)
def get_channels(call: Call, request: Any) -> Any:
    view(call)
    if request.id:
        raise _INVALID
    return types.messages.Chats(chats=[])


# by name, because newer schemas lack some of them
@handles(*(getattr(functions.channels, f"{name}Request", None) for name in _NAMED.split()))
def no_channel(call: Call, request: Any) -> Any:
    view(call)
    raise _INVALID


@handles(functions.updates.GetChannelDifferenceRequest)
def get_channel_difference(call: Call, request: Any) -> Any:
    view(call)
    raise _INVALID


@handles(getattr(functions.messages, "GetForumTopicsRequest", None))
def get_forum_topics(call: Call, request: Any) -> Any:
    """Raises RpcError 400 CHANNEL_FORUM_MISSING for whatever is no forum, and as `peer_of`."""
    peer_of(view(call), request.peer)
    raise RpcError(400, "CHANNEL_FORUM_MISSING")
