"""Updates as entries of the journal: each ready to be sent, once serialised for all borrowers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from telekeep.gateway.asked import Refused
from telekeep.gateway.peers import SERVICE_CHAT
from telekeep.gateway.redact import without_service_chat
from telekeep.mtproto.schema import LAYER, TLObject, types, vector
from telekeep.upstream.settle import Place, no_op, place

_VERSION: Final = 1
_STORED = struct.Struct("<BHqiiI")  # version, layer, line, pts_from, pts_to, date
_NO_LINE: Final = -(1 << 63)
HEAD = struct.pack("<I", types.Updates.CONSTRUCTOR_ID)
TAIL = struct.Struct("<ii")  # date, seq

# They are the login's own affair: notices of the service chat, and who has logged in where.
_LOGIN: Final = (types.UpdateServiceNotification, types.UpdateNewAuthorization, types.UpdateLoginToken)


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened, at one place of the journal.

    ``number``: its position, given by the journal · ``line``: None for the account's pts, a channel's id for its own,
    `telekeep.upstream.settle.QTS` for qts · ``pts_from``, ``pts_to``: the stretch of the line that it takes, 0 and 0
    without pts · ``date`` in Unix seconds · ``body``: an ``updates`` with seq 0, serialised · ``origin``: the borrower
    whose own call caused it, who has it as the answer · ``people_at``: where in ``body`` the users and chats begin, 0
    where that is not known · ``guess``: the stretch within which it stands somewhere, not exactly where it says.
    """

    number: int
    line: int | None
    pts_from: int
    pts_to: int
    date: int
    body: bytes
    origin: object | None = None
    people_at: int = field(default=0, compare=False)  # not on disk
    guess: tuple[int, int] | None = field(default=None, compare=False)  # neither

    @property
    def advances(self) -> bool:
        """Whether it moves its line: only then can a message box tell that it has seen it before."""
        return self.pts_to > self.pts_from

    def to_payload(self) -> bytes:
        """As bytes for the lagging file, without number and origin."""
        line = _NO_LINE if self.line is None else self.line
        return _STORED.pack(_VERSION, LAYER, line, self.pts_from, self.pts_to, self.date) + self.body

    @classmethod
    def from_payload(cls, number: int, payload: bytes) -> Entry:
        """What `to_payload` wrote. Raises ValueError if another version, or another layer's schema, wrote it."""
        if len(payload) < _STORED.size:
            raise ValueError("an entry of the journal is cut short")
        version, layer, line, pts_from, pts_to, date = _STORED.unpack_from(payload)
        if (version, layer) != (_VERSION, LAYER):
            raise ValueError(f"an entry of format {version}, layer {layer}; known are {_VERSION}, {LAYER}")
        return cls(number, None if line == _NO_LINE else line, pts_from, pts_to, date, payload[_STORED.size :])


class Faces:
    """The users and chats that entries showed last, serialised; at most ``capacity`` of each kind.

    Telegram names nobody whom the authorization has met. Borrowers met others, or nobody yet. ``acquaintance(number,
    chat)``: what the owner can say of somebody whom no entry has shown; None for nobody.
    """

    def __init__(
        self, capacity: int = 2000, acquaintance: Callable[[int, bool], Any] = lambda number, chat: None
    ) -> None:
        self._capacity = capacity
        self._acquaintance = acquaintance
        self._known: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})

    def meet(self, person: Any, packed: bytes, *, chat: bool) -> None:
        """Remember a user or chat, unless it is one in part only (``min``)."""
        if getattr(person, "min", False):
            return
        known = self._known[chat]
        known.pop(person.id, None)
        known[person.id] = packed
        if len(known) > self._capacity:
            del known[next(iter(known))]

    def others(self, numbers: set[int], given: Iterable[int], *, chat: bool) -> list[bytes]:
        """Those remembered, or known to the owner, whose id is among ``numbers`` and not ``given``."""
        known = self._known[chat]
        found = []
        for each in numbers.difference(given):
            packed = known.get(each)
            if packed is None:
                person = self._acquaintance(each, chat)
                if person is None:
                    continue
                packed = bytes(person)
            found.append(packed)
        return found


def entries_of(
    updates: Sequence[Any],
    users: Sequence[Any],
    chats: Sequence[Any],
    date: int | datetime,
    *,
    faces: Faces | None = None,
) -> list[Entry]:
    """Entries, without numbers yet, for updates in the order of the message box, one for each.

    With it go those of ``users`` and ``chats`` whose ids it names, and what ``faces`` knows of the others; all of them
    if there is but one entry. ``date`` in Unix seconds. An update's ``_origin``, if it has one, is the entry's.
    An update that moves nothing and stands right before one that does is one entry with it: so a message box takes it
    exactly once. Updates of the service chat are left out; where they have a place on a line, a no-op takes it.
    """
    seconds = int(date.timestamp()) if isinstance(date, datetime) else date
    groups = _grouped(updates)
    cast = _Cast(users, chats, faces)
    is_one = len(groups) == 1
    found = []
    for where, group in groups:
        told = HEAD + vector(group)
        body = b"".join((told, *cast.needed(group, everybody=is_one), TAIL.pack(seconds, 0)))
        line, start, end = where or _NOWHERE
        origin, guess = getattr(group[-1], "_origin", None), getattr(group[-1], "_guess", None)
        entry = Entry(0, line, start, end, seconds, body, origin, len(told), guess)
        shown = _without_service_chat(entry)
        if shown is not None:
            found.append(shown)
    return found


