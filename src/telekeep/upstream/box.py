"""Telethon's message box, for an owner whose borrowers must hear of everything, in order, with the exact pts.

Telethon's own drops edits, deletions and read marks that come in a difference (it takes the new state first, and then
holds them for old), gives the messages of a difference no pts, drops what comes while it asks for a difference, and
whole updates whose seq it thinks it has seen. This one loses none of it:

- A difference is told as updates that take the line without a gap (`telekeep.upstream.settle`).
- What comes while a difference is asked for is put off until it is there (core.telegram.org/api/updates), and comes
  with the users and chats that it came with.
- pts alone decides about updates with pts; seq about those without. A seq behind ours on updates that are new by their
  pts has begun anew (a new authorization), and becomes ours.
- Where something was missed for good, `OwnerBox.holes` says so.
- A channel's access hash that Telethon does not keep any more is looked for in the session before a gap is given up.
- Channels in which nothing has happened for long are not asked about one by one: the account's difference says which
  of them have moved (core.telegram.org/api/updates). What it is asked from is when all was known for sure: what has
  come over a new line since then proves nothing of what was missed on the old one.
- Where Telegram has asked to wait before the next difference, it is asked for when that is over. What comes on that
  line until then is not kept: the difference tells it, in its place.
- A short message of somebody whom the owner never met (a borrower did, by a call of its own) is asked for as a
  difference, which brings everybody it names: borrowers could not show it otherwise.

Everything is returned, also what Telethon marks as the result of the client's own calls. Short forms become full ones.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from telethon._updates.entitycache import EntityCache
from telethon._updates.messagebox import (
    ENTRY_ACCOUNT,
    ENTRY_SECRET,
    GapError,
    MessageBox,
    epoch,
    next_updates_deadline,
)
from telethon._updates.session import Entity, EntityType

from telekeep.mtproto.schema import types
from telekeep.session.model import PeerKind
from telekeep.upstream.settle import ACCOUNT, QTS, in_full, no_op, place, settle

__all__ = ["Hole", "OwnerBox", "in_full", "no_op", "place", "settle"]


_SLACK = timedelta(seconds=60)
"""How far before what we last heard of a difference is asked from: lines are not in step with each other."""

_LOOK_AGAIN = 5.0
"""Seconds between two looks at a wait: the loop's time stands still while the machine sleeps, the wait's does not."""
_ACCOUNTS, _CHANNELS = "updates.getDifference", "updates.getChannelDifference"


class Hole(NamedTuple):
    """What happened on ``line`` (None: the account's) after ``start`` is not known up to ``end``.

    ``end`` None: the line is followed no longer.
    """

    line: int | None
    start: int
    end: int | None


class OwnerBox(MessageBox):  # type: ignore[misc]  # Telethon carries no types
    """See the module. Used as Telethon uses its own; ``holes`` are to be taken after each use, with `take_holes`.

    ``knows(kind, number)``: whether the owner has met this user or group. ``hash_of(number)``: the access hash of a
    channel, None if it is not known. ``left(method)``: the seconds until Telegram may be asked for a difference.
    ``latest``: the newest date that Telegram has told.
    """

    seq: int
    date: datetime
    next_deadline: Any

    def __init__(self, log: Any, **fields: Any) -> None:
        super().__init__(log, **fields)
        self.knows: Callable[[PeerKind, int], bool] = lambda kind, number: True
        self.hash_of: Callable[[int], int | None] = lambda number: None
        self.left: Callable[[str], float] = lambda method: 0.0
        self.latest = epoch()
        self._is_told_to_wait = False  # the answer to the last difference
        self._left: set[int] = set()  # channels to be followed no more once their difference is there
        self._is_unsure = False  # the line was lost, and what was missed on it is not known yet
        self.holes: list[Hole] = []
        self._waiting: dict[Any, list[Any]] = {}  # entry -> updates put off until its difference is there
        self._ahead: list[Any] = []  # updates whose seq was ahead, put off until the account's difference is there
        self._orphans: list[Any] = []  # updates after a gap that nobody can fill, to be let through next

    def take_holes(self) -> list[Hole]:
        """The holes found since this was last asked. They lie before the updates that were returned last."""
        holes, self.holes = self.holes, []
        return holes

    def load(self, session_state: Any, channel_states: Any) -> None:
        super().load(session_state, channel_states)
        for each in (self.getting_diff_for, self.possible_gaps, self._waiting, self._ahead, self._left):
            each.clear()  # of the line before; what is missing is asked for anew
        self._is_told_to_wait = False
        self.line_lost()

    def line_lost(self) -> None:
        """Until the account's difference is there, nothing that comes says up to when all is known."""
        self._is_unsure = ENTRY_ACCOUNT in self.map

    @property
    def is_unsure(self) -> bool:
        """Whether more may have happened than is known: the account's difference is not there yet."""
        return self._is_unsure

    def follow(self, channel: int, pts: int) -> None:
        """Begin with a channel here, unless it is followed already."""
        self.try_set_channel_state(channel, pts)

    def follow_no_more(self, channel: int) -> None:
        """The account is in this channel no longer: what happens in it is not told any more. A difference that is under
        way is still told, and then nothing."""
        if channel in self.getting_diff_for:
            self._left.add(channel)
            return
        self._left.discard(channel)
        self.map.pop(channel, None)
        self.possible_gaps.pop(channel, None)
        if self.next_deadline == channel:
            self.next_deadline = ENTRY_ACCOUNT

    # ---- as they come

    def process_updates(self, updates: Any, chat_hashes: Any, result: list[Any]) -> tuple[list[Any], list[Any]]:
        """Append to ``result`` what is to be told, and return the users and chats it needs. Raises GapError."""
        untold = _untold(updates)
        if untold is not None and not untold.pts_count:
            return [], []  # nothing happened
        if isinstance(updates, types.UpdatesTooLong) or untold is not None:
            self.try_begin_get_diff(ENTRY_ACCOUNT, "told that something is missing")
            raise GapError
        if ENTRY_ACCOUNT in self.map and not all(self.knows(*each) for each in _named(updates)):
            self.try_begin_get_diff(ENTRY_ACCOUNT, "a message of somebody unknown")
            raise GapError
        updates = in_full(updates, getattr(chat_hashes, "self_id", None))
        if updates.date:
            self.latest = max(self.latest, updates.date)
        told = [updates.update] if isinstance(updates, types.UpdateShort) else list(updates.updates)
        users, chats = getattr(updates, "users", []), getattr(updates, "chats", [])
        told = self._in_sequence(updates, told)
        orphans, self._orphans = self._orphans, []
        result += orphans
        if told:
            for update in told:
                update._came_with = (users, chats)
            is_behind = self._is_unsure or ENTRY_ACCOUNT in self.getting_diff_for
            date = epoch() if is_behind or not updates.date else updates.date
            plain = types.Updates(updates=told, users=users, chats=chats, date=date, seq=0)
            found: list[Any] = []
            super().process_updates(plain, chat_hashes, found)
            result += found
            return _with_theirs([*orphans, *found], users, chats)
        return _with_theirs(orphans, users, chats)

    def _in_sequence(self, updates: Any, told: list[Any]) -> list[Any]:
        """Those of ``told`` that are not known by their seq. Raises GapError if updates without pts were missed."""
        seq = getattr(updates, "seq", 0)
        if not seq:
            return told
        start = getattr(updates, "seq_start", seq)
        if self._must_wait(ENTRY_ACCOUNT):
            if start > self.seq + 1:
                self.try_begin_get_diff(ENTRY_ACCOUNT, "detected gap")
            if ENTRY_ACCOUNT in self.getting_diff_for:
                return _placed(told)
        if start > self.seq + 1 and ENTRY_ACCOUNT in self.map:
            self._ahead.append(updates)
            self.try_begin_get_diff(ENTRY_ACCOUNT, "detected gap")
            raise GapError
        if seq <= self.seq and not any(map(self._is_new, told)):
            return _placed(told)
        self.seq = seq
        return told

    def _is_new(self, update: Any) -> bool:
        where = place(update)
        if where is None or where.line not in (ACCOUNT, QTS):
            return False  # a difference of the account that says the seq says nothing of a channel
        state = self.map.get(_entry(where.line))
        return state is not None and where.end > state.pts

    def apply_pts_info(self, update: Any, **rest: Any) -> Any:
        """The update if it is its turn; None if it is old or has to wait."""
        if isinstance(update, types.UpdateChannelTooLong) and update.channel_id not in self.map:
            return update  # nothing to us; a borrower may have followed this channel
        if self.getting_diff_for:
            where = place(update)
            if where is not None and _entry(where.line) in self.getting_diff_for:
                if not self._must_wait(_entry(where.line)):
                    self._waiting.setdefault(_entry(where.line), []).append(update)
                return None
        return super().apply_pts_info(update, **rest)

    # ---- nothing is dropped when a difference is to be asked for

    def try_begin_get_diff(self, entry: Any, reason: str) -> None:
        gap = self.possible_gaps.get(entry)
        super().try_begin_get_diff(entry, reason)
        if gap is not None:
            self._put_off({entry: gap})

    def check_deadlines(self) -> Any:
        later = {entry for entry in self.getting_diff_for if self._must_wait(entry)}
        if not later:
            return self._check_deadlines()
        self.getting_diff_for -= later
        self.reset_deadlines(later, next_updates_deadline())
        deadline = self._check_deadlines()
        self.getting_diff_for |= later
        soonest = min(self._wait(entry) for entry in later)
        return min(deadline, get_running_loop().time() + min(soonest, _LOOK_AGAIN))

    def _check_deadlines(self) -> Any:
        gaps, before = dict(self.possible_gaps), bool(self.getting_diff_for)
        deadline = super().check_deadlines()
        quiet = {entry for entry in self.getting_diff_for if isinstance(entry, int) and entry not in gaps}
        if not before and quiet and ENTRY_ACCOUNT in self.map:
            self.getting_diff_for -= quiet
            self.reset_deadlines(quiet, next_updates_deadline())
            self.try_begin_get_diff(ENTRY_ACCOUNT, "nothing has happened in a channel for long")
        self._put_off(gaps)
        return deadline

    def _put_off(self, gaps: dict[Any, Any]) -> None:
        for entry, gap in gaps.items():
            if entry in self.getting_diff_for and not self._must_wait(entry):
                self._waiting.setdefault(entry, []).extend(gap.updates)

    def _resumed(self, updates: list[Any], users: Any, chats: Any, chat_hashes: Any) -> tuple[Any, Any, Any]:
        """The result of a difference, and after it what was put off for it."""
        late = [
            update
            for entry in tuple(self._waiting)
            if entry not in self.getting_diff_for
            for update in self._waiting.pop(entry)
        ]
        late.sort(key=_start)
        found = [each for update in late if (each := self.apply_pts_info(update, reset_deadlines=None)) is not None]
        users, chats = _with_theirs(found, users, chats)
        if self._ahead and ENTRY_ACCOUNT not in self.getting_diff_for:
            ahead, self._ahead = self._ahead, []
            for each in ahead:
                told = each.updates
                if each.seq > self.seq:  # the difference did not reach so far
                    self.seq = each.seq
                else:
                    told = [update for update in told if place(update)]
                plain = types.Updates(updates=told, users=each.users, chats=each.chats, date=each.date, seq=0)
                more_users, more_chats = self.process_updates(plain, chat_hashes, found)
                users, chats = [*users, *more_users], [*chats, *more_chats]
        return [*updates, *found], users, chats

    # ---- waits

    def told_to_wait(self) -> None:
        """Telegram has asked to wait before the difference that was asked for; to be called before it is ended."""
        self._is_told_to_wait = True

    def must_wait(self, line: int | None) -> bool:
        """Whether what is missing on this line cannot be asked for yet."""
        return _entry(line) in self.getting_diff_for and self._must_wait(_entry(line))

    def _must_wait(self, entry: Any) -> bool:
        return self._wait(entry) > 0

    def _wait(self, entry: Any) -> float:
        return self.left(_CHANNELS if isinstance(entry, int) else _ACCOUNTS)

    def _takes_wait(self) -> bool:
        """Whether the difference that is ended now is to be asked for again; to be asked once for each."""
        found, self._is_told_to_wait = self._is_told_to_wait, False
        return found

    # ---- the account's difference

    def get_difference(self) -> Any:
        if self.getting_diff_for and self._must_wait(ENTRY_ACCOUNT):
            return None
        if ENTRY_SECRET in self.getting_diff_for and ENTRY_ACCOUNT in self.map:
            self.try_begin_get_diff(ENTRY_ACCOUNT, "both come in one difference")
        request = super().get_difference()
        if request is not None and request.date - _SLACK > epoch():
            request.date -= _SLACK
        return request

    def apply_difference(self, diff: Any, chat_hashes: Any) -> tuple[Any, Any, Any]:
        """What the difference holds, in order: updates, users, chats."""
        if isinstance(diff, types.updates.DifferenceTooLong):
            before = self.map[ENTRY_ACCOUNT].pts
            if diff.pts != before:
                self.holes.append(Hole(ACCOUNT, before, diff.pts))
                self.map[ENTRY_ACCOUNT].pts = diff.pts
                return [], [], []  # asked again from there: date and seq are not known yet
        if not isinstance(diff, types.updates.DifferenceSlice):
            self._is_unsure = False
        updates, users, chats = super().apply_difference(diff, chat_hashes)
        return self._resumed(updates, users, chats, chat_hashes)

    def apply_difference_type(self, diff: Any, chat_hashes: Any) -> tuple[Any, Any, Any]:
        state = getattr(diff, "intermediate_state", None) or diff.state
        before = self.map[ENTRY_ACCOUNT].pts
        qts_before = self.map[ENTRY_SECRET].pts if ENTRY_SECRET in self.map else 0
        ours: list[Any] = []
        secret: list[Any] = []
        beside: list[Any] = []
        for update in diff.other_updates:
            where = place(update)
            (beside if where is None else {ACCOUNT: ours, QTS: secret}.get(where.line, beside)).append(update)
        if state.pts < before:
            self.holes.append(Hole(ACCOUNT, before, state.pts))
        told = settle(before, state.pts, diff.new_messages, ours, report=self._log.warning)
        told += _secret(qts_before, state.qts, diff.new_encrypted_messages, secret)
        self.set_state(state, reset=False)
        plain = types.Updates(updates=beside, users=diff.users, chats=diff.chats, date=epoch(), seq=0)
        users, chats = self.process_updates(plain, chat_hashes, told)
        return told, users, chats

    def end_difference(self) -> None:
        if not self._takes_wait():
            super().end_difference()
        self._waiting.pop(ENTRY_ACCOUNT, None)
        self._waiting.pop(ENTRY_SECRET, None)
        self._ahead.clear()

    # ---- a channel's difference

    def get_channel_difference(self, chat_hashes: Any) -> Any:
        if self.getting_diff_for and self.left(_CHANNELS) > 0:
            return None
        before = {entry: self.map[entry].pts for entry in self.getting_diff_for if entry in self.map}
        self._find_hashes(chat_hashes)
        request = super().get_channel_difference(chat_hashes)
        for entry, pts in before.items():
            if entry not in self.map:  # no access hash: what is missing cannot be had, the rest need not wait for it
                self._follow_again(entry, pts, sorted(self._waiting.pop(entry, ()), key=_start))
        return request

    def _find_hashes(self, chat_hashes: EntityCache) -> None:
        for entry in self.getting_diff_for:
            if isinstance(entry, int) and chat_hashes.get(entry) is None:
                known = self.hash_of(entry)
                if known is not None:
                    chat_hashes.put(Entity(EntityType.CHANNEL, entry, known))

    def _follow_again(self, entry: int, pts: int, waiting: list[Any]) -> None:
        if not waiting:
            self.holes.append(Hole(entry, pts, None))
            return
        start = _start(waiting[0])
        self.holes.append(Hole(entry, pts, start))
        self.try_set_channel_state(entry, start)
        self._orphans += [each for update in waiting if (each := self.apply_pts_info(update, reset_deadlines=None))]

    def apply_channel_difference(self, request: Any, diff: Any, chat_hashes: Any) -> tuple[Any, Any, Any]:
        """What the difference holds, in order: updates, users, chats."""
        entry = request.channel.channel_id
        before = self.map[entry].pts
        told: list[Any] = []
        beside: list[Any] = []
        if isinstance(diff, types.updates.ChannelDifferenceTooLong):
            self.holes.append(Hole(entry, before, diff.dialog.pts))
        elif diff.pts < before:
            self.holes.append(Hole(entry, before, diff.pts))
        if isinstance(diff, types.updates.ChannelDifferenceEmpty):
            if diff.pts > before:
                told.append(no_op(entry, diff.pts, diff.pts - before))
        elif isinstance(diff, types.updates.ChannelDifference):
            places = [(place(update), update) for update in diff.other_updates]
            ours = [update for where, update in places if where is not None and where.line == entry]
            beside = [update for where, update in places if where is None or where.line != entry]
            told = settle(before, diff.pts, diff.new_messages, ours, line=entry, report=self._log.warning)
            diff.new_messages, diff.other_updates = [], []
        _, users, chats = super().apply_channel_difference(request, diff, chat_hashes)
        plain = types.Updates(updates=beside, users=users, chats=chats, date=epoch(), seq=0)
        users, chats = self.process_updates(plain, chat_hashes, told)
        found = self._resumed(told, users, chats, chat_hashes)
        if entry in self._left and entry not in self.getting_diff_for:
            self.follow_no_more(entry)
            self.holes.append(Hole(entry, diff.pts if hasattr(diff, "pts") else before, None))
        return found

    def end_channel_difference(self, request: Any, reason: Any, chat_hashes: Any) -> None:
        entry = request.channel.channel_id
        before = self.map[entry].pts
        is_to_wait = self._takes_wait()
        if not is_to_wait:
            super().end_channel_difference(request, reason, chat_hashes)
        self._waiting.pop(entry, None)
        if is_to_wait:
            return
        if entry in self._left:
            self.follow_no_more(entry)
        if entry not in self.map:
            self.holes.append(Hole(entry, before, None))


def _entry(line: int | None) -> Any:
    """Telethon's name of a line."""
    return ENTRY_ACCOUNT if line is ACCOUNT else ENTRY_SECRET if line == QTS else line


def _start(update: Any) -> int:
    where = place(update)
    return where.start if where else 0


def _placed(told: list[Any]) -> list[Any]:
    """Those that count themselves, whatever the seq they came with."""
    return [update for update in told if place(update) or isinstance(update, types.UpdateChannelTooLong)]


def _named(updates: Any) -> Iterable[tuple[PeerKind, int]]:
    """Whom a short message names and does not show; nobody for all else."""
    if isinstance(updates, types.UpdateShortMessage):
        return [(PeerKind.USER, updates.user_id)]
    if isinstance(updates, types.UpdateShortChatMessage):
        return [(PeerKind.CHAT, updates.chat_id), (PeerKind.USER, updates.from_id)]
    return []


def _untold(updates: Any) -> Any:
    """The result of a call that does not say what happened, so that it has to be asked for; None for all else.

    Telethon makes an empty deletion of messages.affected*, and takes a channel's pts for the account's in doing so.
    """
    if isinstance(updates, types.UpdateShortSentMessage):
        return updates
    inner = getattr(updates, "update", None)
    return inner if isinstance(inner, types.UpdateDeleteMessages) and not inner.messages else None


def _secret(from_qts: int, to_qts: int, messages: Iterable[Any], updates: Iterable[Any]) -> list[Any]:
    """The updates with qts of a difference. Encrypted messages take what is left, and the last if nothing is."""
    known = [update for update in updates if not 0 < update.qts <= min(from_qts, to_qts)]
    taken = {update.qts for update in known}
    free = (qts for qts in range(from_qts + 1, to_qts + 1) if qts not in taken)
    known += [types.UpdateNewEncryptedMessage(message=each, qts=next(free, to_qts)) for each in messages]
    return sorted(known, key=lambda update: update.qts)


def _with_theirs(found: Iterable[Any], users: Any, chats: Any) -> tuple[list[Any], list[Any]]:
    """``users`` and ``chats``, and those that the updates came with that had to wait."""
    given = users
    for update in found:
        came_with = update.__dict__.pop("_came_with", None)
        if came_with is not None and came_with[0] is not given:
            users, chats = [*users, *came_with[0]], [*chats, *came_with[1]]
    return users, chats
