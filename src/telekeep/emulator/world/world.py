"""The world: people, messages, and everything logins are made of. No sockets; time comes from the emulator's clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import numbers, seeds
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.channel import Channel
from telekeep.emulator.world.channels import Channels
from telekeep.emulator.world.chat import LARGEST, Chat
from telekeep.emulator.world.codes import Codes
from telekeep.emulator.world.files import Files
from telekeep.emulator.world.forwarding import Forwarding
from telekeep.emulator.world.hashes import Viewers
from telekeep.emulator.world.message import ChatCreated, MembersAdded
from telekeep.emulator.world.password import PasswordDesk
from telekeep.emulator.world.peer import Peer, chat, user
from telekeep.emulator.world.people import People
from telekeep.emulator.world.post import Delivery, Post, Sent
from telekeep.emulator.world.revisions import Edited, Revisions
from telekeep.emulator.world.tokens import Exports, FutureTokens, LoginTokens
from telekeep.emulator.world.uploads import Uploads


class World(People):
    """Pure state and its rules. Handlers in `telekeep.emulator.services` translate to and from TL.

    ``outlet`` is called with what accounts must be told because of something that no request caused (`send`).
    """

    def __init__(self, telegram: Telegram) -> None:
        super().__init__(telegram)
        secret = secrets.token_bytes(32)
        self.viewers = Viewers(secret)
        self.codes = Codes(secret)
        self.passwords = PasswordDesk()
        self.login_tokens = LoginTokens()
        self.exports = Exports()
        self.future_tokens = FutureTokens()
        self.uploads = Uploads()
        self.files = Files()
        self.post = Post(self)
        self.broadcasting = Channels(self)
        self.forwarding = Forwarding(self, self.send_message)
        self.revisions = Revisions(self)
        self.outlet: Callable[[Sequence[Delivery]], None] = lambda deliveries: None

    def add_account(self, phone: str | None = None, *, messages: int = 0, **details: Any) -> Account:
        """A new account (``details``: see `People.enroll`) with so many messages in its dialogs."""
        account = self.enroll(phone, **details)
        if messages:
            seeds.fill(self, account, messages)
        return account

    def login_code(self, phone: str) -> str:
        """The latest code sent to this number, as its owner would read it. Raises ValueError if none was sent."""
        code = self.codes.latest(numbers.normal(phone))
        if code is None:
            raise ValueError(f"no code was sent to {phone}")
        return code

    def add_channel(
        self,
        title: str,
        *,
        username: str | None = None,
        broadcast: bool = True,
        messages: int = 0,
        members: Iterable[Account] = (),
        creator: Account | None = None,
        slow_mode: int = 0,
    ) -> Channel:
        """A new channel, or supergroup if not ``broadcast``, with exactly so many messages in it; without any, with the
        service message that opens it. ``creator``: by default somebody pretend, who writes them too. Nobody is told,
        and to its members all of it is history that they have read.

        Raises ValueError for a username that is taken or malformed, or no title.
        """
        return seeds.channel(
            self, self.broadcasting, title, username=username, broadcast=broadcast, messages=messages, members=members,
            creator=creator, slow_mode=slow_mode,
        )  # fmt: skip

    def send(self, to: str, text: str, count: int = 1) -> None:
        """``count`` messages arrive from a friend: whoever wrote to the account last, else somebody new. ``to``: its
        phone number, or the @username of a channel, in which its creator writes.

        Raises ValueError if nobody has that number, or no channel that name.
        """
        if to.startswith("@"):
            channel = self.the_channel(to)
            for _ in range(count):
                self.outlet(self.post_in(channel, text).deliveries)
            return
        self._send_to(to, text, count)

    def the_channel(self, named: Channel | str | int) -> Channel:
        """The channel itself, or the one of this @username or id. Raises ValueError if there is none."""
        if isinstance(named, Channel):
            return named
        found = self.channels.get(named) if isinstance(named, int) else self.channel_named(named)
        if found is None:
            raise ValueError(f"there is no channel {named}")
        return found

    def post_in(self, channel: Channel, text: str, *, sender: Account | None = None, **details: Any) -> Sent:
        """A message in a channel, by default of its creator's; nobody is told of it yet."""
        return self.broadcasting.send(sender or self.accounts[channel.creator_id], channel, text, **details)

    def _send_to(self, to_phone: str, text: str, count: int) -> None:
        account, friend = self._written_to(to_phone)
        for _ in range(count):
            self.outlet(self.post.send(friend, user(account.id), text).deliveries)

    def send_file(self, to_phone: str, data: bytes, attributes: Iterable[Any], *, dc_id: int, text: str = "") -> None:
        """A document arrives from a friend, who uploaded it on this data center. As `send`."""
        account, friend = self._written_to(to_phone)
        file = self.files.add_document(data, mime_type="", attributes=tuple(attributes), dc_id=dc_id, date=self.now)
        self.outlet(self.post.send(friend, user(account.id), text, media=file).deliveries)

    def _written_to(self, phone: str) -> tuple[Account, Account]:
        account = self.account_of(phone)
        if account is None:
            raise ValueError(f"no account has the phone number {phone}")
        return account, seeds.friend_of(self, account)

    def send_message(self, sender: Account, peer: Peer, text: str, *, together: int = 1, **details: Any) -> Sent:
        """See `Post.send` and `Channels.send`; ``together``: how many are sent at once. A login code of the sender's
        own in ``text`` expires."""
        if peer.kind == "channel":
            sent = self.broadcasting.send(sender, self.channels[peer.id], text, together=together, **details)
        else:
            sent = self.post.send(sender, peer, text, **details)
        if sender.phone:
            self.codes.given_away(sender.phone, text)
        return sent

    def edit_message(self, editor: Account, peer: Peer, message_id: int, **details: Any) -> Edited:
        """See `Revisions.edit` and `Channels.edit`."""
        if peer.kind == "channel":
            return self.broadcasting.edit(editor, self.channels[peer.id], message_id, **details)
        return self.revisions.edit(editor, peer, message_id, **details)

    def create_chat(self, creator: Account, title: str, members: Iterable[Account]) -> tuple[Chat, Sent]:
        """A new group with its first, service, message. Raises RpcError 400 CHAT_TITLE_EMPTY, USERS_TOO_FEW."""
        invited = [member for member in members if member is not creator]
        if not title.strip():
            raise RpcError(400, "CHAT_TITLE_EMPTY")
        if not invited:
            raise RpcError(400, "USERS_TOO_FEW")
        group = self.found_chat(creator, title, invited)
        action = ChatCreated(group.title, tuple(group.members))
        return group, self.post.send(creator, chat(group.id), "", action=action)

    def add_member(self, inviter: Account, group: Chat, member: Account) -> Sent:
        """Raises RpcError 400 USER_ALREADY_PARTICIPANT, USERS_TOO_MUCH."""
        if member.id in group.members:
            raise RpcError(400, "USER_ALREADY_PARTICIPANT")
        if len(group.members) >= LARGEST:
            raise RpcError(400, "USERS_TOO_MUCH")
        self.join(group, member, inviter)
        group.version += 1
        return self.post.send(inviter, chat(group.id), "", action=MembersAdded((member.id,)))
