"""Telethon's session file. The row that says where and as whom it connects is exchanged; all else stays, the version
of the schema too: 7 stays 7, so that an old Telethon still opens it, and 8 stays 8.

All of it in memory. What SQLite had left in free pages is gone afterwards: an old key could lie there.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.keeper.adopt.places.place import Exchange, Found
from telekeep.session import formats
from telekeep.session.formats.image import COPY_AGAIN
from telekeep.session.model import Session
from telekeep.session.network import Network

_FORMAT = formats.FORMATS["telethon-sqlite"]
_JOURNAL = slice(18, 20)  # of the header: how the journal is kept (sqlite.org/fileformat.html, 1.3.3)
_ROLLBACK = b"\1\1"


class TelethonFile:
    kind = "telethon-sqlite"

    def find(self, content: bytes, network: Network) -> list[Found]:
        return [Found("", _FORMAT.read(content, network=network))]

    def exchanged(self, content: bytes, wanted: Exchange) -> bytes:
        for _, session in wanted:
            content = _with_row(content, session)
        return content


def _with_row(content: bytes, session: Session) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            connection.deserialize(content[: _JOURNAL.start] + _ROLLBACK + content[_JOURNAL.stop :])
            for setting in ("trusted_schema = OFF", "temp_store = MEMORY", "secure_delete = ON"):
                connection.execute(f"PRAGMA {setting}")
            _refuse_code(connection)
            write_row(connection, session)
            connection.execute("VACUUM")
            whole = connection.serialize()
        except sqlite3.Error:
            raise SessionCorrupt("This session file cannot be rewritten: it is damaged.", remedy=COPY_AGAIN) from None
    return whole[: _JOURNAL.start] + content[_JOURNAL] + whole[_JOURNAL.stop :]


def write_row(connection: sqlite3.Connection, session: Session) -> None:
    """Exchange the row in an open database. A temporary key belongs to the key it was made with: it goes."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(sessions)")}
    emptied = ", tmp_auth_key = iif(length(tmp_auth_key) > 0, x'', tmp_auth_key)"
    temporary = emptied if "tmp_auth_key" in columns else ""
    connection.execute(
        f"UPDATE sessions SET dc_id = ?, server_address = ?, port = ?, auth_key = ?{temporary}",
        (session.dc.id, session.dc.host, session.dc.port, session.auth_key.reveal()),
    )


def _refuse_code(connection: sqlite3.Connection) -> None:
    """Nothing that came with a file is executed: no session file has triggers or views."""
    (count,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view') OR sql LIKE 'CREATE VIRTUAL%'"
    ).fetchone()
    if count:
        raise UnknownFormat(
            "This session file brings code along (triggers, views or virtual tables), which no Telethon makes.",
            remedy="Export the session from the program that uses it, and adopt that.",
        )
