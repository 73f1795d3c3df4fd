"""The owner's ordered record of updates, from which borrowers are told and catch up.

Entries are numbered in the order they happened, and kept up to two limits. Each line (the account's pts, a channel's,
qts) is followed on its own: what a borrower asks from behind a hole, or from before what is kept, is beyond the
journal, and Telegram has to answer.

Pure: no input or output, no clock. Look-ups by pts take O(log n), appending O(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from telekeep.gateway.entries import Entry
from telekeep.gateway.stretch import Stretch
from telekeep.gateway.together import together
from telekeep.mtproto.schema import read, types
from telekeep.session.model import UpdateState
from telekeep.upstream.settle import ACCOUNT, QTS

_OVERHEAD: Final = 250  # bytes that an entry takes beside its body
_SLACK: Final = 60  # seconds that a borrower's clock, which is Telegram's, may be ahead of ours
CHANNEL_TIMEOUT: Final = 300
"""Seconds after which a client may ask for a channel's difference again."""


class TooFar(Exception):
    """The cursor lies before the oldest entry. ``pushes``: what tells a borrower so, serialised: it will ask then."""

    def __init__(self, pushes: tuple[bytes, ...]) -> None:
        super().__init__("the cursor lies before the oldest entry of the journal")
        self.pushes = pushes


class _Beyond:
    def __repr__(self) -> str:
        return "BEYOND"


BEYOND: Final = _Beyond()
"""The journal cannot answer this: Telegram has to."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How a request for a difference is answered.

    ``answer``: an object that says that nothing is missing. After it the borrower is sent, each as if it happened now,
    ``prelude`` (bodies made for it alone), and then ``entries``, in order.
    """

    answer: Any
    prelude: tuple[bytes, ...]
    entries: tuple[Entry, ...]


