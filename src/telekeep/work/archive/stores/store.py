"""What every archive store keeps: its contract. `telekeep.testing.contracts.archives` is the test of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from telekeep.errors import ConfigError, SessionBusy
from telekeep.work.archive.rows import Batch, File, Found, Message, Person, Standing


class Store(Protocol):
    """An archive, opened. Methods block; errors are telekeep's own (`telekeep.errors`).

    One process writes at a time: `claim` sees to it. Reading needs no claim.
    """

    at_once: bool
    """Whether a commit of a few rows takes well under a millisecond, so that nobody need wait for it elsewhere."""

    def claim(self) -> None:
        """Become the one that writes, until `close`. Raises SessionBusy if another process writes here."""

    def keep_for(self, account_id: int, name: str) -> None:
        """Hold the archive of this account. Raises ConfigError if it is another's; ``name``: of the kept session, for
        that sentence. Needs the claim, as does `commit`."""

    def standing(self, day: int = 0) -> Standing:
        """What the archive knows of itself; ``day`` as in `telekeep.work.archive.pacing.day_of`."""

    def commit(self, batch: Batch) -> None:
        """Keep a batch: when this returns it is kept as a whole, and whatever happens before, nothing of it is.

        What is deleted stays so, unless a history shows it again (`Put.shown`).
        """

    def count(self, chat_id: int | None = None) -> int:
        """How many messages there are, without those that are deleted."""

    def messages(self, chat_ids: Sequence[int] = (), *, deleted: bool = False) -> Iterator[Message]:
        """Messages by chat and id, all chats unless some are named; ``deleted``: with those that are."""

    def people(self) -> dict[int, Person]:
        """Everybody who sent something."""

    def files(self, *, missing: bool = False) -> Iterable[File]:
        """Files by message; ``missing``: those that were not fetched."""

    def search(self, words: str, chat_ids: Sequence[int] = (), limit: int = 50) -> list[Found]:
        """Messages that hold all ``words``, newest first."""

    def per_day(self, chat_ids: Sequence[int] = ()) -> list[tuple[int, int]]:
        """Days (since 1970, UTC) with the number of their messages, ascending."""

    def close(self) -> None:
        """Let go of it. The claim ends."""


def busy(where: str) -> SessionBusy:
    """What whoever comes second is told."""
    return SessionBusy(
        f"Another process archives into {where}.",
        remedy="Let it: name all chats in one command. Or choose another place with --to.",
    )


def check_account(owner: int, account_id: int, where: str, name: str) -> None:
    """Raise ConfigError if the archive is another account's: numbers of private messages count within one account."""
    if owner != account_id:
        raise ConfigError(
            f"{where} is the archive of account {owner}; the session {name!r} is of account {account_id}.",
            remedy="Choose another place with --to: an archive holds one account.",
        )
