"""What happens in channels and supergroups, and who must hear of it: everybody who is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.box import EditMessage, Event, NewMessage, ReadInbox, ReadOutbox
from telekeep.emulator.world.channel import SLOW_MODES, Channel, ChannelMember
from telekeep.emulator.world.files import File
from telekeep.emulator.world.message import ChannelCreated, MembersAdded, Message
from telekeep.emulator.world.people import People
from telekeep.emulator.world.post import Delivery, HasRead, Sent, check_text
from telekeep.emulator.world.revisions import Deleted, Edited

LARGEST = 200_000
"""Members of a supergroup (help.getConfig megagroup_size_max)."""


class Joined(NamedTuple):
    """Somebody came: the service message about it, None in broadcast channels, and who must hear of it."""

    event: NewMessage | None
    deliveries: Sequence[Delivery]


class Channels:
    """Verbs. A channel has one box and one pts for all; what its members must hear is the same event for each."""

    def __init__(self, people: People) -> None:
        self._people = people

    # ---- founding, coming and going

    def found(
        self, creator: Account, title: str, *, broadcast: bool, username: str | None = None, announced: bool = True
    ) -> Channel:
        """A new channel or supergroup with its first, service, message unless it is not ``announced``; nobody is told.

        Raises RpcError 400 CHAT_TITLE_EMPTY, USERNAME_OCCUPIED.
        """
        if not title.strip():
            raise RpcError(400, "CHAT_TITLE_EMPTY")
        made = self._people.found_channel(creator, title.strip(), broadcast=broadcast, username=username)
        self._add(made, creator, creator.id, is_admin=True)
        if announced:
            self._store(made, creator, "", action=ChannelCreated(made.title))
        return made

    def admit(self, channel: Channel, account: Account) -> None:
        """Let somebody be in it without a word about it."""
        self._add(channel, account, channel.creator_id)

    def join(self, channel: Channel, account: Account, inviter: Account | None = None) -> Joined:
        """Raises RpcError 400 USER_ALREADY_PARTICIPANT, USERS_TOO_MUCH, USER_KICKED (invited), USER_BANNED_IN_CHANNEL
        (by themselves)."""
        if account.id in channel.members:
            raise RpcError(400, "USER_ALREADY_PARTICIPANT")
        if account.id in channel.banned:
            raise RpcError(400, "USER_KICKED" if inviter else "USER_BANNED_IN_CHANNEL")
        if len(channel.members) >= LARGEST:
            raise RpcError(400, "USERS_TOO_MUCH")
        self._add(channel, account, (inviter or account).id)
        if channel.is_broadcast:
            return Joined(None, ())
        event = self._store(channel, inviter or account, "", action=MembersAdded((account.id,)))
        return Joined(event, self._told(channel, event))

    def leave(self, channel: Channel, account: Account) -> None:
        """Raises RpcError 400 USER_NOT_PARTICIPANT, USER_CREATOR."""
        if account.id not in channel.members:
            raise RpcError(400, "USER_NOT_PARTICIPANT")
        if account.id == channel.creator_id:
            raise RpcError(400, "USER_CREATOR")
        self._remove(channel, account)

    def ban(self, channel: Channel, account: Account) -> None:
        """Out, and not to come again. Raises RpcError 400 USER_CREATOR."""
        if account.id == channel.creator_id:
            raise RpcError(400, "USER_CREATOR")
        channel.banned.add(account.id)
        self._remove(channel, account)

    def slow_down(self, channel: Channel, seconds: int) -> None:
        """Raises RpcError 400 SECONDS_INVALID, CHAT_NOT_MODIFIED, CHAT_ID_INVALID (only supergroups have slow mode)."""
        if channel.is_broadcast:
            raise RpcError(400, "CHAT_ID_INVALID")
        if seconds not in SLOW_MODES:
            raise RpcError(400, "SECONDS_INVALID")
        if seconds == channel.slow_mode:
            raise RpcError(400, "CHAT_NOT_MODIFIED")
        channel.slow_mode = seconds

    # ---- messages

    def send(
        self,
        sender: Account,
        channel: Channel,
        text: str,
        *,
        random_id: int | None = None,
        reply_to: int | None = None,
        media: File | None = None,
        together: int = 1,
        **details: Any,
    ) -> Sent:
        """As `Post.send`, into the channel's own box. ``together``: how many are sent at once.

        Raises also as `Channel.check_writes`; RANDOM_ID_DUPLICATE counts over all of the sender's dialogs.
        """
        if random_id == 0:
            raise RpcError(400, "RANDOM_ID_EMPTY")
        before = sender.box.sent.get(random_id) if random_id is not None else None
        if before is not None:
            if before.peer != channel.peer:
                raise RpcError(500, "RANDOM_ID_DUPLICATE")
            return Sent(NewMessage(channel.box.pts, before, count=0))
        check_text(text, media)
        channel.check_writes(sender.id, self._people.now, messages=together)
        if reply_to and channel.box.message(reply_to) is None:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        event = self._store(channel, sender, text, reply_to=reply_to, media=media, **details)
        channel.wrote[sender.id] = self._people.now
        member = channel.members.get(sender.id)
        if member is not None:
            member.read_inbox = event.message.id  # whoever writes has read
        if random_id is not None:
            sender.box.sent[random_id] = event.message
        return Sent(event, self._told(channel, event))

    def edit(
        self,
        editor: Account,
        channel: Channel,
        message_id: int,
        *,
        text: str | None,
        entities: tuple[Any, ...] = (),
        media: File | None = None,
    ) -> Edited:
        """As `Revisions.edit`. Posts of a broadcast channel are its admins', whoever of them wrote them.

        Raises RpcError 400 MESSAGE_ID_INVALID, MESSAGE_NOT_MODIFIED, CHAT_ADMIN_REQUIRED; 403 MESSAGE_AUTHOR_REQUIRED.
        """
        channel.check_shown(editor.id)
        message = self.message(channel, message_id)
        if channel.is_broadcast:
            channel.check_admin(editor.id)
        elif message.sender != editor.id:
            raise RpcError(403, "MESSAGE_AUTHOR_REQUIRED")
        if text is None:
            text, entities = message.text, message.entities
        media = media or message.media
        check_text(text, media)
        if (text, entities, media) == (message.text, message.entities, message.media):
            raise RpcError(400, "MESSAGE_NOT_MODIFIED")
        event: EditMessage = channel.box.edit(message, text, entities, media, at=self._people.now)
        return Edited(event, self._told(channel, event))

    def delete(self, owner: Account, channel: Channel, ids: Iterable[int]) -> Deleted | None:
        """Delete for everybody. Ids that are not there (any more) are passed over; None if that is all of them.

        Raises RpcError 403 MESSAGE_DELETE_FORBIDDEN: only admins delete what others wrote.
        """
        channel.check_shown(owner.id)
        found = [message for each in dict.fromkeys(ids) if (message := channel.box.message(each)) is not None]
        if not found:
            return None
        own = not channel.is_broadcast and all(message.sender == owner.id for message in found)
        if not own and not channel.is_admin(owner.id):
            raise RpcError(403, "MESSAGE_DELETE_FORBIDDEN")
        event = channel.box.delete(found)
        return Deleted(event, self._told(channel, event))

    def read(self, reader: Account, channel: Channel, max_id: int = 0) -> HasRead | None:
        """Mark as read up to ``max_id`` (0: all); those who wrote it in a supergroup hear that somebody has. None if
        nothing was unread. Reading moves no pts: how far somebody has read is not the channel's affair.

        Raises RpcError 406 CHANNEL_PRIVATE to those who are not in it.
        """
        member = channel.members.get(reader.id)
        if member is None:
            raise RpcError(406, "CHANNEL_PRIVATE")
        read = channel.unread_of(member, max_id)
        if not read:
            return None
        member.read_inbox = read[-1].id
        event = ReadInbox(channel.box.pts, channel.peer, member.read_inbox, len(channel.unread_of(member)), count=0)
        deliveries = [Delivery(reader.id, event)]
        if not channel.is_broadcast:
            for author_id, last in {message.sender: message.id for message in read}.items():
                author = channel.members.get(author_id)
                if author is not None and author.read_outbox < last:
                    author.read_outbox = last
                    seen = ReadOutbox(channel.box.pts, channel.peer, last, count=0)
                    deliveries.append(Delivery(author_id, seen))
        return HasRead(event, deliveries)

    def message(self, channel: Channel, message_id: int) -> Message:
        """Raises RpcError 400 MESSAGE_ID_INVALID for none, or a service message."""
        message = channel.box.message(message_id)
        if message is None or message.action is not None:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        return message

    # ---- what all of them do

    def _store(self, channel: Channel, sender: Account, text: str, **details: Any) -> NewMessage:
        event: NewMessage = channel.box.add(channel.peer, sender.id, self._people.now, text, out=False, **details)
        return event

    def _told(self, channel: Channel, event: Event) -> list[Delivery]:
        channel.moved_at = self._people.now
        accounts = self._people.accounts
        return [Delivery(each, event) for each in channel.members if not accounts[each].pretend]

    def _add(self, channel: Channel, account: Account, inviter_id: int, *, is_admin: bool = False) -> None:
        member = ChannelMember(account.id, inviter_id, self._people.now, is_admin, read_inbox=channel.box.last_id)
        channel.members[account.id] = member
        account.channels.add(channel.id)

    def _remove(self, channel: Channel, account: Account) -> None:
        channel.members.pop(account.id, None)
        account.channels.discard(channel.id)
