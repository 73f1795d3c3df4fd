"""Single fields that are made of others than the one of their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.node import Maker, Node, Value


class Member(NamedTuple):
    """``needs``: the field of the source without which there is nothing to make it of. ``uses``: what else it says."""

    kind: str
    needs: str
    uses: frozenset[str]
    make: Callable[[Node, Maker], Value]


def _reply_to(node: Node, make: Maker) -> Value:
    """What is replied to became an object (layer 160)."""
    top = node.number("top_msg_id") if "top_msg_id" in node.word.fields else None
    replied = node.number("reply_to_msg_id")
    if not replied:
        if top:  # nobody has told what this alone meant
            raise Untranslatable(f"{node.word.name}.top_msg_id")
        return None
    return make("inputReplyToMessage", reply_to_msg_id=replied, top_msg_id=top)


def _reply_to_msg_id(node: Node, make: Maker) -> Value:
    reply = node.child("reply_to")
    if reply is None or reply.word.name != "inputReplyToMessage":
        return None
    found: int = reply.number("reply_to_msg_id")
    return found


def _chat_id(node: Node, make: Maker) -> Value:
    """The bare id of a basic group or a channel, of which a peer says which."""
    peer = node.child("peer")
    if peer is None or peer.word.name == "peerUser":
        return None
    return peer.raw("chat_id" if peer.word.name == "peerChat" else "channel_id")


def _color(node: Node, make: Maker) -> Value:
    if not node.has("color") and not node.has("background_emoji_id"):
        return None
    return make("peerColor", color=node.number("color"), background_emoji_id=node.number("background_emoji_id"))


def _months(node: Node, make: Maker) -> Value:
    return int(node.number("days")) // 30 if node.has("days") else None


def _days(node: Node, make: Maker) -> Value:
    return int(node.number("months")) * 30 if node.has("months") else None


MEMBERS: Final[dict[tuple[str, str], Member]] = {
    ("", "reply_to"): Member("InputReplyTo", "reply_to_msg_id", frozenset({"top_msg_id"}), _reply_to),
    ("", "reply_to_msg_id"): Member("int", "reply_to", frozenset(), _reply_to_msg_id),
    ("", "months"): Member("int", "days", frozenset(), _months),  # how long a gift lasts
    ("", "days"): Member("int", "months", frozenset(), _days),
    ("updateGroupCall", "chat_id"): Member("long", "peer", frozenset(), _chat_id),
    ("account.updateColor", "color"): Member("PeerColor", "color", frozenset({"background_emoji_id"}), _color),
}
"""By word (any, if empty) and field of the target."""


def member(word: str, field: str, kind: str, source: frozenset[str]) -> Member | None:
    """How a field of the target is made of a word with the fields ``source``; None if it is not made so."""
    found = MEMBERS.get((word, field)) or MEMBERS.get(("", field))
    return found if found and found.kind == kind and found.needs in source else None
