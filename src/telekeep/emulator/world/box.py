"""The message box of one account, or of one channel: message ids, dialogs, and the pts sequence
(core.telegram.org/api/updates).

Every event moves pts by its count. The box keeps a bounded log of them, from which a client that was away catches up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.files import File
from telekeep.emulator.world.message import Action, Dialog, Forward, Message
from telekeep.emulator.world.peer import Peer

LOG_KEPT = 10_000
"""How many events a client may have missed before it is told differenceTooLong."""

SLICE = 100
"""How many events one difference holds unless the client asks for fewer."""

_pts = attrgetter("pts")


@dataclass(frozen=True, slots=True)
class NewMessage:
    pts: int
    message: Message
    count: int = 1


@dataclass(frozen=True, slots=True)
class ReadInbox:
    """This account has read up to ``max_id``, on one of its devices."""

    pts: int
    peer: Peer
    max_id: int
    unread: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class ReadOutbox:
    """The other side has read up to ``max_id``."""

    pts: int
    peer: Peer
    max_id: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class EditMessage:
    pts: int
    message: Message
    count: int = 1


@dataclass(frozen=True, slots=True)
class DeleteMessages:
    """These are gone; each moves pts by one. ``channel``: whose they were, None for an account's."""

    pts: int
    ids: tuple[int, ...]
    count: int
    channel: int | None = None


Event = NewMessage | ReadInbox | ReadOutbox | EditMessage | DeleteMessages


@dataclass(frozen=True, slots=True)
class Difference:
    """What a client has missed. ``pts`` is where it stands after applying ``events``."""

    kind: Literal["empty", "all", "slice", "too long"]
    pts: int
    events: Sequence[Event] = ()


