"""Messages sent on: copies of what somebody wrote, with a word on whose it is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.account import Account
from telekeep.emulator.world.message import PAGE, Forward, Message
from telekeep.emulator.world.peer import Peer, user
from telekeep.emulator.world.people import People
from telekeep.emulator.world.post import Sent


class Forwarding:
    """Forwards between all kinds of dialogs. ``send``: as `World.send_message`."""

    def __init__(self, people: People, send: Callable[..., Sent]) -> None:
        self._people = people
        self._send = send

    def send(
        self,
        sender: Account,
        source: Peer,
        ids: Sequence[int],
        target: Peer,
        *,
        random_ids: Sequence[int],
        drop_author: bool = False,
        drop_captions: bool = False,
    ) -> list[Sent]:
        """Forward messages of one dialog to another, in the order given: all of them or none.

        ``drop_author``: as if the sender had written them; ``drop_captions``: files without their text. Raises RpcError
        400 MESSAGE_IDS_EMPTY, LIMIT_INVALID, RANDOM_ID_INVALID (not one for each), RANDOM_ID_EMPTY, MESSAGE_ID_INVALID
        (none such in this dialog, or a service message); 500 RANDOM_ID_DUPLICATE.
        """
        if not ids:
            raise RpcError(400, "MESSAGE_IDS_EMPTY")
        if len(ids) > PAGE:
            raise RpcError(400, "LIMIT_INVALID")
        if len(random_ids) != len(ids):
            raise RpcError(400, "RANDOM_ID_INVALID")
        if 0 in random_ids:
            raise RpcError(400, "RANDOM_ID_EMPTY")
        before = sender.box.sent
        if len(set(random_ids)) < len(ids) or any(before[each].peer != target for each in random_ids if each in before):
            raise RpcError(500, "RANDOM_ID_DUPLICATE")
        # what was forwarded with this random_id already is not looked for again: it may be gone meanwhile
        found = [
            before.get(random_id) or self._forwardable(sender, source, number)
            for number, random_id in zip(ids, random_ids, strict=True)
        ]
        new = sum(random_id not in before for random_id in random_ids)
        albums: dict[int, int] = {}
        sent = []
        for message, random_id in zip(found, random_ids, strict=True):
            details: dict[str, Any] = {}
            if message.grouped_id is not None:
                details["grouped_id"] = albums.setdefault(message.grouped_id, secrets.randbits(62) + 1)
            if not drop_author:
                details["forward"] = self._header(message, saved=target == user(sender.id))
                if random_id not in before:
                    message.forwards += 1
            if target.kind == "channel":
                details["together"] = new
            text, entities = message.text, message.entities
            if drop_captions and message.media is not None:
                text, entities = "", ()
            sent.append(
                self._send(sender, target, text, random_id=random_id, entities=entities, media=message.media, **details)
            )
        return sent

    def _forwardable(self, sender: Account, source: Peer, number: int) -> Message:
        message = self._people.box_of(sender, source).message(number)
        if message is None or message.peer != source or message.action is not None:
            raise RpcError(400, "MESSAGE_ID_INVALID")
        return message

    def _header(self, message: Message, *, saved: bool) -> Forward:
        """Whoever wrote it first is named, through however many hands it went: of a channel's post, the channel."""
        first, peer = message.forward, message.peer
        saved_from = (peer, message.id) if saved else None
        if first is not None:
            return Forward(first.author, first.date, saved_from, first.post)
        is_post = peer.kind == "channel" and self._people.channels[peer.id].is_broadcast
        return Forward(message.sender, message.date, saved_from, (peer.id, message.id) if is_post else None)
