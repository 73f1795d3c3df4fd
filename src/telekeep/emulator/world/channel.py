"""A channel or supergroup (core.telegram.org/api/channel): one box for all, and who may do what in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.box import Box
from telekeep.emulator.world.message import Dialog, Message
from telekeep.emulator.world.peer import Peer, channel

SLOW_MODES = (0, 10, 30, 60, 300, 900, 3600)
"""Seconds that slow mode may be set to (core.telegram.org/method/channels.toggleSlowMode: SECONDS_INVALID)."""


@dataclass(slots=True)
class ChannelMember:
    """Who belongs to it, and how far they have read; ``read_outbox``: how far others have read what they wrote."""

    user_id: int
    inviter_id: int
    date: int
    is_admin: bool = False
    read_inbox: int = 0
    read_outbox: int = 0
    pinned: bool = False


@dataclass(slots=True, eq=False)
class Channel:
    """``is_broadcast``: only admins write, in the channel's own name; else it is a supergroup. ``username``: with one
    it is public. ``slow_mode``: seconds between two messages of a member who is no admin; 0 for none.
    """

    id: int
    title: str
    creator_id: int
    date: int
    is_broadcast: bool = True
    username: str | None = None
    about: str = ""
    slow_mode: int = 0
    members: dict[int, ChannelMember] = field(default_factory=dict)
    banned: set[int] = field(default_factory=set)
    wrote: dict[int, int] = field(default_factory=dict)  # when each wrote last, in Unix seconds
    invite: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    moved_at: int = 0  # when something happened in it last, in Unix seconds
    box: Box = field(init=False)

    def __post_init__(self) -> None:
        self.box = Box(channel=self.id)

    def __repr__(self) -> str:
        kind = "channel" if self.is_broadcast else "supergroup"
        return f"<{kind} {self.id} {self.title!r}: {len(self.members)} members, {self.box!r}>"

    @property
    def peer(self) -> Peer:
        return channel(self.id)

    @property
    def history(self) -> Dialog:
        """Its messages. How far they are read, each member says (`read_by`)."""
        return self.box.dialog(self.peer)

    # ---- who may

    def shows(self, user_id: int) -> bool:
        """Whether somebody may read it: its members, and of a public one everybody who is not banned."""
        return user_id in self.members or (self.username is not None and user_id not in self.banned)

    def check_shown(self, user_id: int) -> None:
        """Raises RpcError 406 CHANNEL_PRIVATE (core.telegram.org/method/updates.getChannelDifference)."""
        if not self.shows(user_id):
            raise RpcError(406, "CHANNEL_PRIVATE")

    def is_admin(self, user_id: int) -> bool:
        member = self.members.get(user_id)
        return member is not None and member.is_admin

    def check_admin(self, user_id: int) -> None:
        """Raises RpcError 400 CHAT_ADMIN_REQUIRED, and as `check_shown`."""
        self.check_shown(user_id)
        if not self.is_admin(user_id):
            raise RpcError(400, "CHAT_ADMIN_REQUIRED")

    def check_writes(self, user_id: int, now: int, *, messages: int = 1) -> None:
        """Raises RpcError 403 CHAT_WRITE_FORBIDDEN, 400 CHAT_ADMIN_REQUIRED, USER_BANNED_IN_CHANNEL; where slow mode
        is on, 420 SLOWMODE_WAIT_X, and 400 SLOWMODE_MULTI_MSGS_DISABLED for several ``messages`` at once
        (core.telegram.org/method/messages.forwardMessages).
        """
        if user_id in self.banned:
            raise RpcError(400, "USER_BANNED_IN_CHANNEL")
        self.check_shown(user_id)
        if self.is_broadcast:
            self.check_admin(user_id)
        elif user_id not in self.members:
            raise RpcError(403, "CHAT_WRITE_FORBIDDEN")
        if not self.slow_mode or self.is_admin(user_id):
            return
        wait = self.wrote.get(user_id, -self.slow_mode) + self.slow_mode - now
        if wait > 0:
            raise RpcError(420, f"SLOWMODE_WAIT_{wait}")
        if messages > 1:
            raise RpcError(400, "SLOWMODE_MULTI_MSGS_DISABLED")

    # ---- how far it is read

    def read_by(self, user_id: int) -> Dialog:
        """Its messages as a dialog of one member's: what is read, what is not."""
        member, history = self.members.get(user_id), self.history
        seen = Dialog(self.peer)
        seen.messages = history.messages
        if member is not None:
            seen.read_inbox, seen.read_outbox, seen.pinned = member.read_inbox, member.read_outbox, member.pinned
            seen.unread = len(self.unread_of(member))
        return seen

    def unread_of(self, member: ChannelMember, max_id: int = 0) -> list[Message]:
        """What others wrote after what ``member`` has read, up to ``max_id`` (0: all), ascending."""
        last = max_id or self.box.last_id
        messages = self.history.between(member.read_inbox + 1, last).messages
        return [message for message in messages if message.sender != member.user_id]
