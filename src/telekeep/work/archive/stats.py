"""How many messages an archive has, by chat and by day. Pure, but for the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from telekeep.work.archive.stores.store import Store

_EPOCH = date(1970, 1, 1)
_WIDTH = 40  # characters of the longest bar
_PARTS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Stats:
    """``chats``: id, title, kind, messages, whole (whether back to the first message), most messages first; ``days``:
    date (UTC) and number of messages, ascending, days without any left out.
    """

    messages: int
    files: int
    chats: list[dict[str, Any]]
    days: list[tuple[date, int]]

    def facts(self) -> dict[str, Any]:
        return {**asdict(self), "days": [[day.isoformat(), count] for day, count in self.days]}


def stats(store: Store, chat_ids: Sequence[int] = ()) -> Stats:
    """Count an archive, or some chats of it."""
    known = [each for each in store.standing().chats.values() if not chat_ids or each.id in chat_ids]
    chats: list[dict[str, Any]] = [
        {
            "id": each.id,
            "title": each.title,
            "kind": each.kind,
            "messages": store.count(each.id),
            "whole": each.progress.whole,
        }
        for each in known
    ]
    chats.sort(key=lambda each: -each["messages"])
    files = sum(1 for each in store.files() if not chat_ids or each.chat_id in chat_ids)
    days = [(_EPOCH + timedelta(day), count) for day, count in store.per_day(chat_ids)]
    return Stats(sum(int(each["messages"]) for each in chats), files, chats, days)


def chart(days: Sequence[tuple[date, int]], last: int) -> list[tuple[str, str, int]]:
    """The ``last`` days up to the newest message: day, bar, count."""
    if not days:
        return []
    counts = dict(days)
    newest = days[-1][0]
    shown = [newest - timedelta(back) for back in range(last - 1, -1, -1) if newest - timedelta(back) >= days[0][0]]
    most = max(counts.get(day, 0) for day in shown)
    return [(day.isoformat(), bar(counts.get(day, 0), most), counts.get(day, 0)) for day in shown]


def bar(count: int, most: int) -> str:
    """A bar as long as ``count`` is of ``most``, in eighths of a character."""
    eighths = round(count * _WIDTH * 8 / most) if most else 0
    if count and not eighths:
        eighths = 1
    return "█" * (eighths // 8) + _PARTS[eighths % 8].strip()
