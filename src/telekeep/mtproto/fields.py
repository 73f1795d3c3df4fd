"""Messages read as their fields, without an object for each: a third of the time, where there are thousands.

The layouts are Telethon's own, of whichever release: its readers of a result and of a message are run as they are, on a
reader that hands over quickly, with ``dict`` in the place of the class. What is inside a message is read as ever.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from telekeep.mtproto.schema import SchemaError, read_first, types

_INT, _UNSIGNED = struct.Struct("<i").unpack_from, struct.Struct("<I").unpack_from
_LONG, _UNSIGNED_LONG = struct.Struct("<q").unpack_from, struct.Struct("<Q").unpack_from

_AS_FIELDS: dict[int, Callable[[Any, Any], Any]] = {
    each.CONSTRUCTOR_ID: each.from_reader.__func__
    for each in (
        types.Message,
        types.MessageService,
        types.messages.Messages,
        types.messages.MessagesSlice,
        types.messages.ChannelMessages,
    )
}
_RESULTS = frozenset(
    each.CONSTRUCTOR_ID
    for each in (types.messages.Messages, types.messages.MessagesSlice, types.messages.ChannelMessages)
)
_PEERS = {each.CONSTRUCTOR_ID: each for each in (types.PeerUser, types.PeerChat, types.PeerChannel)}


def messages(data: bytes) -> dict[str, Any] | None:
    """The fields of the messages.Messages or its like that ``data`` begins with. Its ``messages`` are fields as well,
    but for those that are empty; dates of messages are Unix seconds. None where it is to be read as ever: it is
    something else, or something in it is unusual.
    """
    try:
        if _UNSIGNED(data)[0] not in _RESULTS:
            return None
        found: dict[str, Any] = _Quick(data).tgread_object()
        return found
    except (SchemaError, _Unusual, struct.error, AttributeError, TypeError, ValueError):
        return None


class _Unusual(Exception):
    """Something that is left to Telethon's own reader."""


class _Quick:
    """What Telethon's from_reader methods ask of a reader."""

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data
        self._met: dict[bytes, Any] = {}

    def read_int(self, signed: bool = True) -> int:
        at = self.at
        self.at = at + 4
        return (_INT if signed else _UNSIGNED)(self._data, at)[0]  # type: ignore[no-any-return]  # an int

    def read_long(self, signed: bool = True) -> int:
        at = self.at
        self.at = at + 8
        return (_LONG if signed else _UNSIGNED_LONG)(self._data, at)[0]  # type: ignore[no-any-return]  # an int

    def tgread_date(self) -> int:
        seconds = self.read_int()
        if seconds <= 0:  # releases differ in what that is
            raise _Unusual
        return seconds

    def tgread_bytes(self) -> bytes:
        data, at = self._data, self.at
        length = data[at] if at < len(data) else 255
        begin = at + 1
        if length == 254:
            length, begin = _UNSIGNED(data, at)[0] >> 8, at + 4
        elif length == 255:
            raise _Unusual
        end = begin + length
        self.at = end + (at - end) % 4  # the next multiple of four from where it began
        if self.at > len(data):
            raise _Unusual
        return data[begin:end]

    def tgread_string(self) -> str:
        return str(self.tgread_bytes(), "utf-8", "replace")

    def tgread_object(self) -> Any:
        at = self.at
        constructor = _UNSIGNED(self._data, at)[0]
        layout = _AS_FIELDS.get(constructor)
        if layout is not None:
            self.at = at + 4
            return layout(dict, self)
        if constructor in _PEERS:
            self.at = at + 12
            raw = self._data[at : at + 12]
            peer = self._met.get(raw)
            if peer is None:
                peer = self._met[raw] = _PEERS[constructor](_LONG(raw, 4)[0])
            return peer
        found, length = read_first(self._data[at:])
        self.at = at + length
        return found
