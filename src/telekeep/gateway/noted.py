"""What the owner learns from answers to others: whom they show, and where channels stand.

A client that lists its dialogs knows the pts of all its channels, and asks for what happened after it. The owner has to
follow a channel from there on, or the journal could not answer, and each borrower would ask Telegram for each channel
every quarter of an hour (facts.md, trap 5). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from telekeep.mtproto.schema import types


class Noted(NamedTuple):
    """``channels``: where those stand that the account is in."""

    users: list[Any]
    chats: list[Any]
    channels: Mapping[int, int]


_DIALOGS: Final = (types.messages.Dialogs, types.messages.DialogsSlice, types.messages.PeerDialogs)
_DIFFERENCE: Final = (types.updates.ChannelDifference, types.updates.ChannelDifferenceTooLong)
_SHOWING: Final = (types.contacts.ResolvedPeer, types.contacts.Found, types.messages.Chats, types.messages.ChatFull)
_WORTH: Final = frozenset(kind.CONSTRUCTOR_ID for kind in (*_DIALOGS, *_DIFFERENCE, *_SHOWING))
_PAGE: Final = types.messages.ChannelMessages.CONSTRUCTOR_ID


def is_worth_noting(constructor_id: int) -> bool:
    """Whether a result that begins with this constructor says where channels stand, or who there is."""
    return constructor_id in _WORTH


def page_of(request: Any, constructor_id: int) -> int | None:
    """The channel whose messages a result holds; None for all other results. Such pages come often, and are large."""
    if constructor_id != _PAGE:
        return None
    found: int | None = getattr(getattr(request, "peer", None) or getattr(request, "channel", None), "channel_id", None)
    return found


def noted(request: Any, result: Any) -> Noted:
    """What ``result`` says. ``request`` is the bare one, without wrappers."""
    chats = list(result.chats)
    there = {each.id for each in chats if is_in(each)}
    pts = {number: at for number, at in _places(request, result) if number in there and at}
    return Noted(list(getattr(result, "users", ())), chats, pts)


def _places(request: Any, result: Any) -> Iterable[tuple[int, int]]:
    if isinstance(result, _DIALOGS):
        for dialog in result.dialogs:
            channel = getattr(getattr(dialog, "peer", None), "channel_id", None)
            if channel is not None:
                yield channel, dialog.pts or 0
    elif isinstance(result, types.messages.ChatFull):
        yield result.full_chat.id, getattr(result.full_chat, "pts", 0)
    elif isinstance(result, types.messages.ChannelMessages):
        channel = page_of(request, _PAGE)
        if channel is not None:
            yield channel, result.pts
    elif isinstance(result, types.updates.ChannelDifferenceTooLong):
        yield request.channel.channel_id, result.dialog.pts or 0
    elif isinstance(result, types.updates.ChannelDifference) and result.final:
        yield request.channel.channel_id, result.pts


def is_in(chat: Any) -> bool:
    """Whether the account is in this channel or supergroup, and so hears what happens there."""
    return isinstance(chat, types.Channel) and not chat.left and not chat.min


def is_out(chat: Any) -> bool:
    """Whether it is a channel or supergroup that the account is not in (any more)."""
    return isinstance(chat, types.ChannelForbidden) or (
        isinstance(chat, types.Channel) and bool(chat.left) and not chat.min
    )
