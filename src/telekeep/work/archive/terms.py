"""What a run of the archive is asked for, and what it has done so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telekeep.errors import TelekeepError
from telekeep.work.archive.pacing import Pace
from telekeep.work.archive.plan import Wish
from telekeep.work.archive.rows import Batch, Put


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is asked for: the kept session, chats as they were typed, where to keep them, and how."""

    name: str
    chats: tuple[str, ...]
    to: str
    wish: Wish = field(default_factory=Wish)
    pace: Pace = field(default_factory=Pace)
    media: Path | None = None
    home: Path | None = None
    network: str | None = None


@dataclass(slots=True)
class Report:
    """What a run has done so far. ``left``: messages that Telegram is thought to have still, by chat; ``failed``: chats
    that could not be read, as they were typed."""

    fetched: int = 0
    live: int = 0
    files: int = 0
    chats: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    failed: dict[str, TelekeepError] = field(default_factory=dict)
    is_live: bool = False
    told: Callable[[str], None] = lambda words: None
    committed: Callable[[Batch], None] = lambda batch: None

    def take(self, batch: Batch) -> None:
        """A batch was committed."""
        self.fetched += batch.fetched
        self.live += sum(len(each.messages) for each in batch.changes if isinstance(each, Put) and not each.shown)
        self.committed(batch)
