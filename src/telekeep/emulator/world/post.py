"""Who gets which copy of a message, and who is told that it was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.box import Event, NewMessage, ReadInbox
from telekeep.emulator.world.files import File
from telekeep.emulator.world.message import Action, Forward
from telekeep.emulator.world.peer import Peer, user
from telekeep.emulator.world.people import People

LONGEST = 4096
"""UTF-16 units of a message (help.getConfig message_length_max)."""

LONGEST_CAPTION = 1024
"""UTF-16 units of the text under a file (help.getConfig caption_length_max)."""


class Delivery(NamedTuple):
    """Something an account must be told."""

    account_id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Sent:
    """A message sent: the sender's own event, and everybody who must hear of it, the sender included.

    ``event.count`` is 0 and ``deliveries`` is empty if the same random_id was sent before: nothing happened this time.
    """

    event: NewMessage
    deliveries: Sequence[Delivery] = ()


@dataclass(frozen=True, slots=True)
class HasRead:
    """Messages marked as read: the reader's own event, and everybody who must hear of it, the reader included."""

    event: ReadInbox
    deliveries: Sequence[Delivery]


class Post:
    """Carries messages between boxes."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._last_origin = 0

    def send(
        self,
        sender: Account,
        peer: Peer,
        text: str,
        *,
        random_id: int | None = None,
        reply_to: int | None = None,
        entities: tuple[Any, ...] = (),
        action: Action | None = None,
        media: File | None = None,
        grouped_id: int | None = None,
        forward: Forward | None = None,
    ) -> Sent:
        """Put a copy into the box of everybody concerned.

        ``random_id``: a second message with the same one is the first again. ``reply_to``: a message id of the
        sender's box. Raises RpcError 400 as `check_text`, RANDOM_ID_EMPTY (0), MESSAGE_ID_INVALID (no such message to
        reply to in this dialog); 500 RANDOM_ID_DUPLICATE if that random_id went to somebody else.
        """
        if random_id == 0:
            raise RpcError(400, "RANDOM_ID_EMPTY")
        before = sender.box.sent.get(random_id) if random_id is not None else None
        if before is not None:
            if before.peer != peer:
                raise RpcError(500, "RANDOM_ID_DUPLICATE")
            return Sent(NewMessage(sender.box.pts, before, count=0))
        if action is None:
            check_text(text, media)
        replied = sender.box.message(reply_to) if reply_to else None
        if reply_to and (replied is None or replied.peer != peer):
            raise RpcError(400, "MESSAGE_ID_INVALID")

        self._last_origin += 1
        date = self._people.now
        events: list[tuple[Account, NewMessage]] = []
        for owner, dialog in self._copies(sender, peer):
            event = owner.box.add(
                dialog,
                sender.id,
                date,
                text,
                out=owner is sender,
                origin=self._last_origin,
                reply_to=owner.box.copy_of(replied) if replied else None,
                entities=entities,
                action=action,
                media=media,
                grouped_id=grouped_id,
                forward=forward,
            )
            events.append((owner, event))
        own = events[0][1]
        if random_id is not None:
            sender.box.sent[random_id] = own.message
        if peer.kind == "user":
            self._people.meet(sender, self._people.accounts[peer.id])
        return Sent(own, [Delivery(owner.id, event) for owner, event in events])

    def read(self, reader: Account, peer: Peer, max_id: int = 0) -> HasRead | None:
        """Mark messages of a dialog as read up to ``max_id`` (0: all), and tell those who wrote them. None if nothing
        was unread."""
        change = reader.box.read_inbox(peer, max_id)
        if change is None:
            return None
        event, messages = change
        deliveries = [Delivery(reader.id, event)]
        for author_id, last in {message.sender: message for message in messages}.items():
            author = self._people.accounts[author_id]
            theirs = author.box.copy_of(last)
            seen = author.box.read_outbox(peer if peer.kind == "chat" else user(reader.id), theirs) if theirs else None
            if seen is not None:
                deliveries.append(Delivery(author_id, seen))
        return HasRead(event, deliveries)

    def _copies(self, sender: Account, peer: Peer) -> list[tuple[Account, Peer]]:
        """Whose box gets a copy, and which dialog it lies in there; the sender first. Pretend friends keep none, but of
        what they send themselves."""
        accounts = self._people.accounts
        if peer.kind == "chat":
            others = [(accounts[member], peer) for member in self._people.chats[peer.id].members if member != sender.id]
        elif peer.id != sender.id:
            others = [(accounts[peer.id], user(sender.id))]
        else:
            others = []
        return [(sender, peer), *((owner, dialog) for owner, dialog in others if not owner.pretend)]


def check_text(text: str, media: File | None = None) -> None:
    """Raises RpcError 400 MESSAGE_EMPTY, MESSAGE_TOO_LONG; with a file, which needs no text, MEDIA_CAPTION_TOO_LONG."""
    length = len(text.encode("utf-16-le")) // 2
    if media is not None:
        if length > LONGEST_CAPTION:
            raise RpcError(400, "MEDIA_CAPTION_TOO_LONG")
        return
    if not text.strip():
        raise RpcError(400, "MESSAGE_EMPTY")
    if length > LONGEST:
        raise RpcError(400, "MESSAGE_TOO_LONG")
