"""What becomes of messages once they are sent: edited, deleted, reacted to, in every box that has a copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.box import DeleteMessages, EditMessage
from telekeep.emulator.world.files import File
from telekeep.emulator.world.message import Message, Reaction
from telekeep.emulator.world.peer import Peer
from telekeep.emulator.world.people import People
from telekeep.emulator.world.post import Delivery, check_text

REACTIONS = frozenset(
    "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝"
)
"""The emoji one may react with: a part of what messages.getAvailableReactions lists."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The editor's own event, and everybody who must hear of it, the editor included."""

    event: EditMessage
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True)
class Deleted:
    """As `Edited`. Each box has ids and a pts of its own."""

    event: DeleteMessages
    deliveries: Sequence[Delivery]


class Revisions:
    """Changes messages in all boxes at once."""

    def __init__(self, people: People) -> None:
        self._people = people

    def edit(
        self,
        editor: Account,
        peer: Peer,
        message_id: int,
        *,
        text: str | None,
        entities: tuple[Any, ...] = (),
        media: File | None = None,
    ) -> Edited:
        """Another text, or another file, for a message of the editor's own; None: the one it has.

        Raises RpcError 400 MESSAGE_ID_INVALID (none such in this dialog, or a service message), MESSAGE_NOT_MODIFIED,
        and as `post.check_text`; 403 MESSAGE_AUTHOR_REQUIRED.
        """
        message = self._message(editor, peer, message_id)
        if message.sender != editor.id:
            raise RpcError(403, "MESSAGE_AUTHOR_REQUIRED")
        if text is None:
            text, entities = message.text, message.entities
        media = media or message.media
        check_text(text, media)
        if (text, entities, media) == (message.text, message.entities, message.media):
            raise RpcError(400, "MESSAGE_NOT_MODIFIED")
        now = self._people.now
        copies = self._copies(editor, message)
        events = [(owner.id, owner.box.edit(copy, text, entities, media, at=now)) for owner, copy in copies]
        return Edited(events[0][1], [Delivery(*each) for each in events])

    def delete(self, owner: Account, ids: Iterable[int], *, revoke: bool) -> Deleted | None:
        """Delete messages of one box, and with ``revoke`` everybody's copies. Ids that are not there (any more) are
        passed over; None if that is all of them.

        Raises RpcError 403 MESSAGE_DELETE_FORBIDDEN: of a group, only its creator revokes what others wrote.
        """
        found = [message for each in dict.fromkeys(ids) if (message := owner.box.message(each)) is not None]
        if not found:
            return None
        if revoke and not all(self._may_revoke(owner, message) for message in found):
            raise RpcError(403, "MESSAGE_DELETE_FORBIDDEN")
        doomed: dict[Account, list[Message]] = {}
        for message in found:
            for holder, copy in self._copies(owner, message) if revoke else [(owner, message)]:
                doomed.setdefault(holder, []).append(copy)
        events = [(holder.id, holder.box.delete(copies)) for holder, copies in doomed.items()]
        return Deleted(events[0][1], [Delivery(*each) for each in events])

    def react(self, actor: Account, peer: Peer, message_id: int, emoticons: Sequence[str]) -> list[Account]:
        """React with one emoji, or take the reaction back with none. Everybody concerned, the actor first.

        Reactions are no events: they move no pts, and nobody catches up on them. Raises RpcError 400
        MESSAGE_ID_INVALID, REACTION_INVALID, REACTIONS_TOO_MANY, MESSAGE_NOT_MODIFIED.
        """
        message = self._message(actor, peer, message_id)
        if len(emoticons) > 1:
            raise RpcError(400, "REACTIONS_TOO_MANY")
        if any(each.removesuffix("\N{VARIATION SELECTOR-16}") not in REACTIONS for each in emoticons):
            raise RpcError(400, "REACTION_INVALID")
        before = [each.emoticon for each in message.reactions if each.user_id == actor.id]
        if before == list(emoticons):
            raise RpcError(400, "MESSAGE_NOT_MODIFIED")
        mine = [Reaction(actor.id, each, self._people.now) for each in emoticons]
        reactions = (*(each for each in message.reactions if each.user_id != actor.id), *mine)
        if peer.kind == "channel":
            message.reactions = reactions
            members = self._people.channels[peer.id].members
            return [actor, *(self._people.accounts[each] for each in members if each != actor.id)]
        copies = self._copies(actor, message)
        for _, copy in copies:
            copy.reactions = reactions
        return [holder for holder, _ in copies]

    def _message(self, owner: Account, peer: Peer, message_id: int) -> Message:
        message = self._people.box_of(owner, peer).message(message_id)
        if message is None or message.peer != peer or message.action is not None:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        return message

    def _may_revoke(self, owner: Account, message: Message) -> bool:
        if message.peer.kind == "user" or message.sender == owner.id:
            return True
        return self._people.chats[message.peer.id].creator_id == owner.id

    def _copies(self, owner: Account, message: Message) -> list[tuple[Account, Message]]:
        """Who has this message, and as which; its owner first."""
        peer, accounts = message.peer, self._people.accounts
        others = [peer.id] if peer.kind == "user" else list(self._people.chats[peer.id].members)
        found = [(owner, message)]
        for holder in (accounts[each] for each in others if each != owner.id):
            copy = holder.box.message(holder.box.copy_of(message) or 0)
            if copy is not None:
                found.append((holder, copy))
        return found
