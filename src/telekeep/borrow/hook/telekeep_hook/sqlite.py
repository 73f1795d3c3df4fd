"""Telethon's session file: the stand-in that a program finds, and what lies there of its own.

Schema 7, which every release from 1.26 on opens; telethon/sessions/sqlite.py.
"""

from __future__ import annotations

import os
import sqlite3

from .database import MOST_PEERS, judged, reading
from .standing import UNREADABLE, Standing, standing

if False:  # TYPE_CHECKING, without importing typing into every program
    from typing import Any

_FILE = "stand-in.session"
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
    """What the session file at ``path`` is to the loan."""
    return judged(path, "Telethon", lambda connection: _told(connection, plan), opened=_settled)


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
        connection = reading(path)
        try:
            peers = connection.execute(
                "SELECT id, hash, username, phone, name FROM entities WHERE id != 0 LIMIT ?", (MOST_PEERS,)
            ).fetchall()
            states = connection.execute("SELECT id, pts, qts, date, seq FROM update_state WHERE pts > 0").fetchall()
        finally:
            connection.close()
    except sqlite3.Error:
        return [], []
    return peers, states


def _settled(path: str) -> sqlite3.Connection:
    """Let SQLite finish what a program that was killed has left beside the file, so that the file stands alone."""
    if any(map(os.path.exists, besides(path))):
        connection = sqlite3.connect(path, timeout=1.0)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    return reading(path)


def besides(path: str) -> list[str]:
    """The files that SQLite may keep beside the database ``path``."""
    return [f"{path}-journal", f"{path}-wal", f"{path}-shm"]
