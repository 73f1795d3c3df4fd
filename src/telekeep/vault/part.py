"""What the parts of a vault share, `telekeep.vault.vault.Vault` being the whole of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telekeep.clock import Clock
    from telekeep.vault.highwater import Marks, Position
    from telekeep.vault.record import Entry
    from telekeep.vault.seal import Seal
    from telekeep.vault.stores.lagging import Lagging
    from telekeep.vault.stores.sessions import Rows, Sessions
    from telekeep.vault.unlocking import Unlocking


class Part:
    """The files of a vault, and what is asked of the whole."""

    notices: list[str]
    _sessions: Sessions
    _lagging: Lagging
    _marks: Marks
    _unlocking: Unlocking
    _clock: Clock

    def entry(self, name: str) -> Entry:
        raise NotImplementedError

    def _report(self, what: str) -> None:
        raise NotImplementedError

    def _admitted(self, name: str, lease: str, fence: int) -> Callable[[], None]:
        raise NotImplementedError

    def _seal_of_lagging(self) -> Seal:
        raise NotImplementedError

    def _report_once(self, notices: Iterable[str]) -> None:
        raise NotImplementedError

    def _journals(self, leases: Mapping[str, str], seal: Seal | None) -> dict[str, list[tuple[int, bytes]]]:
        raise NotImplementedError

    def view(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _mark(self, *reached: tuple[str, Position]) -> None:
        raise NotImplementedError

    def _prune(self, rows: Rows, name: str, now: float) -> tuple[str, ...]:
        raise NotImplementedError

    def _forget(self, leases: tuple[str, ...]) -> None:
        raise NotImplementedError
