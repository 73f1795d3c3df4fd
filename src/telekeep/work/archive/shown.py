"""A page of a chat's history, read into rows as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from telekeep.mtproto import fields
from telekeep.mtproto.schema import types
from telekeep.work.archive import reading
from telekeep.work.archive.rows import File, Message


class Shown:
    """``messages`` as rows, newest first, the ``files`` they carry, and the ``users`` and ``chats`` they name."""

    CONSTRUCTOR_ID = 0  # Telethon looks whether a result is an update

    def __init__(self, found: Mapping[str, Any], self_id: int) -> None:
        self.users: list[Any] = found["users"]
        self.chats: list[Any] = found["chats"]
        self.messages: list[Message] = []
        self.files: dict[int, File] = {}
        for each in found["messages"]:
            if isinstance(each, types.MessageEmpty):
                continue
            told = each if isinstance(each, dict) else vars(each)
            row = reading.row(told, self_id)
            if row is None:
                continue
            self.messages.append(row)
            if row.file_id and (file := reading.file_of(told)) is not None:
                self.files[file.id] = file


def in_rows(request: Any, self_id: int) -> Any:
    """``request``, whose answer is a page of messages, with an answer that is `Shown`."""
    stock: Callable[[Any], Any] = request.read_result

    def read_result(reader: Any) -> Shown:
        data = reader.get_bytes()[reader.tell_position() :]
        found = fields.messages(data)
        return Shown(vars(stock(reader)) if found is None else found, self_id)

    request.read_result = read_result
    return request
