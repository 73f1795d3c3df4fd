"""The people and chats a session has met, found by id, user name, phone and name as Telethon looks for them.

Ids are "marked" as in Telethon: a user's as it is, a chat's negative, a channel's with -100 before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from telekeep.session.model import Peer, PeerKind

_CHANNELS = 1_000_000_000_000


def marked(peer: Peer) -> int:
    """The marked id of ``peer``."""
    if peer.kind is PeerKind.USER:
        return peer.id
    return -peer.id if peer.kind is PeerKind.CHAT else -_CHANNELS - peer.id


def unmarked(number: int) -> tuple[PeerKind, int]:
    """What a marked id names."""
    if number >= 0:
        return PeerKind.USER, number
    return (PeerKind.CHANNEL, -number - _CHANNELS) if number < -_CHANNELS else (PeerKind.CHAT, -number)


class Cast:
    """Peers by whatever they are looked for. ``changed`` returns, once, those that are new or different."""

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self._peers: dict[int, Peer] = {}
        self._by_username: dict[str, int] = {}
        self._by_phone: dict[str, int] = {}
        self._by_name: dict[str, int] = {}
        self._changed: set[int] = set()
        for peer in peers:
            self._put(marked(peer), peer)

    def __len__(self) -> int:
        return len(self._peers)

    def meet(self, met: Peer) -> None:
        """Take note of a peer. What ``met`` does not say (None) stays as it was known."""
        number = marked(met)
        known = self._peers.get(number)
        if known is None:
            self._put(number, met)
            self._changed.add(number)
            return
        news = {field: value for field in _FIELDS if (value := getattr(met, field)) is not None}
        if any(getattr(known, field) != value for field, value in news.items()):
            self._take_out(number, known)
            self._put(number, replace(known, **news))
            self._changed.add(number)

    def all(self) -> tuple[Peer, ...]:
        """Every peer."""
        return tuple(self._peers.values())

    def changed(self) -> list[Peer]:
        """The peers that changed since this was last asked."""
        numbers, self._changed = self._changed, set()
        return [self._peers[number] for number in numbers]

    def everybody(self) -> list[Peer]:
        """All that are known."""
        return list(self._peers.values())

    def by_id(self, number: int) -> Peer | None:
        return self._peers.get(number)

    def by_bare_id(self, number: int) -> Peer | None:
        """The user, else the chat, else the channel that has this id without a mark."""
        candidates = (number, -number, -_CHANNELS - number)
        return next((self._peers[each] for each in candidates if each in self._peers), None)

    def by_username(self, username: str) -> Peer | None:
        return self._found(self._by_username.get(username.lower()))

    def by_phone(self, phone: str) -> Peer | None:
        return self._found(self._by_phone.get(phone))

    def by_name(self, name: str) -> Peer | None:
        return self._found(self._by_name.get(name))

    def _found(self, number: int | None) -> Peer | None:
        return None if number is None else self._peers[number]

    def _put(self, number: int, peer: Peer) -> None:
        self._peers[number] = peer
        for index, key in self._keys(peer):
            index[key] = number

    def _take_out(self, number: int, peer: Peer) -> None:
        for index, key in self._keys(peer):
            if index.get(key) == number:
                del index[key]

    def _keys(self, peer: Peer) -> Iterable[tuple[dict[str, int], str]]:
        if peer.username:
            yield self._by_username, peer.username.lower()
        if peer.phone:
            yield self._by_phone, peer.phone
        if peer.name:
            yield self._by_name, peer.name


_FIELDS = ("access_hash", "username", "phone", "name")
