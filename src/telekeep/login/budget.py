"""When another login may be tried: codes per number and day, and floods remembered, on disk, for every process.

Telegram allows about five codes a day for a number; who asks for more waits for hours, and each further try makes the
wait longer. So every code is counted here *before* it is asked for, and refused here before Telegram has to.

`verdict` decides purely. Ages are reckoned by the boot clock, which nobody can set, as long as the machine has not
been restarted since. After a restart only the wall clock tells how long ago something was; it is believed once, at the
first look, but never below the time this boot has lasted, and what it says is noted under the new boot. So a restart
frees nobody, and setting the clock, either way, neither frees nor traps.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from telekeep.clock import Clock
from telekeep.errors import LoginBudgetSpent, StorageUnavailable
from telekeep.paths import check_private_file, private_folder
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


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time by both clocks (`telekeep.clock`)."""

    wall: float
    boot: float
    boot_id: str

    @classmethod
    def now(cls, clock: Clock) -> Moment:
        return cls(clock.wall(), clock.boot(), clock.boot_id())


@dataclass(frozen=True, slots=True)
class Note:
    """Something that counts against a subject for ``seconds`` from ``at``: a code sent, or a flood."""

    is_flood: bool
    seconds: float
    at: Moment


def age(at: Moment, now: Moment) -> float:
    """How many seconds ago ``at`` was, as well as the two clocks can tell; never negative."""
    if at.boot_id == now.boot_id:
        return max(0.0, now.boot - at.boot)
    return max(now.boot, now.wall - at.wall, 0.0)


def rebased(at: Moment, now: Moment) -> Moment:
    """``at`` in terms of the present boot, so that later changes of the wall clock do not touch it."""
    if at.boot_id == now.boot_id:
        return at
    passed = age(at, now)
    return Moment(now.wall - passed, now.boot - passed, now.boot_id)


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
    method raises StorageUnavailable if the file cannot be read or written: then no login is tried.
    """

    def __init__(self, path: Path, *, clock: Clock, codes_per_day: int = CODES_PER_DAY) -> None:
        self._path = path
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
        with self._open() as store:
            now = Moment.now(self._clock)
            self._insert(store, self._hashed(store, subject), "flood", seconds, now)

    def _ask(self, subject: str, *, sending: bool) -> None:
        with self._open() as store:
            now = Moment.now(self._clock)
            hashed = self._hashed(store, subject)
            seconds = verdict(self._notes(store, hashed, now), now, codes=self._codes, sending=sending)
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

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One exclusive transaction, synced when it ends."""
        private_folder(self._path.parent)
        try:
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            check_private_file(self._path)
            with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as store:
                store.execute("PRAGMA synchronous=FULL")
                store.execute("BEGIN IMMEDIATE")
                if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
                    for statement in _SCHEMA.split(";\n"):
                        store.execute(statement)
                    store.execute("INSERT INTO salt VALUES (?)", (secrets.token_bytes(16),))
                yield store
                store.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise StorageUnavailable(
                f"The login budget {self._path} cannot be used ({getattr(error, 'strerror', None) or error}); "
                "without it no login is tried.",
                remedy="Free space or mend the permissions; if the file itself is damaged, move it away.",
            ) from None

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
