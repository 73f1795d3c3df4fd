"""When another login may be tried: codes per number and day, on disk, for every process; and floods, by the ledger.

Telegram allows about five codes a day for a number; who asks for more waits for hours, and each further try makes the
wait longer. So every code is counted here *before* it is asked for, and refused here before Telegram has to.

`verdict` decides purely. Ages are reckoned by the boot clock, which nobody can set, as long as the machine has not
been restarted since. After a restart only the wall clock tells how long ago something was; it is believed once, at the
first look, but never below the time this boot has lasted, and what it says is noted under the new boot. So a restart
frees nobody, and setting the clock, either way, neither frees nor traps.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from telekeep.clock import Clock, Moment, age, rebased
from telekeep.database import Database, Kind
from telekeep.errors import LoginBudgetSpent, StorageUnavailable, TelegramSessionError
from telekeep.pace.ledger import Deadline, Ledger
from telekeep.pace.policy import FLOOD
from telekeep.paths import private_folder
from telekeep.words import span

CODES_PER_DAY = 5  # per number, counted by users of several libraries; Telegram publishes no figure
DAY = 86_400.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS salt (value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS notes (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('code', 'flood')),
    seconds REAL NOT NULL,   -- how long it counts
    wall REAL NOT NULL,      -- when it was noted, by both clocks
    boot REAL NOT NULL,
    boot_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS notes_by_subject ON notes (subject);
"""

# The first release gave the file no number, so that there is none to compare.
_KIND = Kind("login budget", application_id=0, version=0, schema=(), journal="DELETE", synchronous="FULL")


@dataclass(frozen=True, slots=True)
class Note:
    """Something that counts against a subject for ``seconds`` from ``at``: a code sent, or a flood."""

    is_flood: bool
    seconds: float
    at: Moment


def verdict(notes: Iterable[Note], now: Moment, *, codes: int, sending: bool) -> float:
    """Seconds until another attempt is allowed; 0 if it is now.

    ``codes``: how many a day. ``sending``: whether the attempt asks for a code; if not, only floods hold it up.
    """
    left = [(note, note.seconds - age(note.at, now)) for note in notes]
    waits = [rest for note, rest in left if note.is_flood]
    counted = sorted(rest for note, rest in left if not note.is_flood and rest > 0)
    if sending and len(counted) >= codes:
        waits.append(counted[len(counted) - codes])  # when only codes - 1 of them still count
    return max([0.0, *waits])


class LoginBudget:
    """The budget of one home, shared by all its processes.

    A subject is what Telegram limits: a phone number, a bot, an application's QR logins; it is stored hashed. Every
    method raises StorageUnavailable if the file cannot be read or written: then no login is tried. ``ledger``: where
    floods are kept with all others; those that an earlier release noted here still count.
    """

    def __init__(
        self, path: Path, *, clock: Clock, ledger: Ledger | None = None, codes_per_day: int = CODES_PER_DAY
    ) -> None:
        self._path = path
        self._database = Database(path, _KIND, busy=10.0)
        self._ledger = ledger
        self._clock = clock
        self._codes = codes_per_day

    def check(self, subject: str) -> None:
        """Raise LoginBudgetSpent while a flood of this subject lasts."""
        self._ask(subject, sending=False)

    def count_code(self, subject: str) -> None:
        """Count one code against ``subject``, on disk when this returns. Raises LoginBudgetSpent, counting nothing."""
        self._ask(subject, sending=True)

    def note_flood(self, subject: str, seconds: float) -> None:
        """Remember that Telegram refuses ``subject`` for so many seconds from now."""
        now = Moment.now(self._clock)
        if self._ledger is not None:
            self._ledger.note(Deadline(subject, "", FLOOD, seconds, now))
            return
        with self._open() as store:
            self._insert(store, self._hashed(store, subject), "flood", seconds, now)

    def _ask(self, subject: str, *, sending: bool) -> None:
        with self._open() as store:
            now = Moment.now(self._clock)
            hashed = self._hashed(store, subject)
            seconds = verdict(self._notes(store, hashed, now), now, codes=self._codes, sending=sending)
            seconds = max([seconds, *self._flooded(subject, now)])
            if sending and not seconds:
                self._insert(store, hashed, "code", DAY, now)
        if seconds:
            raise LoginBudgetSpent(
                f"No login for this account now: wait {span(seconds)}. {self._codes} codes a day are allowed, and "
                "Telegram's own waits are kept.",
                seconds=seconds,
                until=now.wall + seconds,
                remedy=None if sending else "Wait until then; every try before makes it longer.",
            )

    def _flooded(self, subject: str, now: Moment) -> list[float]:
        """The seconds that are left of floods in the ledger."""
        if self._ledger is None:
            return []
        return [each.left(now) for each in self._ledger.of(subject).deadlines.values()]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One exclusive transaction, synced when it ends."""
        private_folder(self._path.parent)
        try:
            if not self._path.exists():
                with suppress(FileExistsError):  # another process was quicker
                    Database.create(self._path, _KIND, lambda _: None)
            with self._database.transaction() as store:
                if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
                    for statement in _SCHEMA.split(";\n"):
                        store.execute(statement)
                    store.execute("INSERT INTO salt VALUES (?)", (secrets.token_bytes(16),))
                yield store
        except TelegramSessionError as error:
            raise StorageUnavailable(
                f"The login budget {self._path} cannot be used ({error.message}); without it no login is tried.",
                remedy="Free space or mend the permissions; if the file itself is damaged, move it away.",
            ) from None
        finally:
            self._database.close()

    @staticmethod
    def _hashed(store: sqlite3.Connection, subject: str) -> str:
        salt: bytes = store.execute("SELECT value FROM salt").fetchone()[0]
        return sha256(salt + subject.encode()).hexdigest()[:32]

    @staticmethod
    def _notes(store: sqlite3.Connection, subject: str, now: Moment) -> list[Note]:
        """What still counts against ``subject``; everything from other boots is rebased, what is over is forgotten."""
        rows = store.execute(
            "SELECT rowid, kind, seconds, wall, boot, boot_id FROM notes WHERE subject = ?", (subject,)
        )
        notes = []
        for row, kind, seconds, *at in rows.fetchall():
            note = Note(kind == "flood", seconds, rebased(Moment(*at), now))
            if age(note.at, now) >= seconds:
                store.execute("DELETE FROM notes WHERE rowid = ?", (row,))
                continue
            if note.at.boot_id != at[2]:
                store.execute(
                    "UPDATE notes SET wall = ?, boot = ?, boot_id = ? WHERE rowid = ?",
                    (note.at.wall, note.at.boot, note.at.boot_id, row),
                )
            notes.append(note)
        return notes

    @staticmethod
    def _insert(store: sqlite3.Connection, subject: str, kind: str, seconds: float, now: Moment) -> None:
        store.execute(
            "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?)", (subject, kind, seconds, now.wall, now.boot, now.boot_id)
        )
