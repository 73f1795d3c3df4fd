"""Whom a message is with. One name for it everywhere, whatever the schema of the day calls it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["user", "chat", "channel"]


class Peer(NamedTuple):
    """A user or a basic group, as one account sees it: the private peer of Ada's box is Bob, of Bob's it is Ada. Or a
    channel or supergroup, which is the same to everybody."""

    kind: Kind
    id: int


def user(user_id: int) -> Peer:
    return Peer("user", user_id)


def chat(chat_id: int) -> Peer:
    return Peer("chat", chat_id)


def channel(channel_id: int) -> Peer:
    return Peer("channel", channel_id)
