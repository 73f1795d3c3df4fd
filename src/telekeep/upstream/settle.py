"""Where updates stand on the pts lines, and how a difference is told as updates with exact pts.

Rules: core.telegram.org/api/updates. An update with pts and pts_count takes its line from ``pts - pts_count`` to
``pts``. Pure: no state, no clock, no input or output.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

from telekeep.mtproto.schema import build, types

ACCOUNT: Final = None
"""The line of private chats and basic groups. A channel's line is its id."""
QTS: Final = -1
"""The line of secret chats and of most updates for bots: every update takes one."""

Report = Callable[[str], None]


class Place(NamedTuple):
    """An update takes ``line`` from ``start`` to ``end``. The same twice: it stands there, and moves nothing."""

    line: int | None
    start: int
    end: int


def place(update: Any) -> Place | None:
    """Where an update stands, as Telethon's message box sees it too; None for one that may come at any time."""
    pts = getattr(update, "pts", None)
    if pts:
        if isinstance(update, types.UpdateChannelTooLong):
            return None
        count = getattr(update, "pts_count", None) or 0
        message = getattr(update, "message", None)
        line = getattr(getattr(message, "peer_id", None), "channel_id", None) or getattr(update, "channel_id", None)
        return Place(line or ACCOUNT, pts - count, pts)
    qts = getattr(update, "qts", None)
    return Place(QTS, qts - 1, qts) if qts else None


def no_op(line: int | None, pts: int, count: int) -> Any:
    """An update that moves a line to ``pts`` and tells nothing: no library makes an event of these two."""
    if line is ACCOUNT:
        return types.UpdateFolderPeers(folder_peers=[], pts=pts, pts_count=count)
    return types.UpdateChannelWebPage(channel_id=line, webpage=types.WebPageEmpty(id=0), pts=pts, pts_count=count)


def in_full(updates: Any, self_id: int | None) -> Any:
    """``updateShortMessage`` and ``updateShortChatMessage`` as the ``updates`` they abbreviate; others as they are.

    ``self_id``: our own user, who sent what is "out"; None if not known yet, which leaves the sender of such a private
    message away, as Telegram itself does.
    """
    if isinstance(updates, types.UpdateShortMessage):
        peer = types.PeerUser(updates.user_id)
        sender = self_id if updates.out else updates.user_id
    elif isinstance(updates, types.UpdateShortChatMessage):
        peer = types.PeerChat(updates.chat_id)
        sender = updates.from_id
    else:
        return updates
    message = build(
        types.Message,
        peer_id=peer,
        from_id=types.PeerUser(sender) if sender else None,
        **{name: getattr(updates, name) for name in _SHORT},
    )
    new = types.UpdateNewMessage(message=message, pts=updates.pts, pts_count=updates.pts_count)
    return types.Updates(updates=[new], users=[], chats=[], date=updates.date, seq=0)


_SHORT = (
    "id",
    "message",
    "date",
    "out",
    "mentioned",
    "media_unread",
    "silent",
    "fwd_from",
    "via_bot_id",
    "reply_to",
    "entities",
    "ttl_period",
)  # what both say as a message says it


def settle(
    from_pts: int,
    to_pts: int,
    new_messages: Iterable[Any],
    other_updates: Iterable[Any],
    *,
    line: int | None = ACCOUNT,
    report: Report | None = None,
) -> list[Any]:
    """A difference asked from ``from_pts`` that leads to ``to_pts``, as updates that take the line without a gap.

    Updates with pts say where they stand. Messages take one each of what is left, in the order of their ids, before
    whatever tells of them, and so late that nobody who stands in between misses one. Where nothing stands (messages
    that vanished since), a `no_op` does. Updates of no line or another come last, in their order.

    Where something else than messages has vanished, the places of the messages are a guess, and each update of the line
    says so: its ``_guess`` is the stretch.

    What does not fit is told nevertheless, and ``report`` says so in words. More messages than there is room: the
    first of them stand at ``from_pts`` and move nothing; with the update after them they are one entry of the journal
    (`telekeep.gateway.entries`), which a message box takes once and as a whole.
    """
    say = report or _nothing
    messages = sorted(new_messages, key=lambda message: message.id)
    if to_pts < from_pts:
        say(f"the line went back from {from_pts} to {to_pts}")
        from_pts = max(0, to_pts - len(messages))
    fixed, beside = _fixed(from_pts, to_pts, other_updates, line, say)
    free = _Free(from_pts, to_pts, fixed)
    excess = max(0, len(messages) - free.count)
    if excess:
        say(f"{len(messages)} new messages where {to_pts} - {from_pts} has room for {free.count}")
    told = [_new(message, line, from_pts, 0) for message in messages[:excess]]
    slots = [free.slot(index) for index in _chosen(messages[excess:], free, fixed)]
    waiting = list(zip(slots, messages[excess:], strict=True))[::-1]
    at = from_pts
    for start, end, update in [*fixed, (to_pts, to_pts, None)]:
        while waiting and waiting[-1][0] <= start:
            slot, message = waiting.pop()
            if slot - 1 > at:
                told.append(no_op(line, slot - 1, slot - 1 - at))
            told.append(_new(message, line, slot, 1))
            at = slot
        if start > at:
            told.append(no_op(line, start, start - at))
        if update is not None:
            told.append(update)
        at = end
    if messages and len(messages) != free.count:
        for update in told:
            update._guess = (from_pts, to_pts)
    return told + beside