_NOWHERE = Place(None, 0, 0)
_Group = tuple[Place | None, list[Any]]


def _grouped(updates: Iterable[Any]) -> list[_Group]:
    """What is shown, in entries: each with the place that it takes."""
    groups: list[_Group] = []
    for update in updates:
        if not isinstance(update, TLObject) or update.SUBCLASS_OF_ID != _UPDATE:
            raise TypeError(f"{type(update).__name__} is no update in full form")
        where = place(update)
        shown = update
        if _is_service_chats(update):
            if where is None:
                continue
            shown = no_op(where.line, where.end, where.end - where.start)
        group = [shown]
        if where is not None and where.end > where.start:
            while groups and _stands_before(groups[-1], where, update):
                group = groups.pop()[1] + group
        groups.append((where, group))
    return groups


_UPDATE: Final = types.UpdateNewMessage.SUBCLASS_OF_ID


def _stands_before(group: _Group, where: Place, update: Any) -> bool:
    there, those = group
    return there == (where.line, where.start, where.start) and _origin(those[-1]) is _origin(update)


def _origin(update: Any) -> Any:
    return getattr(update, "_origin", None)


# ---- whom it names


class _Cast:
    """The users and chats that came along, serialised when they are first needed."""

    def __init__(self, users: Sequence[Any], chats: Sequence[Any], faces: Faces | None) -> None:
        self._people = {person.id: person for person in users}, {person.id: person for person in chats}
        self._packed: tuple[dict[int, bytes], dict[int, bytes]] = {}, {}
        self._faces = faces

    def needed(self, updates: Iterable[Any], *, everybody: bool) -> tuple[bytes, bytes]:
        """The vectors of users and of chats that go with ``updates``."""
        numbers: set[int] = set()
        if not everybody or self._faces is not None:
            for update in updates:
                _numbers(update, numbers)
        return self._vector(False, numbers, everybody), self._vector(True, numbers, everybody)

    def _vector(self, chat: bool, numbers: set[int], everybody: bool) -> bytes:
        people, packed = self._people[chat], self._packed[chat]
        chosen = []
        for number in people if everybody else numbers.intersection(people):
            each = packed.get(number)
            if each is None:
                each = packed[number] = bytes(people[number])
                if self._faces is not None:
                    self._faces.meet(people[number], each, chat=chat)
            chosen.append(each)
        if self._faces is not None:
            chosen += self._faces.others(numbers, people, chat=chat)
        return vector(chosen)


def _numbers(thing: Any, found: set[int]) -> None:
    """Every whole number in an object: ids of users and chats are among them, wherever they stand."""
    for name, value in vars(thing).items():
        if value is None or value is True or value is False or name[0] == "_":
            continue
        if type(value) is int:
            found.add(value)
        elif type(value) is list:
            for each in value:
                if type(each) is int:
                    found.add(each)
                elif isinstance(each, TLObject):
                    _numbers(each, found)
        elif isinstance(value, TLObject):
            _numbers(value, found)


# ---- the service chat


def service_chat_ids(updates: Iterable[Any]) -> Iterator[int]:
    """The numbers of those messages in ``updates`` that no borrower may see, nor forward by number."""
    for update in updates:
        number = getattr(getattr(update, "message", None), "id", None)
        if number is not None and _is_service_chats(update):
            yield number


def _is_service_chats(update: Any) -> bool:
    """Whether an update is of the chat where login codes come in: fail closed."""
    if isinstance(update, _LOGIN) or getattr(update, "user_id", None) == SERVICE_CHAT:
        return True
    about = getattr(update, "message", None) or update
    peers = [getattr(about, "peer_id", None), getattr(update, "peer", None)]
    peers += [getattr(peer, "peer", None) for peer in peers]  # of notifyPeer, dialogPeer
    return any(getattr(peer, "user_id", None) == SERVICE_CHAT for peer in peers)


def _without_service_chat(entry: Entry) -> Entry | None:
    """What quotes it or forwards from it, without what it said."""
    try:
        body = without_service_chat(entry.body)
    except Refused:
        if not entry.pts_to:
            return None
        hidden = no_op(entry.line, entry.pts_to, entry.pts_to - entry.pts_from)
        body = bytes(types.Updates(updates=[hidden], users=[], chats=[], date=entry.date, seq=0))
    return entry if body is entry.body else replace(entry, body=body, people_at=0)
