"""Access hashes and file references, which belong to one authorization (core.telegram.org/api/peers and
core.telegram.org/api/file_reference): no other one may use them."""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import Literal

from telekeep.emulator.rpc_error import RpcError

Kind = Literal["user", "min user", "channel", "photo", "document"]

REFERENCE_LASTS = 3600
"""Seconds for which a file reference is good at least; at twice that age it has expired for sure. Telegram names no
figure."""

_EXPIRES = 4  # bytes of a reference that say when it expires


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

    def reference(self, file_id: int, now: float) -> bytes:
        """A file reference of this moment; the same one for a while, so that a message looks the same twice."""
        return self._reference(file_id, (int(now) // REFERENCE_LASTS + 2) * REFERENCE_LASTS)

    def check_reference(self, file_id: int, reference: bytes, now: float) -> None:
        """Raises RpcError 400 FILE_REFERENCE_EMPTY, FILE_REFERENCE_INVALID, FILE_REFERENCE_EXPIRED."""
        if not reference:
            raise RpcError(400, "FILE_REFERENCE_EMPTY")
        expires = int.from_bytes(reference[:_EXPIRES], "big")
        if not compare_digest(reference, self._reference(file_id, expires)):
            raise RpcError(400, "FILE_REFERENCE_INVALID")
        if now >= expires:
            raise RpcError(400, "FILE_REFERENCE_EXPIRED")

    def _reference(self, file_id: int, expires: int) -> bytes:
        mark = blake2b(f"reference {file_id} {expires}".encode(), key=self._key, digest_size=16).digest()
        return expires.to_bytes(_EXPIRES, "big") + mark


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
