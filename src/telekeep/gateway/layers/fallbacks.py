"""What a result or an update says instead of something that the other layer has no word for.

By type of the target. What is not here is left out, with what holds it, up to the nearest place that can bear it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from telekeep.gateway.layers.buttons import instead_of_button, instead_of_inline_button
from telekeep.gateway.layers.node import Maker, Node
from telekeep.gateway.layers.reading import VECTOR

Fallback = Callable[[Node, Maker], bytes | None]


def _bare(name: str) -> Fallback:
    return lambda node, make: make(name)


def _numbered(name: str) -> Fallback:
    """An empty one of the same id."""

    def fallback(node: Node, make: Maker) -> bytes | None:
        field = node.word.fields.get("id")
        if field is None or not node.has("id"):
            return None
        return make(name, id=node.raw("id")) if field.kind == make.table.types[name].fields["id"].kind else None

    return fallback


def _message(node: Node, make: Maker) -> bytes | None:
    return make("messageEmpty", id=node.raw("id"), peer_id=node.to("peer_id", "Peer"))


def _rich_text(node: Node, make: Maker) -> bytes | None:
    """The text without what made it special."""
    if "text" in node.word.fields and node.word.fields["text"].kind == "RichText":
        return node.to("text", "RichText")
    return make("textEmpty")


# ---- updates: none may leave a hole


def _update(node: Node, make: Maker) -> bytes | None:
    """One that has a place on a pts line is replaced by one that takes the same place and tells nothing.

    These two, as in `telekeep.upstream.settle.no_op`: no library makes an event of them. Of an empty list of deleted
    messages Telethon makes one. On the line of qts, an encrypted message of no chat: what is unknown there is for
    bots, who have none, so that nobody listens.
    """
    fields = node.word.fields
    if "pts" in fields and "pts_count" in fields:
        where = {"pts": node.raw("pts"), "pts_count": node.raw("pts_count")}
        channel = _channel(node)
        if channel is None:
            return make("updateFolderPeers", folder_peers=[], **where)
        nothing = make("webPageEmpty", id=0)
        return make("updateChannelWebPage", channel_id=channel, webpage=nothing, **where)
    if "qts" in fields:
        nothing = make("encryptedMessageService", random_id=0, chat_id=0, date=0, bytes=bytes(4))
        return make("updateNewEncryptedMessage", message=nothing, qts=node.raw("qts"))
    return None


def _channel(node: Node) -> bytes | None:
    """The id of the channel whose line an update is on; None for the account's."""
    fields = node.word.fields
    if "message" in fields and fields["message"].kind == "Message":
        message = node.child("message")
        peer = message.child("peer_id") if message else None
        if peer is not None and peer.word.name == "peerChannel":
            return peer.raw("channel_id")
    return node.raw("channel_id") if node.has("channel_id") else None


def _updates(node: Node, make: Maker) -> bytes | None:
    """updateShort with an update that is left out."""
    if node.word.name != "updateShort":
        return None
    nobody = VECTOR + bytes(4)
    return make("updates", updates=nobody, users=nobody, chats=nobody, date=node.raw("date"), seq=0)


FALLBACKS: Final[dict[str, Fallback]] = {
    "Chat": _numbered("chatEmpty"),
    "Document": _numbered("documentEmpty"),
    "DraftMessage": _bare("draftMessageEmpty"),
    "GeoPoint": _bare("geoPointEmpty"),
    "InputStickerSet": _bare("inputStickerSetEmpty"),
    "KeyboardButton": instead_of_button,
    "KeyboardInlineButton": instead_of_inline_button,
    "Message": _message,
    "MessageAction": _bare("messageActionEmpty"),
    "MessageMedia": _bare("messageMediaUnsupported"),
    "PageBlock": _bare("pageBlockUnsupported"),
    "Photo": _numbered("photoEmpty"),
    "RichText": _rich_text,
    "StoryItem": _numbered("storyItemDeleted"),
    "Update": _update,
    "Updates": _updates,
    "User": _numbered("userEmpty"),
    "UserStatus": _bare("userStatusEmpty"),
    "WebPage": _numbered("webPageEmpty"),
    "help.PromoData": lambda node, make: make("help.promoDataEmpty", expires=node.raw("expires")),
}
