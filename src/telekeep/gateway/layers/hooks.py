"""Words that are made by hand, because one of them is several in the other layer, or says the layer itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from telekeep.gateway.layers.buttons import BUTTONS, button
from telekeep.gateway.layers.errors import Malformed, Untranslatable
from telekeep.gateway.layers.node import Convert, Loom, Node
from telekeep.gateway.layers.polls import poll
from telekeep.gateway.layers.reading import Bounds
from telekeep.gateway.layers.table import REQUEST, Word

Hook = Callable[[Loom, Word, str], Convert | None]


def _with_layer(loom: Loom, word: Word, other: str) -> Convert:
    """invokeWithLayer: the layer that is said is the one that is spoken from here on."""
    inner = loom.of_type(REQUEST, REQUEST)
    said = loom.source.layer.to_bytes(4, "little")
    head = loom.target.functions[word.name].id + loom.target.layer.to_bytes(4, "little")

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        if d[p : p + 4] != said:
            raise Malformed("another layer")
        c.depth += 1
        made, p = inner[d[p + 4 : p + 8]](d, p + 8, c)
        c.depth -= 1
        return head + made, p

    return convert


def _topics(loom: Loom, word: Word, other: str) -> Convert | None:
    """messages.forumTopics: until layer 215 only a channel had topics, and a topic did not say whose it is."""
    if "peer" in loom.source.types["forumTopic"].fields or "peer" not in loom.target.types["forumTopic"].fields:
        return None

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        node = Node(loom, word, d, p, c)
        forums = [
            chat.raw("id") for chat in node.children("chats") if chat.word.name == "channel" and chat.has("forum")
        ]
        if len(forums) != 1:
            raise Untranslatable("forumTopic.peer")
        peer = loom.make("peerChannel", channel_id=forums[0])
        topics = [
            loom.make.carried(topic.word.name, topic, peer=peer, unread_poll_votes_count=0)
            for topic in node.children("topics")
        ]
        return loom.make.carried(word.name, node, topics=topics), node.end

    return convert


HOOKS: Final[dict[str, Hook]] = {
    "invokeWithLayer": _with_layer,
    "messages.forumTopics": _topics,
    **dict.fromkeys(sorted(BUTTONS), button),
    **dict.fromkeys(("inputMediaPoll", "poll", "pollAnswer"), poll),
}
"""By word of the source."""
