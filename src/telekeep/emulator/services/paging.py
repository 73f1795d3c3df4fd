"""How a window of messages is answered (core.telegram.org/api/offsets), and how messages that were sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from telekeep.emulator.render.view import View
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world.message import Message
from telekeep.emulator.world.peer import Peer
from telekeep.emulator.world.post import Sent
from telekeep.mtproto.schema import build, types


def page(seen: View, chosen: Sequence[Message], count: int, known: int, *, where: Peer | None = None) -> Any:
    """messages.messages if ``chosen`` are all ``count`` there are, else a slice; messages.channelMessages, with its
    pts, if ``where`` is a channel; messagesNotModified if the client's hash ``known`` says that it has them.

    Whoever wrote in a channel that is asked for is shown in full, and may be addressed from now on.
    """
    if known and known == fold(message.id for message in chosen):
        return types.messages.MessagesNotModified(count=count)
    if where is not None and where.kind == "channel":
        seen.account.met.update(message.sender for message in chosen)
        shown = {"messages": [seen.message(each) for each in chosen], "topics": [], **seen.mentioned(chosen, [where])}
        return build(types.messages.ChannelMessages, pts=seen.world.channels[where.id].box.pts, count=count, **shown)
    if len(chosen) == count:
        return build(types.messages.Messages, **seen.shown(chosen))
    return build(types.messages.MessagesSlice, count=count, **seen.shown(chosen))


def sent_as(seen: View, sent: Iterable[tuple[int, Sent]]) -> list[Any]:
    """What stands before the messages in the answer to whoever sent them: the id that each random id has become; and
    of a channel, that it is read so far, with a pts that moves nothing."""
    numbered = list(sent)
    first: list[Any] = [types.UpdateMessageID(id=one.event.message.id, random_id=number) for number, one in numbered]
    where = numbered[-1][1].event.message.peer
    if where.kind == "channel":
        dialog = seen.world.dialog_of(seen.account, where)
        first.append(
            types.UpdateReadChannelInbox(
                channel_id=where.id,
                max_id=dialog.read_inbox,
                still_unread_count=dialog.unread,
                pts=numbered[-1][1].event.pts,
            )
        )
    return first
