"""Telethon's session file: the stand-in that a program finds, and what lies there of its own.

Schema 7, which every release from 1.26 on opens; telethon/sessions/sqlite.py.
"""

from __future__ import annotations

import os
import sqlite3
from urllib.parse import quote

from .standing import UNREADABLE, Standing, standing

if False:  # TYPE_CHECKING, without importing typing into every program
    from typing import Any

_FILE = "stand-in.session"
_LARGEST = 1 << 30  # bytes of a session file that is looked into
_MOST_PEERS = 200_000  # rows of peers that a client is given from the session it had
_TABLES = """
CREATE TABLE version (version integer primary key);
CREATE TABLE sessions (
    dc_id integer primary key, server_address text, port integer, auth_key blob, takeout_id integer
);
CREATE TABLE entities (
    id integer primary key, hash integer not null, username text, phone integer, name text, date integer
);
CREATE TABLE sent_files (
    md5_digest blob, file_size integer, type integer, id integer, hash integer,
    primary key(md5_digest, file_size, type)
);
CREATE TABLE update_state (id integer primary key, pts integer, qts integer, date integer, seq integer);
INSERT INTO version VALUES (7);
"""


def stand_in(plan: dict[str, Any]) -> bytes:
    """A session file that holds the loan and nothing else. Made once for a run, in its private folder."""
    path = os.path.join(plan["folder"], _FILE)
    if not os.path.exists(path):
        mine = f"{path}.{os.getpid()}"
        connection = sqlite3.connect(mine)
        try:
            connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY;" + _TABLES)
            home = plan["dcs"][0]
            row = home["id"], home["host"], home["port"], bytes.fromhex(plan["key"]), None
            connection.execute("INSERT INTO sessions VALUES (?,?,?,?,?)", row)
            # entity 0 is no peer: Telethon keeps there whom it is logged in as
            connection.execute("INSERT INTO entities VALUES (0,?,NULL,NULL,NULL,0)", (plan["user"]["id"],))
            connection.commit()
        finally:
            connection.close()
        os.replace(mine, path)
    with open(path, "rb") as file:
        return file.read()


def look(path: str, plan: dict[str, Any]) -> Standing:
    """What the session file at ``path`` is to the loan. It is opened for reading only, and closed again."""
    try:
        if not os.path.isfile(path):
            return Standing(UNREADABLE, why="it is not a file")
        if os.path.getsize(path) > _LARGEST:
            return Standing(UNREADABLE, why="it is too large")
        if os.path.getsize(path) == 0:
            return standing(plan, None)
        _settle(path)
        connection = _reading(path)
        try:
            return _told(connection, plan)
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Standing(UNREADABLE, why=f"it is no session file of Telethon that can be opened ({error})")
    except OSError as error:
        return Standing(UNREADABLE, why=error.strerror or type(error).__name__)


def _told(connection: sqlite3.Connection, plan: dict[str, Any]) -> Standing:
    rows = connection.execute("SELECT server_address, port, auth_key FROM sessions LIMIT 2").fetchall()
    if len(rows) > 1:
        return Standing(UNREADABLE, why="it holds several logins")
    host, port, key = rows[0] if rows else (None, None, None)
    own = connection.execute("SELECT hash FROM entities WHERE id = 0").fetchone()
    return standing(
        plan,
        bytes(key) if isinstance(key, bytes) else None,
        address=(host, port) if isinstance(host, str) and isinstance(port, int) else None,
        user_id=own[0] if own and isinstance(own[0], int) else None,
    )


def remembered(path: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The peers and the update states in a session file that was set aside; nothing where it cannot be read.

    A program that asks for a peer by its bare number needs what it has met before. The gateway corrects the hashes.
    """
    try:
        connection = _reading(path)
        try:
            peers = connection.execute(
                "SELECT id, hash, username, phone, name FROM entities WHERE id != 0 LIMIT ?", (_MOST_PEERS,)
            ).fetchall()
            states = connection.execute("SELECT id, pts, qts, date, seq FROM update_state WHERE pts > 0").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return [], []
    return peers, states


def _reading(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=1.0)


def _settle(path: str) -> None:
    """Let SQLite finish what a program that was killed has left beside the file, so that the file stands alone."""
    if any(map(os.path.exists, besides(path))):
        connection = sqlite3.connect(path, timeout=1.0)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()


def besides(path: str) -> list[str]:
    """The files that SQLite may keep beside the database ``path``."""
    return [f"{path}-journal", f"{path}-wal", f"{path}-shm"]
