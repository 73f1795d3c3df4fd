"""A session file in the shape of a vault: what a held client keeps in a vault, this keeps in the file it came from.

The lease on the file is held meanwhile; what is written is what Telethon itself would write, in rows of its tables.
Other programs may read it, and go on from it when the lease is theirs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telekeep.clock import Clock
from telekeep.database import border
from telekeep.errors import ConfigError, NeedsLogin, SessionCorrupt, SessionNotFound, UnknownFormat
from telekeep.guard import places
from telekeep.keeper.transfer import read_foreign
from telekeep.lease.lease import lease_name
from telekeep.manager import damage
from telekeep.session import formats
from telekeep.session.formats import image
from telekeep.session.model import Peer, Session, UpdateState
from telekeep.vault.record import KEPT, Entry, Quarantine

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.manager.dead import DeadKeys

_FORMAT = "telethon-sqlite"
_BUSY_SECONDS = 0.5  # on the event loop; what is not written now is written the next time


class SessionFile:
    """The session file at ``path``, as `telekeep.upstream` needs a vault. ``name`` is only for people.

    Raises what it is documented to, in the vault's terms: SessionNotFound, SessionCorrupt, UnknownFormat, NeedsLogin,
    StorageUnavailable.
    """

    moved = False  # a file does not know which machine it was on

    def __init__(self, path: Path, keeper: Keeper, dead: DeadKeys) -> None:
        self.path = path
        self._keeper = keeper
        self._clock: Clock = keeper.clock
        self._dead = dead
        self._login: Session | None = None  # as it was read last, without what changes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    # ---- reading

    def session(self) -> Session:
        """What is in the file."""
        if not self.path.exists():
            raise SessionNotFound(f"There is no session file {self.path}.", remedy="Log in: telekeep auth NAME")
        source = formats.read_file(self.path, timeout=_BUSY_SECONDS)
        if not source:
            raise self._needs_login()
        try:
            form = formats.recognise(source).name
        except UnknownFormat:
            if damage.is_damaged(self.path):
                raise SessionCorrupt(f"{self.path} is no database.") from None
            raise
        if form != _FORMAT:
            raise UnknownFormat(
                f"{self.path} is no session file of Telethon's.",
                remedy=f"Take it in: telekeep import {self.path} --as NAME, and use that name.",
            )
        try:
            return read_foreign(self._keeper, source)
        except SessionCorrupt:
            if places.key_ids(self.path) or damage.is_damaged(self.path):
                raise
            raise self._needs_login() from None

    def _needs_login(self) -> NeedsLogin:
        return NeedsLogin(
            f"{self.path} holds no login.",
            remedy="Log in with `telekeep auth NAME`, and use that name in the place of the file.",
        )

    def read(self, name: str) -> tuple[Entry, Session]:
        seen = self._stamp()
        session = self.session()
        self._login = replace(session, user=None, state=None, peers=())
        entry = Entry(
            name, lease_name(session.auth_key.id), session.network, session.dc.id, seen, 0, 0.0, 0.0, None, KEPT, 0
        )
        return entry, session

    def entry(self, name: str) -> Entry:
        return self.read(name)[0]

    def view(self) -> Any:
        return nullcontext()

    def entries(self) -> list[Entry]:
        return []

    def away(self) -> frozenset[str]:
        """None: this is the file."""
        return frozenset()

    def _stamp(self) -> int:
        """Differs when anybody has written."""
        with border(self.path):
            return self.path.stat().st_mtime_ns if self.path.exists() else 0

    # ---- dead keys

    def quarantined(self, auth_key_id: int) -> Quarantine | None:
        return self._dead.find(auth_key_id)

    def quarantine(
        self, auth_key_id: int, error: str, *, checked: bool, evidence: str = "", asked_again: bool = False
    ) -> None:
        self._dead.put(auth_key_id, Quarantine(error, self._clock.wall(), checked, evidence, asked_again))

    def acquit(self, auth_key_id: int) -> None:
        self._dead.drop(auth_key_id)

    # ---- writing

    def keep(self, name: str, session: Session, *, fence: int, expected: int | None) -> Entry:
        """Write key, data center and user, if they are other ones, on disk when this returns."""
        entry, known = self.read(name)
        if (known.auth_key, known.dc.id) != (session.auth_key, session.dc.id):
            self._write(replace(session, state=None, peers=()), _write_login)
        elif session.user is not None and (known.user is None or known.user.id != session.user.id):
            self._write(replace(session, state=None, peers=()), _write_peers)
        return entry

    def save_state(self, name: str, auth_key_id: int, state: UpdateState, *, fence: int) -> None:
        self._write(replace(self._bare(auth_key_id), state=state), _write_state)

    def save_peers(self, name: str, auth_key_id: int, peers: Iterable[Peer], *, fence: int) -> None:
        self._write(replace(self._bare(auth_key_id), peers=tuple(peers)), _write_peers)

    def touch(self, name: str, *, fence: int, at: float) -> None:
        """A file has no place for when it was last used."""

    def flush(self) -> None:
        """Everything is written already."""

    def remove(self, name: str, *, fence: int) -> None:
        """The login was ended on purpose: the file is set aside, as a kept record is."""
        with border(self.path):
            damage.set_aside(self.path, now=self._clock.wall(), why="logged_out")

    def _bare(self, auth_key_id: int) -> Session:
        """The login that is written for. Raises ConfigError if the file holds another one by now."""
        if self._login is None or auth_key_id not in places.key_ids(self.path):
            raise ConfigError(f"{self.path} has another key by now.", remedy="Find out which program wrote to it.")
        return self._login

    def _write(self, session: Session, change: Callable[[sqlite3.Connection, sqlite3.Connection, float], None]) -> None:
        """``change`` takes over rows of the file that ``session`` would be, in one transaction: what fits into such a
        file, and how it is spelt, is the format's to say.
        """
        with image.opened(formats.FORMATS[_FORMAT].write(session)) as rows, self._transaction() as connection:
            change(rows, connection, self._clock.wall())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with (
            border(self.path),
            closing(
                sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection,
        ):
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")


def _write_login(rows: sqlite3.Connection, connection: sqlite3.Connection, now: float) -> None:
    found = rows.execute("SELECT dc_id, server_address, port, auth_key FROM sessions").fetchall()
    connection.execute("DELETE FROM sessions")
    connection.executemany("INSERT INTO sessions (dc_id, server_address, port, auth_key) VALUES (?, ?, ?, ?)", found)
    _write_peers(rows, connection, now)


def _write_state(rows: sqlite3.Connection, connection: sqlite3.Connection, now: float) -> None:
    found = rows.execute("SELECT id, pts, qts, date, seq FROM update_state").fetchall()
    connection.executemany(
        "INSERT OR REPLACE INTO update_state (id, pts, qts, date, seq) VALUES (?, ?, ?, ?, ?)", found
    )


def _write_peers(rows: sqlite3.Connection, connection: sqlite3.Connection, now: float) -> None:
    found = rows.execute("SELECT id, hash, username, phone, name FROM entities").fetchall()
    connection.executemany(
        "INSERT OR REPLACE INTO entities (id, hash, username, phone, name, date) VALUES (?, ?, ?, ?, ?, ?)",
        [(*each, int(now)) for each in found],
    )
