"""Flood waits of the accounts of a keeper's home: what the ledger on disk says of them, and waiting until all are over.

Telegram is never asked here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from telekeep.errors import TelegramRateLimitError, TelekeepError
from telekeep.pace.ledger import Deadline, Pace
from telekeep.pace.waiting import wait_out

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_T = TypeVar("_T")

LOOK_SECONDS = 5.0  # between two looks: another process may be told to wait longer, and this machine may sleep


class Floods:
    """What the ledger of a keeper's home says. ``names``: of these sessions' accounts only; else of all, and logins."""

    def __init__(self, keeper: Keeper, names: Sequence[str] = ()) -> None:
        self._keeper = keeper
        self._names = frozenset(names)
        self._accounts = _accounts(keeper, names)

    def deadlines(self) -> list[tuple[Deadline, float]]:
        """The waits that run, with the seconds left, the longest first. Raises StorageUnavailable."""
        found, ours = self._keeper.ledger.shown(), self._subjects()
        return [(each, left) for each, left in found if self._is_ours(each, ours)]

    def slowed(self) -> list[tuple[Pace, float]]:
        """The methods that go slower, with their intervals in seconds. Raises StorageUnavailable."""
        found, ours = self._keeper.ledger.slowed(), self._subjects()
        return [(each, interval) for each, interval in found if self._is_ours(each, ours)]

    async def until_clear(self, told: Callable[[Deadline, float], None] = lambda *_: None) -> float:
        """Wait until no flood wait runs any more; how many seconds that took, of the boot clock.

        ``told`` is called at each look with the longest and the seconds left of it.
        """
        clock = self._keeper.clock
        began: float | None = None
        while found := self.deadlines():
            began = clock.boot() if began is None else began
            longest, left = found[0]
            told(longest, left)
            await clock.sleep(min(left, LOOK_SECONDS))
        return 0.0 if began is None else clock.boot() - began

    def _is_ours(self, each: Deadline | Pace, ours: set[str]) -> bool:
        return not self._names or each.who in self._names or each.subject in ours

    def _subjects(self) -> set[str]:
        """The accounts as the ledger stores them."""
        pages = [self._keeper.ledger.of(account) for account in self._accounts]
        subjects = {each.subject for page in pages for each in page.deadlines.values()}
        return subjects | {each.subject for page in pages for each in page.paces.values()}


def _accounts(keeper: Keeper, names: Sequence[str]) -> set[str]:
    """What the ledger counts for these sessions; one that cannot be read is known by its name alone."""
    if not names:
        return set()
    from telekeep.upstream.subject import subject_of

    found = set()
    for name in names:
        with suppress(TelekeepError):
            found.add(subject_of(keeper.network, keeper.vault.load(name)))
    return found


async def waited_out(keeper: Keeper, name: str, ask: Callable[[], Awaitable[_T]], *, longest: float) -> _T:
    """What ``ask`` returns. If it raises a flood wait, that is waited out in the open and ``ask`` called again, for
    ``longest`` seconds in all; a longer one is raised at once.
    """
    left = longest
    while True:
        try:
            return await ask()
        except TelegramRateLimitError as wait:
            if not 0 < wait.seconds <= left:
                raise
            left -= wait.seconds
            until = wait.until or keeper.clock.wall() + wait.seconds
            await wait_out(keeper.events, keeper.clock, name, wait.method or "", wait.seconds, until)