class Journal:
    """See the module. At most ``capacity_entries`` entries and ``capacity_bytes`` bytes are kept."""

    def __init__(self, capacity_entries: int = 20_000, capacity_bytes: int = 16 << 20) -> None:
        self._capacity = capacity_entries
        self._room = capacity_bytes
        self._entries: list[Entry] = []  # those before `_first` are gone
        self._first = 0
        self._lines: dict[int | None, Stretch] = {}
        self._date = 0
        self._saved = 0
        self._told: tuple[tuple[int, int], list[bytes]] = (0, 0), []
        self.head = 0  # the number of the newest entry there ever was
        self.bytes = 0

    def __repr__(self) -> str:
        return f"<Journal {self.oldest}–{self.head}, {len(self._lines)} lines, {self.bytes} bytes>"

    @property
    def size(self) -> int:
        """How many entries are kept."""
        return len(self._entries) - self._first

    # ---- what happens

    @property
    def oldest(self) -> int:
        """The number of the oldest entry that is kept; one more than `head` if there is none."""
        return self.head - self.size + 1

    def append(self, entry: Entry) -> Entry:
        """Number an entry and keep it. One that does not continue its line marks a hole before it."""
        return self._keep(replace(entry, number=self.head + 1))

    def leap(self, line: int | None, pts: int | None) -> None:
        """What happened on ``line`` up to ``pts`` is not known (`telekeep.upstream.box.Hole`): all are told to ask.

        None: the line is not followed any longer.
        """
        if pts is None:
            self._lines.pop(line, None)
        else:
            self._lines.setdefault(line, Stretch.at(pts)).leap(pts)
        body = _TOO_LONG if line is ACCOUNT or line == QTS else told_too_long([line])
        self.append(Entry(0, None, 0, 0, self._date, body))

    def seen(self, state: UpdateState) -> None:
        """What the owner's message box begins with: lines that are not followed yet begin there."""
        self._begin(state, leaping=False)

    def follow(self, channels: Mapping[int, int]) -> None:
        """Begin with these channels at the pts that they have come to, but where they are followed already."""
        for line, pts in channels.items():
            if line not in self._lines:
                self._lines[line] = Stretch.at(pts)

    def _begin(self, state: UpdateState, *, leaping: bool) -> None:
        for line, pts in [(ACCOUNT, state.pts), (QTS, state.qts), *state.channels.items()]:
            now = self.now(line)
            if pts and (now is None or (leaping and now < pts)):
                self._lines.setdefault(line, Stretch.at(pts)).leap(pts)
        self._date = max(self._date, state.date)

    def now(self, line: int | None) -> int | None:
        """The pts that ``line`` has come to; None if it is not followed."""
        found = self._lines.get(line)
        return found.now if found else None

    def covers(self, line: int | None, pts: int) -> bool:
        """Whether the journal knows what happened on ``line`` up to ``pts``."""
        found = self._lines.get(line)
        return found is not None and found.now >= pts

    def _keep(self, entry: Entry) -> Entry:
        self._entries.append(entry)
        self.head = entry.number
        self.bytes += len(entry.body) + _OVERHEAD
        self._date = max(self._date, entry.date)
        if entry.pts_to:
            line = self._lines.get(entry.line)
            if line is None:
                line = self._lines[entry.line] = Stretch.at(entry.pts_from)
            line.add(entry)
        while self.size > self._capacity or (self.bytes > self._room and self.size > 1):
            self._drop_oldest()
        return entry

    def _drop_oldest(self) -> None:
        entry = self._entries[self._first]
        self._first += 1
        self.bytes -= len(entry.body) + _OVERHEAD
        line = self._lines.get(entry.line) if entry.pts_to else None
        if line is not None:
            line.drop(entry)
        if self._first > 64 and self._first * 2 > len(self._entries):
            del self._entries[: self._first]
            self._first = 0

    # ---- borrowers

    def after(self, number: int, limit: int | None = None) -> list[Entry]:
        """The entries after a cursor, at most ``limit``. Raises TooFar if some of them are not kept any more."""
        if number < self.oldest - 1:
            channels = [line for line in self._lines if line is not None and line > 0]
            raise TooFar((_TOO_LONG, told_too_long(channels)) if channels else (_TOO_LONG,))
        start = len(self._entries) - max(0, self.head - number)
        return self._entries[start:] if limit is None else self._entries[start : start + limit]

    def told(self, entries: Sequence[Entry]) -> list[bytes]:
        """What tells entries that follow each other (`telekeep.gateway.together`), made once for all borrowers."""
        where = entries[0].number, entries[-1].number
        if self._told[0] != where:
            self._told = where, together(entries)
        return self._told[1]

    def state(self) -> Any:
        """``updates.state``, or BEYOND if nothing is known yet. seq 0: of the owner's seq no borrower hears."""
        pts = self.now(ACCOUNT)
        if pts is None:
            return BEYOND
        return types.updates.State(pts=pts, qts=self.now(QTS) or 0, date=self._date, seq=0, unread_count=0)

    def difference(
        self, pts: int, qts: int = 0, date: int | datetime | None = None, *, since: int | None = None
    ) -> Any:
        """A `Replay` of what happened on the account's line after ``pts`` and, if it is given, on that of ``qts``; or
        BEYOND.

        ``date``: when the borrower last heard anything; it is told to ask about channels that moved since. Entries
        without pts are for those who were there: told if their number is above ``since``. A pts above ours is not
        wrong: a borrower may know more than an owner that has just begun, and catches up itself.
        """
        numbers = self._after(ACCOUNT, pts)
        if numbers is None:
            return BEYOND
        if qts > 0 and QTS in self._lines:
            more = self._after(QTS, qts)
            if more is None:
                return BEYOND
            numbers = sorted([*numbers, *more])
        if since is not None:
            loose = (entry.number for entry in self.after(max(since, self.oldest - 1)) if not entry.pts_to)
            numbers = sorted([*numbers, *loose])
        prelude: list[bytes] = []
        moved = self._moved_since(date)
        if moved:
            prelude.append(told_too_long(moved))
        answer = types.updates.DifferenceEmpty(date=self._date, seq=0)
        return self._replay(answer, prelude, ACCOUNT, pts, numbers)

    def channel_difference(self, channel_id: int, pts: int, *, timeout: int = CHANNEL_TIMEOUT) -> Any:
        """The same for a channel. The answer has the pts that was asked: what follows it continues from there.

        A borrower that stands within a stretch of which the owner knows only the end (an earlier one was killed) is
        beyond: Telegram knows exactly what it misses.
        """
        found = self._lines.get(channel_id)
        if found is not None and found.is_guess(pts):
            return BEYOND
        numbers = self._after(channel_id, pts)
        if numbers is None:
            return BEYOND
        answer = types.updates.ChannelDifferenceEmpty(pts=pts, final=True, timeout=timeout)
        return self._replay(answer, [], channel_id, pts, numbers)

    def _after(self, line: int | None, pts: int) -> list[int] | None:
        found = self._lines.get(line)
        return None if found is None or pts < found.floor else found.after(pts)

    def _replay(self, answer: Any, prelude: list[bytes], line: int | None, pts: int, numbers: Sequence[int]) -> Replay:
        entries = [self._entries[number - self.head - 1] for number in numbers]
        first = next((index for index, entry in enumerate(entries) if entry.line == line and entry.pts_to), None)
        if first is not None and entries[first].pts_from < pts:
            prelude.append(_cut(entries.pop(first), pts))
        return Replay(answer, tuple(prelude), tuple(entries))

    def _moved_since(self, date: int | datetime | None) -> list[int]:
        if date is None:
            return []
        seconds = date.timestamp() if isinstance(date, datetime) else date
        return [
            line
            for line, found in self._lines.items()
            if line is not None and line > 0 and found.moved_at and found.moved_at >= seconds - _SLACK
        ]

    # ---- the disk

    def unsaved(self) -> list[Entry]:
        """The entries that are not written yet, as far as they are kept."""
        return self.after(max(self._saved, self.oldest - 1))

    def saved(self, number: int) -> None:
        """All entries up to ``number`` are written."""
        self._saved = max(self._saved, number)

    def standing(self, state: UpdateState) -> UpdateState:
        """``state``, but on the lines that are followed here as far as the journal has come, and no further."""
        channels = {line: self.now(line) or pts for line, pts in state.channels.items()}
        return replace(state, pts=self.now(ACCOUNT) or state.pts, channels=channels)

    def change_key(self, qts: int) -> None:
        """The account goes on under another authorization, whose ``qts`` are its own. All entries are to be written
        again, under its key.
        """
        if self._lines.pop(QTS, None) is not None:
            self._entries = [
                replace(each, line=None, pts_from=0, pts_to=0) if each.line == QTS else each for each in self._entries
            ]
        if qts:
            self._lines[QTS] = Stretch.at(qts)
        self._saved = 0

    def restore(self, entries: Iterable[Entry], state: UpdateState | None = None) -> None:
        """Begin with what was written: ``entries``, ascending, of which the last without a gap in their numbers count.

        ``state``: where the vault says that updates were seen. Where the entries go further, they are right
        (`resumed`); where they do not reach it, what lies between is a hole.
        """
        tail: list[Entry] = []
        for entry in entries:
            if tail and entry.number != tail[-1].number + 1:
                tail.clear()
            tail.append(entry)
        for entry in tail:
            self._keep(entry)
        self._saved = self.head
        if state is not None:
            self._begin(state, leaping=True)

    def resumed(self, state: UpdateState) -> UpdateState:
        """Where the owner's message box has to begin: ``state``, or the journal where it has come further. The date is
        Telegram's, from which it is asked what has moved; ours says nothing of that."""

        def further(line: int | None, pts: int) -> int:
            return max(pts, self.now(line) or 0)

        known = {line: 0 for line in self._lines if line is not None and line != QTS}
        channels = {line: further(line, pts) for line, pts in {**known, **state.channels}.items()}
        date = state.date or self._date
        return UpdateState(further(ACCOUNT, state.pts), further(QTS, state.qts), date, state.seq, channels)


_TOO_LONG: Final = bytes(types.UpdatesTooLong())


def told_too_long(channels: Iterable[int | None]) -> bytes:
    """Tells a borrower to ask about these channels, if it follows them. Without their pts, which some would take for
    their own."""
    updates = [types.UpdateChannelTooLong(channel_id=channel) for channel in channels]
    return bytes(types.Updates(updates=updates, users=[], chats=[], date=0, seq=0))


def _cut(entry: Entry, pts: int) -> bytes:
    """An entry for somebody who stands in the middle of it: its update takes what is left of the line."""
    updates = read(entry.body)
    updates.updates = updates.updates[-1:]
    updates.updates[0].pts_count = entry.pts_to - pts
    return bytes(updates)