_Fixed = list[tuple[int, int, Any]]


def _fixed(
    from_pts: int, to_pts: int, updates: Iterable[Any], line: int | None, say: Report
) -> tuple[_Fixed, list[Any]]:
    """The updates of the line with the stretch that each takes, in order, none over another; and all the rest."""
    ours: _Fixed = []
    beside = []
    for update in updates:
        where = place(update)
        if where is not None and where.line == line:
            ours.append((where.start, where.end, update))
        else:
            beside.append(update)
    ours.sort(key=lambda each: (each[1], each[0]))
    fixed: _Fixed = []
    at = from_pts
    for start, end, update in ours:
        if end < from_pts or start < end == from_pts:
            continue  # known before
        ends = min(end, to_pts)
        starts = max(at, ends - (end - start))
        if (starts, ends) != (start, end):
            say(f"{type(update).__name__} takes {start} to {end}, where {starts} to {ends} is left")
            update.pts = ends
            if hasattr(update, "pts_count"):
                update.pts_count = ends - starts
        fixed.append((starts, ends, update))
        at = max(at, ends)
    return fixed, beside


class _Free:
    """What is left of a line beside the fixed updates: ``count`` numbers, found by their index."""

    def __init__(self, from_pts: int, to_pts: int, fixed: _Fixed) -> None:
        self._starts: list[int] = []
        sizes: list[int] = []
        at = from_pts
        for start, end, _ in [*fixed, (to_pts, to_pts, None)]:
            if start > at:
                self._starts.append(at)
                sizes.append(start - at)
            at = end
        self._before = [0, *accumulate(sizes)]  # how many are free before each stretch
        self.count = self._before[-1]

    def slot(self, index: int) -> int:
        """The pts of the free number ``index``."""
        stretch = bisect_right(self._before, index) - 1
        return self._starts[stretch] + index - self._before[stretch] + 1

    def before(self, pts: int) -> int:
        """How many free numbers there are up to ``pts``."""
        stretch = bisect_right(self._starts, pts) - 1
        if stretch < 0:
            return 0
        return min(self._before[stretch] + pts - self._starts[stretch], self._before[stretch + 1])


def _chosen(messages: Sequence[Any], free: _Free, fixed: _Fixed) -> Sequence[int]:
    """Which free numbers the messages take: as late as can be.

    Every new message takes one number of the line and the next id. So one with ``n`` younger ids after it, there still
    or deleted, has at least ``n`` numbers after it, which makes the choice exact wherever nothing but messages has
    vanished. Too late is harmless; too early would hide a message from somebody who stands behind it.
    """
    if len(messages) == free.count or not messages:
        return range(len(messages))
    first_told: dict[int, int] = {}
    youngest = messages[-1].id
    for start, _, update in fixed:
        for message_id in _ids(update):
            first_told.setdefault(message_id, start)
        if isinstance(update, types.UpdateDeleteMessages | types.UpdateDeleteChannelMessages):
            youngest = max([youngest, *update.messages])
    for reckons_ids in (True, False):
        chosen: list[int] = []
        last = free.count
        for message in reversed(messages):
            last -= 1
            if message.id in first_told:
                last = min(last, free.before(first_told[message.id]) - 1)
            if reckons_ids:
                last = min(last, free.count - 1 - (youngest - message.id))
            chosen.append(last)
        if all(index >= least for least, index in enumerate(reversed(chosen))):
            return chosen[::-1]
    return range(len(messages))


def _ids(update: Any) -> list[int]:
    """The messages an update tells of."""
    message = getattr(update, "message", None)
    if message is not None:
        return [message.id]
    found = getattr(update, "messages", None)
    return found if isinstance(found, list) else []


def _new(message: Any, line: int | None, pts: int, count: int) -> Any:
    kind = types.UpdateNewMessage if line is ACCOUNT else types.UpdateNewChannelMessage
    return kind(message=message, pts=pts, pts_count=count)


def _nothing(_: str) -> None:
    pass
