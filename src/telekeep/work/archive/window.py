"""What happened while a page was on its way: of these messages the page may show an older state. Pure.

A page and an update about one of its messages may overtake each other. Whatever was heard of a message after the page
was asked for counts, not the page: what the page knows and the update does not is told by a later update.
"""

from __future__ import annotations

from collections.abc import Iterable

from telekeep.work.archive.rows import CHANNELS_BELOW


class Window:
    """See the module. Messages of private chats and basic groups share their ids' numbers, channels have their own."""

    def __init__(self) -> None:
        self._now = 0
        self._open: list[int] = []
        self._heard: dict[int | None, dict[int, int]] = {}

    def begin(self) -> int:
        """A page is asked for. What this returns is for `end`."""
        self._now += 1
        self._open.append(self._now)
        return self._now

    def heard(self, chat_id: int | None, ids: Iterable[int]) -> None:
        """Something was heard of these messages. ``chat_id`` None: of the account's own line."""
        if self._open:
            self._heard.setdefault(_line(chat_id), {}).update(dict.fromkeys(ids, self._now))

    def end(self, began: int, chat_id: int) -> frozenset[int]:
        """The page that was begun so is there, or will not be: the ids that were heard of meanwhile."""
        self._open.remove(began)
        found = frozenset(each for each, at in self._heard.get(_line(chat_id), {}).items() if at >= began)
        if not self._open:
            self._heard.clear()
        return found


def _line(chat_id: int | None) -> int | None:
    return chat_id if chat_id is not None and chat_id < CHANNELS_BELOW else None
