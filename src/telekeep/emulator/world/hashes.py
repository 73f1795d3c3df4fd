"""Access hashes, which belong to one authorization (core.telegram.org/api/peers): no other one may use them."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

Kind = Literal["user", "min user", "channel"]


class Viewer:
    """What one authorization has been told: its access hashes, and the users and groups it was given in full.

    ``known`` and ``known_chats`` decide whether a short update will do: a client cannot show a message of somebody it
    never heard of. ``packed``: users as they were last sent, by id, with what they showed then.
    """

    __slots__ = ("_hashes", "_key", "known", "known_chats", "packed")

    def __init__(self, secret: bytes, number: int) -> None:
        self._key = blake2b(number.to_bytes(8, "little"), key=secret, digest_size=32).digest()
        self._hashes: dict[tuple[Kind, int], int] = {}
        self.known: set[int] = set()
        self.known_chats: set[int] = set()
        self.packed: dict[int, tuple[tuple[object, ...], bytes]] = {}

    def access_hash(self, kind: Kind, peer_id: int) -> int:
        """The access hash of this peer for this authorization: positive, never 0.

        "min user" is the hash of a user seen only through a group: it looks like one, and opens nothing directly.
        """
        found = self._hashes.get((kind, peer_id))
        if found is None:
            digest = blake2b(f"{kind} {peer_id}".encode(), key=self._key, digest_size=8).digest()
            found = self._hashes[kind, peer_id] = (int.from_bytes(digest, "little") >> 1) or 1
        return found


class Viewers:
    """The viewer of each authorization, made when first asked for."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._viewers: dict[int, Viewer] = {}

    def of(self, number: int) -> Viewer:
        """``number``: `Authorization.hash`, which all keys of one login share."""
        viewer = self._viewers.get(number)
        if viewer is None:
            viewer = self._viewers[number] = Viewer(self._secret, number)
        return viewer
