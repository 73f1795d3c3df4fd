"""A request on its way to Telegram, and back."""

from __future__ import annotations

from dataclasses import dataclass

from telekeep.gateway.asked import Asked
from telekeep.gateway.borrower import Borrower


@dataclass(slots=True, eq=False)
class Call:
    """``borrower`` and ``message_id``: whom to answer; another connection of the same program may take them over.

    ``turn``: whose turn it takes · ``dc_id``: None for the home data center · ``mark`` and ``name``: what all equal
    requests, and this one among them, are known by where they must not be carried out twice; None where that does no
    harm · ``result``: what it was answered with, ``ended_at``: when (wall seconds) · ``was_heard``: somebody was there
    to hear it · ``settled``: it is in doubt no more.
    """

    borrower: Borrower
    message_id: int
    asked: Asked
    dc_id: int | None
    turn: Borrower
    mark: bytes | None = None
    name: bytes | None = None
    result: bytes | None = None
    ended_at: float = 0.0
    was_heard: bool = False
    settled: bool = False

    @property
    def is_orphan(self) -> bool:
        """Whether nobody waits for its answer any more."""
        return not self.borrower.is_reachable

    @property
    def has_arrived(self) -> bool:
        """Whether its answer was acknowledged."""
        return self.result is not None and self.borrower.conversation.is_answered(self.message_id) is None
