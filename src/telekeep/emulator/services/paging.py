"""How a window of messages is answered (core.telegram.org/api/offsets)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telekeep.emulator.render.view import View
from telekeep.emulator.services.hashing import fold
from telekeep.emulator.world.message import Message
from telekeep.mtproto.schema import build, types


def page(seen: View, chosen: Sequence[Message], count: int, known: int) -> Any:
    """messages.messages if ``chosen`` are all ``count`` there are, else a slice; messagesNotModified if the client's
    hash ``known`` says that it has them.
    """
    if known and known == fold(message.id for message in chosen):
        return types.messages.MessagesNotModified(count=count)
    if len(chosen) == count:
        return build(types.messages.Messages, **seen.shown(chosen))
    return build(types.messages.MessagesSlice, count=count, **seen.shown(chosen))
