"""Finding messages by what they say, who wrote them and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from telekeep.emulator.world.message import Message

_WORD = re.compile(r"\w+")


def matching(
    messages: Iterable[Message],
    query: str,
    *,
    sender: int | None = None,
    after: int = 0,
    before: int = 0,
    of_kind: Callable[[Message], bool] = lambda message: True,
) -> list[Message]:
    """Those of ``messages``, in their order, in which every word of ``query`` begins a word, whatever its case.

    ``after`` and ``before``: Unix seconds, exclusive, 0 for no limit. An empty ``query`` asks for no words.
    """
    wanted = words(query)
    return [
        message
        for message in messages
        if (sender is None or message.sender == sender)
        and message.date > after
        and (not before or message.date < before)
        and of_kind(message)
        and says(message.text, wanted)
    ]


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def says(text: str, wanted: list[str]) -> bool:
    """Whether each of the ``wanted`` words begins a word of ``text``."""
    if not wanted:
        return True
    folded = text.casefold()
    if any(word not in folded for word in wanted):
        return False  # most of a large world ends here
    there = words(text)
    return all(any(each.startswith(word) for each in there) for word in wanted)
