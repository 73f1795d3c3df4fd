"""What the rooms' callers have to handle."""

from __future__ import annotations


class Untranslatable(Exception):
    """There is no word for it in the other layer.

    ``name``: the TL name of the method, type or field: ``messages.foo``, ``messages.sendMessage.reply_to_msg_id``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Malformed(ValueError):
    """Bytes that are no TL of the layer they are said to be of."""
