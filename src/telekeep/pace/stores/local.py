"""The ledger of one home: a SQLite file, and a mark in mapped memory that says when to look into it again.

One SELECT costs a few percent of a small call; reading eight mapped bytes costs next to nothing. So every writer puts
a number that was never there before into the mark, after its commit, and a reader looks into the file when the mark is
not the one it saw *before* it last looked. A writer that is killed between the two is made good by looking once a
second anyway. Subjects are stored hashed: a phone number is nobody's business.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from telekeep import paths
from telekeep.clock import Clock, Moment
from telekeep.database import Database, Kind
from telekeep.errors import SessionCorrupt, StorageUnavailable
from telekeep.pace.ledger import EMPTY, Deadline, Pace, Page, longer, shown, slowed, slower
from telekeep.paths import check_private_file, private_folder

_T = TypeVar("_T")

LEDGER: Final = Kind(
    noun="ledger",
    application_id=0x544B5031,  # TKP1
    version=1,
    journal="WAL",
    synchronous="FULL",
    schema=(
        "CREATE TABLE salt (value BLOB)",
        "CREATE TABLE deadlines (subject TEXT, method TEXT, chat TEXT, text TEXT, seconds REAL, wall REAL, boot REAL,"
        " boot_id TEXT, who TEXT, PRIMARY KEY (subject, method, chat)) WITHOUT ROWID",
        "CREATE TABLE paces (subject TEXT, method TEXT, interval REAL, wall REAL, boot REAL, boot_id TEXT, who TEXT,"
        " PRIMARY KEY (subject, method)) WITHOUT ROWID",
    ),
)

_LOOK_SECONDS = 1.0
_MARK_BYTES = 8


class LocalLedger:
    """The ledger in ``folder``; see `telekeep.pace.ledger.Ledger`. Opens nothing before it is asked.

    A file that is damaged is set aside, and a new one begun: Telegram says each deadline again when it is asked.
    """

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self.path = folder / paths.LEDGER
        self._clock = clock
        self._database = Database(self.path, LEDGER)
        self._mark = _Mark(folder / "floods.mark")
        self._seen: bytes | None = None
        self._again = 0.0  # when to look again, mark or no mark; boot seconds
        self._salt = b""
        self._hashes: dict[str, str] = {}
        self._pages: dict[str, Page] = {}

    # ---- reading

    def of(self, subject: str) -> Page:
        mapped = self._mark.mapped  # asked before every request: no more is done here than must be
        if mapped is None or mapped[:_MARK_BYTES] != self._seen or self._clock.boot() >= self._again:
            self._look()
        return self._pages.get(self._hashed(subject), EMPTY) if self._pages else EMPTY

    def shown(self) -> list[tuple[Deadline, float]]:
        self._look()
        return shown(self._pages.values(), Moment.now(self._clock))

    def slowed(self) -> list[tuple[Pace, float]]:
        self._look()
        return slowed(self._pages.values(), Moment.now(self._clock))

    def _look(self) -> None:
        mark = self._mark.value()
        self._again = self._clock.boot() + _LOOK_SECONDS
        try:
            self._pages = self._mended(self._read) if self.path.exists() else {}
        except StorageUnavailable as error:
            if self._seen is None:
                raise  # nothing is known yet: who cannot tell must not ask Telegram
            _warn("%s What was known of flood waits before goes on to count.", error.message)
        self._seen = mark or b""

    def _read(self) -> dict[str, Page]:
        now = Moment.now(self._clock)
        with self._database.reading() as rows:
            pages, is_of_another_boot = _Rows(rows).pages(now)
            self._take_salt(rows)
        if is_of_another_boot:  # from now on the boot clock counts, whatever becomes of the wall clock
            with self._database.transaction() as rows:
                _Rows(rows).rebase(now)
            self._mark.move()
        return pages

    # ---- writing

    def note(self, deadline: Deadline) -> None:
        self._written(lambda rows, subject: rows.note(deadline, subject, Moment.now(self._clock)), deadline.subject)

    def clear(self, subject: str) -> None:
        if self.path.exists():
            self._written(lambda rows, hashed: rows.clear(hashed), subject)

    def _written(self, change: Callable[[_Rows, str], None], subject: str) -> None:
        def work() -> None:
            self._make()
            with self._database.transaction() as rows:
                self._take_salt(rows)
                change(_Rows(rows), self._hashed(subject))

        self._mended(work)
        self._mark.move()

    def _make(self) -> None:
        if self.path.exists():
            return
        private_folder(self.path.parent)
        try:
            Database.create(self.path, LEDGER, _salted)
        except FileExistsError:
            pass  # another process was quicker

    def close(self) -> None:
        self._database.close()
        self._mark.close()
        self._seen = None

    # ---- inside

    def _mended(self, work: Callable[[], _T]) -> _T:
        """``work``, or, if the file is damaged, ``work`` once more without it."""
        inode = self._database.inode()
        try:
            return work()
        except SessionCorrupt as error:
            aside = self._database.set_aside(inode=inode, stamp=int(self._clock.wall()))
            _warn("%s It was set aside (%s); Telegram will say each wait again.", error.message, aside)
            self._make()
            return work()

    def _take_salt(self, rows: sqlite3.Connection) -> None:
        found = rows.execute("SELECT value FROM salt").fetchone()
        if found is None or not isinstance(found[0], bytes):
            raise SessionCorrupt(f"{self.path} is damaged.")
        if found[0] != self._salt:
            self._salt, self._hashes = found[0], {}

    def _hashed(self, subject: str) -> str:
        known = self._hashes.get(subject)
        if known is None:
            from hashlib import sha256  # here: `telekeep status` shows what was noted, and asks about nobody

            known = self._hashes[subject] = sha256(self._salt + subject.encode()).hexdigest()[:32]
        return known


class _Rows:
    """The rows of the ledger, inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def deadlines(self, subject: str | None = None) -> Iterator[Deadline]:
        query = "SELECT subject, method, text, seconds, wall, boot, boot_id, chat, who FROM deadlines"
        for row in self._of(query, subject):
            with _typed():
                name, method, text, seconds, wall, boot, boot_id, chat, who = row
                at = Moment(float(wall), float(boot), str(boot_id))
                yield Deadline(str(name), str(method), str(text), float(seconds), at, str(chat), str(who))

    def paces(self, subject: str | None = None) -> Iterator[Pace]:
        query = "SELECT subject, method, interval, wall, boot, boot_id, who FROM paces"
        for row in self._of(query, subject):
            with _typed():
                name, method, interval, wall, boot, boot_id, who = row
                at = Moment(float(wall), float(boot), str(boot_id))
                yield Pace(str(name), str(method), float(interval), at, str(who))

    def _of(self, query: str, subject: str | None) -> list[tuple[Any, ...]]:
        if subject is None:
            return self._connection.execute(query).fetchall()
        return self._connection.execute(f"{query} WHERE subject = ?", (subject,)).fetchall()

    def pages(self, now: Moment) -> tuple[dict[str, Page], bool]:
        """A page for every subject of which something still holds, in terms of the present boot; and whether anything
        was of another one.
        """
        deadlines: dict[str, dict[tuple[str, str], Deadline]] = {}
        paces: dict[str, dict[str, Pace]] = {}
        is_of_another_boot = False
        for each in self.deadlines():
            is_of_another_boot |= each.at.boot_id != now.boot_id
            if each.left(now) > 0:
                deadlines.setdefault(each.subject, {})[each.method, each.chat] = each.rebased(now)
        for pace in self.paces():
            is_of_another_boot |= pace.at.boot_id != now.boot_id
            if pace.now(now):
                paces.setdefault(pace.subject, {})[pace.method] = pace.rebased(now)
        pages = {name: Page(deadlines.get(name, {}), paces.get(name, {})) for name in {*deadlines, *paces}}
        return pages, is_of_another_boot

    def rebase(self, now: Moment) -> None:
        for each in list(self.deadlines()):
            self._put(each.rebased(now))
        for pace in list(self.paces()):
            self._put_pace(pace.rebased(now))

    def note(self, deadline: Deadline, subject: str, now: Moment) -> None:
        known = {(each.method, each.chat): each.rebased(now) for each in self.deadlines(subject)}
        paces = {each.method: each.rebased(now) for each in self.paces(subject)}
        new = Deadline(
            subject, deadline.method, deadline.text, deadline.seconds, deadline.at, deadline.chat, deadline.who
        )
        place = (new.method, new.chat)
        self._put(longer(known.pop(place, None), new, now))
        pace = slower(paces.pop(new.method, None), new, now)
        if pace is not None:
            self._put_pace(pace)
        for each in known.values():
            if each.left(now) <= 0:
                self._connection.execute(
                    "DELETE FROM deadlines WHERE subject = ? AND method = ? AND chat = ?",
                    (subject, each.method, each.chat),
                )
        for old in paces.values():
            if not old.now(now):
                self._connection.execute("DELETE FROM paces WHERE subject = ? AND method = ?", (subject, old.method))

    def clear(self, subject: str) -> None:
        for table in ("deadlines", "paces"):
            self._connection.execute(f"DELETE FROM {table} WHERE subject = ?", (subject,))

    def _put(self, each: Deadline) -> None:
        at = each.at
        self._connection.execute(
            "INSERT OR REPLACE INTO deadlines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (each.subject, each.method, each.chat, each.text, each.seconds, at.wall, at.boot, at.boot_id, each.who),
        )

    def _put_pace(self, each: Pace) -> None:
        at = each.at
        self._connection.execute(
            "INSERT OR REPLACE INTO paces VALUES (?, ?, ?, ?, ?, ?, ?)",
            (each.subject, each.method, each.interval, at.wall, at.boot, at.boot_id, each.who),
        )


