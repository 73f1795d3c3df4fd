"""Which keys there are, and which connections use them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha1
from itertools import count
from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.rpc_error import RpcError


class Registry:
    """The emulator's keys, logins and connections."""

    def __init__(self) -> None:
        self._keys: dict[int, Authorization] = {}
        self.lines: dict[Any, set[Authorization]] = {}  # open connections, and the keys they carried
        self._numbers: dict[Any, int] = {}  # of the open connections, in the order they were opened
        self._next_number = count(1)

    # ---- keys

    def add(self, authorization: Authorization) -> None:
        self._keys[authorization.key.id] = authorization

    def find(self, key_id: int, dc_id: int) -> Authorization | None:
        """The key of this id; a key means nothing outside the data center it was made for."""
        found = self._keys.get(key_id)
        return found if found is not None and found.dc_id == dc_id else None

    def taken(self, key: bytes) -> bool:
        return int.from_bytes(sha1(key).digest()[-8:], "little") in self._keys

    def forget(self, authorization: Authorization) -> None:
        """As if the key had never been: its owner gets -404."""
        for each in [authorization, *self.exported_from(authorization)]:
            self._keys.pop(each.key.id, None)
            each.ended = RpcError(401, "AUTH_KEY_UNREGISTERED")

    # ---- logins

    def of(self, user_id: int) -> list[Authorization]:
        """The living logins of a user, oldest first, without the keys exported from them."""
        found = [each for each in self.logins() if each.user_id == user_id]
        return sorted(found, key=lambda each: each.created_at)

    def logins(self) -> Iterator[Authorization]:
        return (each for each in self._keys.values() if each.is_logged_in and each.origin is None)

    def exported_from(self, authorization: Authorization) -> list[Authorization]:
        return [each for each in self._keys.values() if each.origin is authorization]

    # ---- connections

    def opened(self, line: Any) -> None:
        self.lines[line] = set()
        self._numbers[line] = next(self._next_number)

    def number_of(self, line: Any) -> int:
        """Its place in the order in which all connections were opened."""
        return self._numbers[line]

    def carries(self, line: Any, authorization: Authorization) -> None:
        self.lines.setdefault(line, set()).add(authorization)

    def lines_of(self, authorization: Authorization) -> list[Any]:
        return [line for line, keys in self.lines.items() if authorization in keys]

    def closed(self, line: Any) -> None:
        self._numbers.pop(line, None)
        for authorization in self.lines.pop(line, ()):
            authorization.mains.left(line)
            authorization.listeners.pop(line, None)
