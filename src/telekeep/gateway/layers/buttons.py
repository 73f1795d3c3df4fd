"""Buttons of keyboards. Until layer 228 each kind was a constructor of its own, and those of inline keyboards and of
others were one type; since then a button has a type, and the two are apart.
"""

from __future__ import annotations

from typing import Final

from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.node import Convert, Loom, Maker, Node
from telekeep.gateway.layers.reading import Bounds
from telekeep.gateway.layers.table import Word

_INLINE: Final = {
    "keyboardButtonBuy": "inlineButtonTypeBuy",
    "keyboardButtonCallback": "inlineButtonTypeCallback",
    "keyboardButtonCopy": "inlineButtonTypeCopy",
    "keyboardButtonGame": "inlineButtonTypeGame",
    "keyboardButtonSwitchInline": "inlineButtonTypeSwitchInline",
    "keyboardButtonUrl": "inlineButtonTypeUrl",
    "keyboardButtonUrlAuth": "inlineButtonTypeUrlAuth",
    "keyboardButtonUserProfile": "inlineButtonTypeUserProfile",
    "keyboardButtonWebView": "inlineButtonTypeWebView",
    "inputKeyboardButtonUrlAuth": "inputInlineButtonTypeUrlAuth",
    "inputKeyboardButtonUserProfile": "inputInlineButtonTypeUserProfile",
}
_OTHERS: Final = {
    "keyboardButton": "buttonTypeDefault",
    "keyboardButtonRequestGeoLocation": "buttonTypeRequestGeoLocation",
    "keyboardButtonRequestPeer": "buttonTypeRequestPeer",
    "keyboardButtonRequestPhone": "buttonTypeRequestPhone",
    "keyboardButtonRequestPoll": "buttonTypeRequestPoll",
    "keyboardButtonSimpleWebView": "buttonTypeSimpleWebView",
    "inputKeyboardButtonRequestPeer": "inputButtonTypeRequestPeer",
}
_OLD: Final = {kind: button for button, kind in (_INLINE | _OTHERS).items()}

BUTTONS: Final = frozenset(_INLINE | _OTHERS) | {"keyboardInlineButton"}


def button(loom: Loom, word: Word, other: str) -> Convert | None:
    """A function for a button; None where both layers mean the same by it."""
    is_new, wants_new = (schema.types.get("keyboardInlineButton") is not None for schema in (loom.source, loom.target))
    if is_new == wants_new:
        return None
    make = _joined if is_new else _parted

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        node = Node(loom, word, d, p, c)
        return make(loom.make, node, other), node.end

    return convert


def _joined(make: Maker, node: Node, other: str) -> bytes:
    kind = node.child("type")
    assert kind is not None
    name = _OLD.get(kind.word.name)
    if name is None:
        raise Untranslatable(kind.word.name)
    return make.carried(name, node, kind, type=None) if name in make.table.types else _unknown(name)


def _unknown(name: str) -> bytes:
    raise Untranslatable(name)


def _parted(make: Maker, node: Node, other: str) -> bytes:
    kind, button = (
        (_INLINE.get(node.word.name), "keyboardInlineButton")
        if other == "KeyboardInlineButton"
        else (_OTHERS.get(node.word.name), "keyboardButton")
    )
    if kind is None:  # a button that does not belong on such a keyboard
        raise Untranslatable(node.word.name)
    there = make.table.types[kind].fields
    of_type = {field.name: None for field in node.word.fields.values() if field.name not in there}
    of_button = {name: None for name in node.word.fields if name in there}
    return make.carried(button, node, **of_button, type=make.carried(kind, node, **of_type))


def instead_of_button(node: Node, make: Maker) -> bytes | None:
    """For a button of an unknown kind: one with its text that no library presses, so that none changes its place."""
    if make.knows("keyboardInlineButton") or "text" not in node.word.fields:
        return None
    return make("keyboardButtonBuy", text=node.raw("text"))


def instead_of_inline_button(node: Node, make: Maker) -> bytes | None:
    """The same for the buttons of inline keyboards since layer 229."""
    if "text" not in node.word.fields:
        return None
    return make("keyboardInlineButton", text=node.raw("text"), type=make("inlineButtonTypeDisabled"))
