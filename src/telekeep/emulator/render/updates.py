"""Events of a message box as updates: live, and as a difference (core.telegram.org/api/updates)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.render import channels
from telekeep.emulator.render.view import View, peer, reply_header
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import World
from telekeep.emulator.world.box import (
    DeleteMessages,
    Difference,
    EditMessage,
    Event,
    NewMessage,
    ReadInbox,
    ReadOutbox,
)
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.message import Message
from telekeep.emulator.world.peer import Peer, channel
from telekeep.emulator.world.post import Delivery
from telekeep.mtproto.schema import build, types


def deliver(telegram: Telegram, world: World, deliveries: Iterable[Delivery], *, skip: Any = None) -> None:
    """Tell the accounts concerned, each all at once, but ``skip``, which has it as its answer."""
    events: dict[int, list[Event]] = {}
    for account_id, event in deliveries:
        events.setdefault(account_id, []).append(event)
    for account_id, theirs in events.items():
        account = world.accounts[account_id]

        def updates(authorization: Authorization, *, events: list[Event] = theirs, account: Any = account) -> Any:
            view = View(world, authorization, account)
            return live(view, events[0]) if len(events) == 1 else full(view, events)

        telegram.push(account_id, updates, skip=skip)


def live(view: View, event: Event) -> Any:
    """An event as it is pushed. **The rule for short updates**: a plain message is short if the authorization has been
    given everybody it names in full before; a first contact, somebody ``min``, or anything but a plain message comes as
    full ``Updates``, with the users and chats the client needs."""
    if isinstance(event, NewMessage) and event.message.peer.kind != "channel" and _is_plain(event.message):
        message = event.message
        named = {message.sender, message.peer.id} if message.peer.kind == "user" else {message.sender}
        if named <= view.viewer.known and (message.peer.kind == "user" or message.peer.id in view.viewer.known_chats):
            return _short(view, event)
    return full(view, [event])


def full(
    view: View,
    events: Sequence[Event],
    *,
    first: Iterable[Any] = (),
    naming: Iterable[Message] = (),
    about: Iterable[Peer] = (),
) -> Any:
    """Events as full ``Updates``; ``first``: further updates to stand before them; ``naming``, ``about``: messages and
    peers that these are about. seq 0:
    it is no link of the chain until somebody numbers it (`Telegram.push`), and an answer to a request never is.
    """
    messages, peers = _named(events)
    return types.Updates(
        updates=[*first, *(update(view, event) for event in events)],
        date=view.world.now,
        seq=0,
        **view.mentioned([*messages, *naming], [*peers, *about]),
    )


def is_numbered(updates: Any) -> bool:
    """Whether updates are a link of the seq chain of an authorization: all with a seq, but those that hold nothing but
    events of channels, which their own pts puts in order."""
    return hasattr(updates, "seq") and not (
        updates.updates and all(isinstance(each, _CHANNELS) for each in updates.updates)
    )


_CHANNELS = (
    types.UpdateNewChannelMessage,
    types.UpdateEditChannelMessage,
    types.UpdateDeleteChannelMessages,
    types.UpdateReadChannelInbox,
    types.UpdateReadChannelOutbox,
    types.UpdateChannelTooLong,
)


def _named(events: Iterable[Event]) -> tuple[list[Message], list[Peer]]:
    """The messages and peers that events show."""
    messages = [event.message for event in events if isinstance(event, NewMessage | EditMessage)]
    peers = [event.peer for event in events if isinstance(event, ReadInbox | ReadOutbox)]
    deleted = [event.channel for event in events if isinstance(event, DeleteMessages)]
    return messages, [*peers, *(channel(each) for each in deleted if each is not None)]


def update(view: View, event: Event) -> Any:
    """The update that tells of an event. Those of a channel count its own pts."""
    if _is_channels(event):
        return _of_channel(view, event)
    if isinstance(event, NewMessage):
        return types.UpdateNewMessage(message=view.message(event.message), pts=event.pts, pts_count=event.count)
    if isinstance(event, EditMessage):
        return types.UpdateEditMessage(message=view.message(event.message), pts=event.pts, pts_count=event.count)
    if isinstance(event, DeleteMessages):
        return types.UpdateDeleteMessages(messages=list(event.ids), pts=event.pts, pts_count=event.count)
    if isinstance(event, ReadInbox):
        return types.UpdateReadHistoryInbox(
            peer=peer(event.peer),
            max_id=event.max_id,
            still_unread_count=event.unread,
            pts=event.pts,
            pts_count=event.count,
        )
    return types.UpdateReadHistoryOutbox(
        peer=peer(event.peer), max_id=event.max_id, pts=event.pts, pts_count=event.count
    )


def _is_channels(event: Event) -> bool:
    if isinstance(event, DeleteMessages):
        return event.channel is not None
    about = event.message if isinstance(event, NewMessage | EditMessage) else event
    return about.peer.kind == "channel"


def _of_channel(view: View, event: Event) -> Any:
    if isinstance(event, NewMessage):
        return types.UpdateNewChannelMessage(message=view.message(event.message), pts=event.pts, pts_count=event.count)
    if isinstance(event, EditMessage):
        return types.UpdateEditChannelMessage(message=view.message(event.message), pts=event.pts, pts_count=event.count)
    if isinstance(event, DeleteMessages):
        assert event.channel is not None
        return types.UpdateDeleteChannelMessages(
            channel_id=event.channel, messages=list(event.ids), pts=event.pts, pts_count=event.count
        )
    if isinstance(event, ReadInbox):
        return types.UpdateReadChannelInbox(
            channel_id=event.peer.id, max_id=event.max_id, still_unread_count=event.unread, pts=event.pts
        )
    return types.UpdateReadChannelOutbox(channel_id=event.peer.id, max_id=event.max_id)


def state(view: View, authorization: Authorization, pts: int | None = None) -> Any:
    """updates.State, at ``pts`` or at the end. pts belongs to the account, seq to the authorization."""
    box = view.account.box
    return types.updates.State(
        pts=box.pts if pts is None else pts,
        qts=0,
        date=view.world.now,
        seq=authorization.seq,
        unread_count=sum(dialog.unread for dialog in box.dialogs.values()),
    )


def difference(view: View, authorization: Authorization, missed: Difference, moved: Sequence[Channel] = ()) -> Any:
    """What was missed, in the constructor that fits it. ``moved``: channels whose own difference is to be asked for."""
    if missed.kind == "empty" and not moved:
        return types.updates.DifferenceEmpty(date=view.world.now, seq=authorization.seq)
    if missed.kind == "too long":
        return types.updates.DifferenceTooLong(pts=missed.pts)
    events = [event for event in missed.events if _still_there(view, event)]
    messages = [event.message for event in events if isinstance(event, NewMessage)]
    others = [event for event in events if not isinstance(event, NewMessage)]
    is_all = missed.kind != "slice"
    named, peers = _named(events)
    return build(
        types.updates.Difference if is_all else types.updates.DifferenceSlice,
        new_messages=[view.message(message) for message in messages],
        new_encrypted_messages=[],
        other_updates=[*(update(view, event) for event in others), *(too_long(each) for each in moved)],
        **view.mentioned(named, [*peers, *(each.peer for each in moved)]),
        **{"state" if is_all else "intermediate_state": state(view, authorization, missed.pts)},
    )


def too_long(of: Channel) -> Any:
    """That something happened in a channel which is not told here."""
    return types.UpdateChannelTooLong(channel_id=of.id, pts=of.box.pts)


def shown_too_long(view: View, of: Channel) -> Any:
    """`too_long` as full ``Updates``."""
    return full(view, [], first=[too_long(of)], about=[of.peer])


def channel_difference(view: View, of: Channel, missed: Difference) -> Any:
    """What was missed in a channel (core.telegram.org/type/updates.ChannelDifference). Where that is not known any
    more: how the dialog looks now, and its newest messages."""
    if missed.kind == "empty":
        return types.updates.ChannelDifferenceEmpty(pts=missed.pts, final=True, timeout=channels.TIMEOUT)
    if missed.kind == "too long":
        dialog = of.read_by(view.account.id)
        newest = dialog.window(limit=_NEWEST)
        return types.updates.ChannelDifferenceTooLong(
            dialog=view.dialog(dialog),
            messages=[view.message(each) for each in newest],
            final=True,
            timeout=channels.TIMEOUT,
            **view.mentioned(newest, [of.peer]),
        )
    events = [event for event in missed.events if _still_there(view, event)]
    return types.updates.ChannelDifference(
        pts=missed.pts,
        new_messages=[view.message(event.message) for event in events if isinstance(event, NewMessage)],
        other_updates=[update(view, event) for event in events if not isinstance(event, NewMessage)],
        final=missed.kind == "all" or None,
        timeout=channels.TIMEOUT,
        **view.mentioned(_named(events)[0], [of.peer]),
    )


_NEWEST = 10  # messages of a channel that are shown where too much was missed


def _still_there(view: View, event: Event) -> bool:
    """Whether an event is worth telling afterwards: a message that was deleted since shows up as deleted only."""
    if isinstance(event, NewMessage | EditMessage):
        message = event.message
        return view.world.box_of(view.account, message.peer).message(message.id) is message
    return True


def _is_plain(message: Message) -> bool:
    return message.action is None and message.media is None and message.forward is None


def _short(view: View, event: NewMessage) -> Any:
    message = event.message
    common: dict[str, Any] = {
        "id": message.id,
        "message": message.text,
        "pts": event.pts,
        "pts_count": event.count,
        "date": message.date,
        "out": message.out or None,
        "reply_to": reply_header(message.reply_to),
        "entities": list(message.entities) or None,
    }
    if message.peer.kind == "user":
        return types.UpdateShortMessage(user_id=message.peer.id, **common)
    return types.UpdateShortChatMessage(chat_id=message.peer.id, from_id=message.sender, **common)