class Box:
    """Messages and events of one account, or of the ``channel`` of this id. ``kept``: events that are remembered."""

    def __init__(self, *, channel: int | None = None, kept: int = LOG_KEPT) -> None:
        self.channel = channel
        self.pts = 1
        self.dialogs: dict[Peer, Dialog] = {}
        self.sent: dict[int, Message] = {}  # random_id -> what was stored for it
        self._messages: dict[int, Message] = {}
        self._copies: dict[int, int] = {}  # origin -> message id
        self.last_id = 0  # of all messages there ever were
        self._log: list[Event] = []
        self._floor = self.pts  # the pts before the oldest event in the log
        self.kept = kept
        self._last_date = 0

    def __repr__(self) -> str:
        return f"<Box pts={self.pts}, {len(self._messages)} messages in {len(self.dialogs)} dialogs>"

    def message(self, message_id: int) -> Message | None:
        return self._messages.get(message_id)

    def copy_of(self, message: Message) -> int | None:
        """The id that a message of any box has in this one."""
        return message.id if self._messages.get(message.id) is message else self._copies.get(message.origin)

    def dialog(self, peer: Peer) -> Dialog:
        """The dialog with ``peer``; an empty one, not kept, where there is none."""
        return self.dialogs.get(peer) or Dialog(peer)

    def by_recency(self) -> list[Dialog]:
        """All dialogs, pinned ones first, then by their newest message."""
        return sorted(
            self.dialogs.values(), key=lambda d: (d.pinned, d.messages[-1].date, d.messages[-1].id), reverse=True
        )

    def store(
        self,
        peer: Peer,
        sender: int,
        date: int,
        text: str,
        *,
        out: bool,
        origin: int = 0,
        reply_to: int | None = None,
        entities: tuple[Any, ...] = (),
        action: Action | None = None,
        media: File | None = None,
        grouped_id: int | None = None,
        forward: Forward | None = None,
    ) -> Message:
        """Put a message into its dialog, with the next id. It moves pts; `NewMessage` is logged by `add`."""
        self._last_date = date = max(date, self._last_date)  # a clock set back must not unsort a history
        self.last_id += 1
        message = Message(self.last_id, peer, sender, date, text, out, origin, reply_to, entities, action)
        message.media, message.grouped_id, message.forward = media, grouped_id, forward
        self._messages[message.id] = message
        if origin:
            self._copies[origin] = message.id
        dialog = self.dialogs.get(peer)
        if dialog is None:
            dialog = self.dialogs[peer] = Dialog(peer)
        dialog.append(message)
        self.pts += 1
        return message

    def add(self, *args: Any, **details: Any) -> NewMessage:
        """`store`, as an event for everyone who listens or catches up."""
        event = NewMessage(message=self.store(*args, **details), pts=self.pts)
        self._log_event(event)
        return event

    def edit(
        self, message: Message, text: str, entities: tuple[Any, ...], media: File | None, *, at: int
    ) -> EditMessage:
        """Another text and file for one of this box's messages."""
        message.text, message.entities, message.media, message.edited = text, entities, media, at
        self.pts += 1
        event = EditMessage(self.pts, message)
        self._log_event(event)
        return event

    def delete(self, messages: Sequence[Message]) -> DeleteMessages:
        """Forget these messages of this box. A dialog without messages is none."""
        for message in messages:
            del self._messages[message.id]
            self._copies.pop(message.origin, None)
            dialog = self.dialogs[message.peer]
            dialog.remove(message)
            if not dialog.messages:
                del self.dialogs[message.peer]
        self.pts += len(messages)
        event = DeleteMessages(self.pts, tuple(message.id for message in messages), len(messages), self.channel)
        self._log_event(event)
        return event

    def forget_log(self) -> None:
        """What happened so far is history: nobody catches up on it."""
        self._log.clear()
        self._floor = self.pts

    def read_inbox(self, peer: Peer, max_id: int) -> tuple[ReadInbox, list[Message]] | None:
        """Mark as read; None if nothing was unread. Also returns the messages that were, ascending."""
        dialog = self.dialogs.get(peer)
        read = dialog.read_up_to(max_id) if dialog else []
        if dialog is None or not read:
            return None
        self.pts += 1
        event = ReadInbox(self.pts, peer, dialog.read_inbox, dialog.unread)
        self._log_event(event)
        return event, read

    def read_outbox(self, peer: Peer, max_id: int) -> ReadOutbox | None:
        """The other side has read up to ``max_id``; None if that is no news."""
        dialog = self.dialogs.get(peer)
        if dialog is None or dialog.read_outbox >= max_id:
            return None
        dialog.read_outbox = max_id
        self.pts += 1
        event = ReadOutbox(self.pts, peer, max_id)
        self._log_event(event)
        return event

    def difference(self, pts: int, *, limit: int | None = None, total_limit: int | None = None) -> Difference:
        """What happened after ``pts``, at most ``limit`` events of it.

        Raises RpcError 400 PERSISTENT_TIMESTAMP_EMPTY for no pts, PERSISTENT_TIMESTAMP_INVALID for one that this box
        never reached. "too long" if more than ``total_limit`` were missed, or if they are no longer known.
        """
        if pts <= 0:
            raise RpcError(400, "PERSISTENT_TIMESTAMP_EMPTY")
        if pts > self.pts:
            raise RpcError(400, "PERSISTENT_TIMESTAMP_INVALID")
        if pts == self.pts:
            return Difference("empty", self.pts)
        if pts < self._floor:
            return Difference("too long", self.pts)
        start = bisect_right(self._log, pts, key=_pts)
        missed = len(self._log) - start
        if total_limit is not None and missed > max(total_limit, 0):
            return Difference("too long", self.pts)
        size = min(max(limit, 1), SLICE) if limit else SLICE
        events = self._log[start : start + size]
        return Difference("all" if len(events) == missed else "slice", events[-1].pts, events)

    def _log_event(self, event: Event) -> None:
        self._log.append(event)
        if len(self._log) > 2 * self.kept:
            del self._log[: -self.kept]
            self._floor = self._log[0].pts - self._log[0].count
