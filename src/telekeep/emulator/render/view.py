"""Users, groups, channels, messages and dialogs in TL words, for one authorization: its own access hashes, its own
``out``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.render import channels
from telekeep.emulator.world import Account, World
from telekeep.emulator.world.chat import Chat
from telekeep.emulator.world.files import File
from telekeep.emulator.world.message import Action, ChannelCreated, ChatCreated, Dialog, Forward, Message
from telekeep.emulator.world.peer import Peer, channel, user
from telekeep.mtproto.schema import build, types

PHOTO_SIZES = ("m", "x")
THUMB = "m"


class View:
    """What ``authorization`` sees of the world."""

    __slots__ = ("account", "viewer", "world")

    def __init__(self, world: World, authorization: Authorization, account: Account) -> None:
        self.world = world
        self.account = account
        self.viewer = world.viewers.of(authorization.hash)

    def user(self, target: Account) -> Any:
        """A user. One whom the account has not met is ``min``: shown, but not to be addressed directly
        (core.telegram.org/api/min)."""
        account = self.account
        if target.id not in account.met:
            return types.User(
                id=target.id,
                min=True,
                bot=target.is_bot or None,
                access_hash=self.viewer.access_hash("min user", target.id),
                first_name=target.first_name,
                last_name=target.last_name,
                username=target.username,
            )
        self.viewer.known.add(target.id)
        is_self = target is account
        contact = target.id in account.contacts
        first_name, last_name = account.names.get(target.id) or (target.first_name, target.last_name)
        return types.User(
            id=target.id,
            is_self=is_self or None,
            contact=contact or None,
            mutual_contact=(contact and account.id in target.contacts) or None,
            bot=target.is_bot or None,
            bot_info_version=target.bot_info_version if target.is_bot else None,
            access_hash=self.viewer.access_hash("user", target.id),
            first_name=first_name,
            last_name=last_name,
            username=target.username,
            phone=target.phone if is_self or contact else None,
        )

    def packed_user(self, target: Account) -> bytes:
        """`user` in bytes, made anew only when what it shows has changed: clients ask for nothing so often."""
        account = self.account
        shows = (
            target.id in account.met,
            target.id in account.contacts,
            account.id in target.contacts,
            account.names.get(target.id),
            target.bot_info_version,
            target.first_name,
            target.last_name,
            target.username,
            target.phone,
        )
        packed = self.viewer.packed.get(target.id)
        if packed is None or packed[0] != shows:
            packed = self.viewer.packed[target.id] = (shows, bytes(self.user(target)))
        return packed[1]

    def chat(self, group: Chat) -> Any:
        """A basic group; ``chatForbidden`` to those who are not in it."""
        if self.account.id not in group.members:
            return types.ChatForbidden(id=group.id, title=group.title)
        self.viewer.known_chats.add(group.id)
        return types.Chat(
            id=group.id,
            title=group.title,
            photo=types.ChatPhotoEmpty(),
            participants_count=len(group.members),
            date=group.date,
            version=group.version,
            creator=(group.creator_id == self.account.id) or None,
        )

    def participants(self, group: Chat) -> Any:
        return types.ChatParticipants(
            chat_id=group.id,
            participants=[
                types.ChatParticipantCreator(user_id=member.user_id)
                if member.user_id == group.creator_id
                else types.ChatParticipant(user_id=member.user_id, inviter_id=member.inviter_id, date=member.date)
                for member in group.members.values()
            ],
            version=group.version,
        )

    def mentioned(self, messages: Iterable[Message], peers: Iterable[Peer] = ()) -> dict[str, list[Any]]:
        """``users`` and ``chats``: everybody that these messages and peers name, each once."""
        users: dict[int, None] = {}
        chats: dict[Peer, None] = {}
        for message in messages:
            peer = message.peer
            if peer.kind == "user":
                users[peer.id] = None
            else:
                chats[peer] = None
            if not self._is_post(message):
                users[message.sender] = None
            if message.action is not None:
                users.update(dict.fromkeys(message.action.members))
            if message.forward is not None and message.forward.post is not None:
                chats[channel(message.forward.post[0])] = None
            elif message.forward is not None:
                users[message.forward.author] = None
            users.update((each.user_id, None) for each in message.reactions)
        for peer in peers:
            if peer.kind == "user":
                users[peer.id] = None
            else:
                chats[peer] = None
        accounts = self.world.accounts
        return {"users": [self.user(accounts[each]) for each in users], "chats": [self.group(each) for each in chats]}

    def group(self, of: Peer) -> Any:
        """A basic group, supergroup or channel."""
        if of.kind == "channel":
            return channels.channel(self, self.world.channels[of.id])
        return self.chat(self.world.chats[of.id])

    def _is_post(self, message: Message) -> bool:
        """Whether it stands in a broadcast channel's own name."""
        return message.peer.kind == "channel" and self.world.channels[message.peer.id].is_broadcast

    def is_out(self, message: Message) -> bool:
        """Whether this account wrote it."""
        return message.sender == self.account.id if message.peer.kind == "channel" else message.out

    def shown(self, messages: Sequence[Message]) -> dict[str, list[Any]]:
        """``messages``, and the users and chats that they name, as the fields of an answer."""
        return {"messages": [self.message(each) for each in messages], "topics": [], **self.mentioned(messages)}

    def message(self, message: Message) -> Any:
        """A message. Incoming private ones and posts of channels name no sender: it can only be the peer."""
        is_post = self._is_post(message)
        from_peer = is_post or (message.peer.kind == "user" and not message.out)
        common: dict[str, Any] = {
            "id": message.id,
            "peer_id": peer(message.peer),
            "from_id": None if from_peer else peer(user(message.sender)),
            "date": message.date,
            "out": self.is_out(message) or None,
            "post": is_post or None,
            "reply_to": reply_header(message.reply_to),
        }
        if message.action is not None:
            return types.MessageService(action=_action(message.action), **common)
        return types.Message(
            message=message.text,
            entities=list(message.entities) or None,
            fwd_from=_forward_header(message.forward) if message.forward else None,
            media=self.media(message.media) if message.media else None,
            grouped_id=message.grouped_id,
            edit_date=message.edited,
            reactions=self.reactions(message) if message.reactions else None,
            views=message.views + 1 if is_post else None,
            forwards=message.forwards if is_post else None,
            **common,
        )

    def media(self, file: File) -> Any:
        """A file as messages carry it, with an access hash and a reference of this authorization's own."""
        if file.kind == "photo":
            return types.MessageMediaPhoto(photo=self.photo(file))
        return types.MessageMediaDocument(document=self.document(file))

    def photo(self, file: File) -> Any:
        """In two sizes, which are one: nothing is scaled here."""
        sizes = [types.PhotoSize(type=each, w=file.width, h=file.height, size=file.size) for each in PHOTO_SIZES]
        return types.Photo(sizes=sizes, **self._named(file))

    def document(self, file: File) -> Any:
        thumb = types.PhotoSize(type=THUMB, w=320, h=320, size=len(file.thumb)) if file.thumb else None
        return types.Document(
            mime_type=file.mime_type,
            size=file.size,
            attributes=list(file.attributes),
            thumbs=[thumb] if thumb else None,
            **self._named(file),
        )

    def _named(self, file: File) -> dict[str, Any]:
        return {
            "id": file.id,
            "access_hash": self.viewer.access_hash(file.kind, file.id),
            "file_reference": self.viewer.reference(file.id, self.world.now),
            "date": file.date,
            "dc_id": file.dc_id,
        }

    def reactions(self, message: Message) -> Any:
        """Who thinks what of a message: counted, and by name."""
        counts: dict[str, int] = {}
        for each in message.reactions:
            counts[each.emoticon] = counts.get(each.emoticon, 0) + 1
        mine = [each.emoticon for each in message.reactions if each.user_id == self.account.id]
        return types.MessageReactions(
            results=[
                types.ReactionCount(
                    reaction=types.ReactionEmoji(emoticon=emoticon),
                    count=count,
                    chosen_order=0 if emoticon in mine else None,
                )
                for emoticon, count in counts.items()
            ],
            can_see_list=True,
            recent_reactions=[
                types.MessagePeerReaction(
                    peer_id=peer(user(each.user_id)),
                    date=each.date,
                    reaction=types.ReactionEmoji(emoticon=each.emoticon),
                    my=each.user_id == self.account.id or None,
                )
                for each in message.reactions
            ],
        )

    def dialog(self, dialog: Dialog) -> Any:
        top = dialog.top
        return build(
            types.Dialog,
            peer=peer(dialog.peer),
            top_message=top.id if top else 0,
            read_inbox_max_id=dialog.read_inbox,
            read_outbox_max_id=dialog.read_outbox,
            unread_count=dialog.unread,
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
            pinned=dialog.pinned or None,
            pts=self.world.channels[dialog.peer.id].box.pts if dialog.peer.kind == "channel" else None,
        )


def peer(of: Peer) -> Any:
    if of.kind == "user":
        return types.PeerUser(user_id=of.id)
    return types.PeerChat(chat_id=of.id) if of.kind == "chat" else types.PeerChannel(channel_id=of.id)


def reply_header(message_id: int | None) -> Any:
    return types.MessageReplyHeader(reply_to_msg_id=message_id) if message_id else None


def _forward_header(forward: Forward) -> Any:
    saved, number = forward.saved_from or (None, None)
    origin, post = forward.post or (None, None)
    return types.MessageFwdHeader(
        date=forward.date,
        from_id=peer(user(forward.author) if origin is None else channel(origin)),
        channel_post=post,
        saved_from_peer=peer(saved) if saved else None,
        saved_from_msg_id=number,
    )


def _action(action: Action) -> Any:
    if isinstance(action, ChannelCreated):
        return types.MessageActionChannelCreate(title=action.title)
    if isinstance(action, ChatCreated):
        return types.MessageActionChatCreate(title=action.title, users=list(action.members))
    return types.MessageActionChatAddUser(users=list(action.members))
