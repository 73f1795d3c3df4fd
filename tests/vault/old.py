"""The vault's files as earlier releases made them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

# Format 1, of release 0.1: without loans, endpoints, journals and doubts. To be left as it is.
SESSIONS_1 = (
    "CREATE TABLE vault (id INTEGER PRIMARY KEY, vault_id TEXT, source TEXT, parameters TEXT, verifier BLOB,"
    " epoch INTEGER, checksum INTEGER, machine TEXT)",
    "CREATE TABLE keys (purpose TEXT PRIMARY KEY, wrapped BLOB) WITHOUT ROWID",
    "CREATE TABLE records (name TEXT PRIMARY KEY, generation INTEGER) WITHOUT ROWID",
    "CREATE TABLE generations (name TEXT, generation INTEGER, lease TEXT, network TEXT, dc_id INTEGER,"
    " fence INTEGER, created_at REAL, saved_at REAL, state TEXT, size INTEGER, checksum INTEGER, wrapped BLOB,"
    " sealed BLOB, PRIMARY KEY (name, generation)) WITHOUT ROWID",
    "CREATE TABLE fences (lease TEXT PRIMARY KEY, fence INTEGER) WITHOUT ROWID",
)
LAGGING_1 = (
    "CREATE TABLE vault (vault_id TEXT)",
    "CREATE TABLE uses (lease TEXT PRIMARY KEY, last_used_at REAL) WITHOUT ROWID",
    "CREATE TABLE states (lease TEXT PRIMARY KEY, sealed BLOB) WITHOUT ROWID",
    "CREATE TABLE peers (lease TEXT, row BLOB, sealed BLOB, PRIMARY KEY (lease, row)) WITHOUT ROWID",
)


def to_format_1(folder: Path) -> None:
    """Put files of format 1, with the same rows, in place of both files of a closed vault."""
    _rebuild(folder / "sessions.db", 0x544B5631, SESSIONS_1, "DELETE")
    _rebuild(folder / "lagging.db", 0x544B4C31, LAGGING_1, "WAL")


def _rebuild(path: Path, application_id: int, schema: tuple[str, ...], journal: str) -> None:
    draft = path.with_name("draft")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute(f"PRAGMA application_id={application_id}")
        connection.execute("PRAGMA user_version=1")
        connection.execute("ATTACH ? AS newer", (str(path),))
        for statement in schema:
            connection.execute(statement)
            table = statement.split()[2]
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM newer.{table}")
        connection.execute("DETACH newer")
    for companion in ("-journal", "-wal", "-shm"):
        path.with_name(path.name + companion).unlink(missing_ok=True)
    draft.rename(path)
