"""Where a field, or a result, is of another kind in the other layer: by both kinds, whatever it is a field of."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.node import Convert, Loom, Node, Value
from telekeep.gateway.layers.reading import TRUE, VECTOR, Bounds, text_at

_INT: Final = struct.Struct("<i")
_LONG: Final = struct.Struct("<q")
_DOUBLE: Final = struct.Struct("<d")
_ONE: Final = VECTOR + _INT.pack(1)

Coercion = Callable[[Loom], Convert]


def _number(source: struct.Struct, target: struct.Struct, name: str) -> Coercion:
    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        value = source.unpack_from(d, p)[0]
        try:
            return target.pack(value if target is _DOUBLE else int(value)), p + source.size
        except (struct.error, ValueError, OverflowError):
            raise Untranslatable(name) from None

    return lambda loom: convert


def _through(source: str, make: Callable[[Loom, Node], bytes | None]) -> Coercion:
    """By hand, of an object of the type ``source``."""

    def coercion(loom: Loom) -> Convert:
        def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            node = Node(loom, loom.reader.word_of(source, d[p : p + 4]), d, p + 4, c)
            made = make(loom, node)
            if made is None:
                raise Untranslatable(node.word.name)
            return made, node.end

        return convert

    return coercion


def _part(source: str, field: str, target: str) -> Coercion:
    """What was all is one field of several now. A result that holds more is cut down to it."""

    def make(loom: Loom, node: Node) -> bytes | None:
        return node.to(field, target) if field in node.word.fields else None

    return _through(source, make)


def _whole(source: str, word: str, field: str, **rest: Value) -> Coercion:
    """The other way round: ``source`` is one field of ``word``."""

    def coercion(loom: Loom) -> Convert:
        target = loom.target.types.get(word)
        if target is None:
            raise Untranslatable(word)
        inner = loom.convert(source, target.fields[field].kind)

        def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            part, p = inner(d, p, c)
            return loom.make(word, **{**rest, field: part}), p

        return convert

    return coercion


def _word_for_word(pairs: dict[str, str], source: str) -> Coercion:
    """Constructors of ``source`` by those of another type, field by field."""

    def make(loom: Loom, node: Node) -> bytes | None:
        name = pairs.get(node.word.name)
        return loom.make.carried(name, node) if name else None

    return _through(source, make)


def _turned(pairs: dict[str, str]) -> dict[str, str]:
    return {other: one for one, other in pairs.items()}


_CHANNEL: Final = {"inputChannel": "inputPeerChannel", "inputChannelFromMessage": "inputPeerChannelFromMessage"}
_USER: Final = {
    "inputUser": "inputPeerUser",
    "inputUserSelf": "inputPeerSelf",
    "inputUserFromMessage": "inputPeerUserFromMessage",
}


def _plain_text(loom: Loom, node: Node) -> bytes | None:
    if loom.strict and node.raw("entities") != VECTOR + bytes(4):
        return None  # somebody asked for bold
    return node.raw("text")


def _bytes_to_text(d: bytes, p: int, loom: Loom) -> bytes:
    try:
        str(text_at(d, p), "utf-8")
    except UnicodeDecodeError:
        raise Untranslatable("string") from None
    return d[p : loom.reader.kind("bytes")(d, p, Bounds(0))]


def _text(loom: Loom) -> Convert:
    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        raw = _bytes_to_text(d, p, loom)
        return raw, p + len(raw)

    return convert


def _same_bytes(source: str) -> Coercion:
    def coercion(loom: Loom) -> Convert:
        over = loom.reader.kind(source)

        def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            end = over(d, p, c)
            return d[p:end], end

        return convert

    return coercion


def _with_entities(loom: Loom) -> Convert:
    over = loom.reader.kind("string")

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        end = over(d, p, c)
        return loom.make("textWithEntities", text=d[p:end], entities=[]), end

    return convert


def _user_of_peer(loom: Loom, node: Node) -> bytes | None:
    return node.raw("user_id") if node.word.name == "peerUser" else None


def _only_of_vector(inner: str) -> Coercion:
    def coercion(loom: Loom) -> Convert:
        convert_inner = loom.convert(inner, inner)
        over = loom.reader.kind(f"Vector<{inner}>")

        def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            end = over(d, p, c)
            if d[p + 4 : p + 8] != _ONE[4:]:
                raise Untranslatable(f"Vector<{inner}>")
            return convert_inner(d, p + 8, c)[0], end

        return convert

    return coercion


def _vector_of_one(inner: str) -> Coercion:
    def coercion(loom: Loom) -> Convert:
        convert_inner = loom.convert(inner, inner)

        def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
            part, p = convert_inner(d, p, c)
            return _ONE + part, p

        return convert

    return coercion


def _yes(*names: str) -> Callable[[Loom, Node], bytes | None]:
    return lambda loom, node: TRUE if node.word.name in names else None


def _theme(loom: Loom, node: Node) -> bytes | None:
    if node.word.name == "inputChatThemeEmpty":
        return bytes(4)  # an empty string took the theme away
    return node.raw("emoticon") if "emoticon" in node.word.fields else None


def _input_theme(loom: Loom) -> Convert:
    over = loom.reader.kind("string")

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        end = over(d, p, c)
        if not text_at(d, p):
            return loom.make("inputChatThemeEmpty"), end
        return loom.make("inputChatTheme", emoticon=d[p:end]), end

    return convert


COERCIONS: Final[dict[tuple[str, str], Coercion]] = {
    # ids and counts grew
    ("int", "long"): _number(_INT, _LONG, "int"),
    ("long", "int"): _number(_LONG, _INT, "long"),
    ("int", "double"): _number(_INT, _DOUBLE, "int"),
    ("double", "int"): _number(_DOUBLE, _INT, "double"),
    ("string", "bytes"): _same_bytes("string"),
    ("bytes", "string"): _text,
    # texts got entities: polls, folders
    ("string", "TextWithEntities"): _with_entities,
    ("TextWithEntities", "string"): _through("TextWithEntities", _plain_text),
    # who was a user may be a chat: votes, stories
    ("long", "Peer"): _whole("long", "peerUser", "user_id"),
    ("Peer", "long"): _through("Peer", _user_of_peer),
    ("InputUser", "InputPeer"): _word_for_word(_USER, "InputUser"),
    ("InputPeer", "InputUser"): _word_for_word(_turned(_USER), "InputPeer"),
    ("InputChannel", "InputPeer"): _word_for_word(_CHANNEL, "InputChannel"),
    ("InputPeer", "InputChannel"): _word_for_word(_turned(_CHANNEL), "InputPeer"),
    # numbers became objects
    ("int", "RecentStory"): _whole("int", "recentStory", "max_id"),
    ("RecentStory", "int"): _part("RecentStory", "max_id", "int"),
    ("int", "PeerColor"): _whole("int", "peerColor", "color"),
    ("PeerColor", "int"): _part("PeerColor", "color", "int"),
    ("long", "StarsAmount"): _whole("long", "starsAmount", "amount", nanos=0),
    ("StarsAmount", "long"): _through(
        "StarsAmount", lambda loom, node: node.raw("amount") if node.word.name == "starsAmount" else None
    ),
    ("string", "ChatTheme"): _whole("string", "chatTheme", "emoticon"),
    ("ChatTheme", "string"): _through("ChatTheme", _theme),
    ("string", "InputChatTheme"): _input_theme,
    ("InputChatTheme", "string"): _through("InputChatTheme", _theme),
    # one became several: paid media, videos in several qualities
    ("MessageExtendedMedia", "Vector<MessageExtendedMedia>"): _vector_of_one("MessageExtendedMedia"),
    ("Vector<MessageExtendedMedia>", "MessageExtendedMedia"): _only_of_vector("MessageExtendedMedia"),
    ("Peer", "Vector<Peer>"): _vector_of_one("Peer"),
    ("Vector<Peer>", "Peer"): _only_of_vector("Peer"),
    ("InputPeer", "Vector<InputPeer>"): _vector_of_one("InputPeer"),
    ("Document", "Vector<Document>"): _vector_of_one("Document"),
    ("Vector<Document>", "Document"): _only_of_vector("Document"),
    ("Reaction", "Vector<Reaction>"): _vector_of_one("Reaction"),
    # results that say more than they did
    ("messages.InvitedUsers", "Updates"): _part("messages.InvitedUsers", "updates", "Updates"),
    ("Updates", "messages.InvitedUsers"): _whole("Updates", "messages.invitedUsers", "updates", missing_invitees=[]),
    ("messages.ChatInviteJoinResult", "Updates"): _part("messages.ChatInviteJoinResult", "updates", "Updates"),
    ("Updates", "messages.ChatInviteJoinResult"): _whole("Updates", "messages.chatInviteJoinResultOk", "updates"),
    ("messages.DialogFilters", "Vector<DialogFilter>"): _part(
        "messages.DialogFilters", "filters", "Vector<DialogFilter>"
    ),
    ("Vector<DialogFilter>", "messages.DialogFilters"): _whole(
        "Vector<DialogFilter>", "messages.dialogFilters", "filters"
    ),
    ("help.AppConfig", "JSONValue"): _part("help.AppConfig", "config", "JSONValue"),
    ("messages.WebPage", "WebPage"): _part("messages.WebPage", "webpage", "WebPage"),
    ("messages.WebPagePreview", "MessageMedia"): _part("messages.WebPagePreview", "media", "MessageMedia"),
    ("MessageMedia", "messages.WebPagePreview"): _whole(
        "MessageMedia", "messages.webPagePreview", "media", chats=[], users=[]
    ),
    ("ReadParticipantDate", "long"): _part("ReadParticipantDate", "user_id", "long"),
    ("ReportResult", "Bool"): _through("ReportResult", _yes("reportResultReported")),
    ("stories.CanSendStoryCount", "Bool"): _through("stories.CanSendStoryCount", _yes("stories.canSendStoryCount")),
}