def _warn(words: str, *values: object) -> None:
    import logging  # here: `telekeep status` reads the ledger, and warns of nothing

    logging.getLogger(__name__).warning(words, *values)


def _salted(rows: sqlite3.Connection) -> None:
    rows.execute("INSERT INTO salt VALUES (?)", (os.urandom(16),))


@contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError):
        raise SessionCorrupt("The ledger of flood waits is damaged.") from None


class _Mark:
    """Eight bytes that all processes of a home see, in a file that they map: ``mapped``, None if it is not open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.mapped: mmap.mmap | None = None

    def value(self) -> bytes | None:
        if self.mapped is None and not self._open():
            return None
        assert self.mapped is not None
        return self.mapped[:_MARK_BYTES]

    def move(self) -> None:
        """Put a value there that never was. It is written, not put into the mapped memory: where the disk has no room
        for the page, the one is refused, and for the other the kernel would kill the process.
        """
        if self.value() is None:
            return
        try:
            descriptor = self._file()
        except OSError:
            return
        try:
            os.pwrite(descriptor, os.urandom(_MARK_BYTES), 0)
        except OSError:
            pass  # whoever needs to know looks once a second anyway
        finally:
            os.close(descriptor)

    def _open(self) -> bool:
        """Map the file, made if need be. Where that cannot be done, everybody looks once a second."""
        try:
            descriptor = self._file()
        except OSError:
            return False
        try:
            check_private_file(self._path)
            if os.fstat(descriptor).st_size < _MARK_BYTES:  # another may have made it by now, and moved it
                os.pwrite(descriptor, os.urandom(_MARK_BYTES), 0)
            self.mapped = mmap.mmap(descriptor, _MARK_BYTES, prot=mmap.PROT_READ)
        except (OSError, ValueError):
            return False
        finally:
            os.close(descriptor)
        return True

    def _file(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        found, self.mapped = self.mapped, None
        if found is not None:
            found.close()
