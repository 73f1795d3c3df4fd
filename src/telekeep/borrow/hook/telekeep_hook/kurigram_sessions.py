"""What a kurigram program brings as its session, and the storage it gets in its place: the loan, in memory.

Nothing is written to disk, and a file that lies there is read and left alone; pyrogram/storage/sqlite_storage.py.
"""

from __future__ import annotations

import base64
import binascii
import os
import sqlite3
import struct
from typing import Any

from .database import MOST_PEERS, judged, reading
from .standing import EMPTY, UNREADABLE, Standing, standing

NAMELESS = "a session without a name"
_STEPS = 50_000_000  # of SQLite's machine; looking into a file takes a few thousand
# pyrogram/storage/storage.py: data center, [api id], test, key, user, bot; by their length in bytes
_LAYOUTS = {271: ">BI?256sQ?", 267: ">B?256sQ?", 263: ">B?256sI?"}
_TELETHON = (263, 275)  # data center, address, port, key


def brought(client: Any, plan: dict[str, Any]) -> tuple[Standing, str]:
    """What the session of a client that was made but not connected is to the loan, and what it is, in words."""
    from pyrogram.storage import SQLiteStorage

    storage = client.storage
    if not isinstance(storage, SQLiteStorage):
        why = f"{type(storage).__name__} is a storage of the program's own"
        return Standing(UNREADABLE, why=why), "The session that this program brings"
    string = getattr(storage, "session_string", None)
    if string:
        return in_string(string, plan), "The session string that this program brings"
    if storage.in_memory:
        return Standing(EMPTY), NAMELESS
    path = os.path.realpath(os.fspath(storage.database))
    if type(storage) is not SQLiteStorage and not os.path.lexists(path):
        return Standing(UNREADABLE, why="it is of a class of the program's own"), f"The session {path}"
    return in_file(path, plan), path


def in_string(string: str, plan: dict[str, Any]) -> Standing:
    """What a session string is to the loan: Pyrogram's, or Telethon's, which is what `telekeep run` hands out."""
    string = string.strip()
    if string == plan["string"]:
        return standing(plan, bytes.fromhex(plan["key"]))
    core = string[1:] if len(string) in (353, 369) and string.startswith("1") else string
    try:
        raw = base64.urlsafe_b64decode(core + "=" * (-len(core) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if core is not string and len(raw) in _TELETHON:
        return standing(plan, raw[-256:])
    layout = _LAYOUTS.get(len(raw))
    if layout is None:
        return Standing(UNREADABLE, why="it is no session string of Pyrogram")
    *_, key, user_id, _ = struct.unpack(layout, raw)
    return standing(plan, key, user_id=user_id or None)


def in_file(path: str, plan: dict[str, Any]) -> Standing:
    """What the session file at ``path`` is to the loan; nothing lies there: it is nobody's. It is only read."""
    return judged(path, "Pyrogram", lambda connection: _told(connection, plan), opened=_reading)


def _told(connection: sqlite3.Connection, plan: dict[str, Any]) -> Standing:
    columns = {row[1] for row in connection.execute("PRAGMA table_info(sessions)")}
    wanted = [each if each in columns else "NULL" for each in ("auth_key", "server_address", "port", "user_id")]
    rows = connection.execute(f"SELECT {', '.join(wanted)} FROM sessions LIMIT 2").fetchall()
    if len(rows) > 1:
        return Standing(UNREADABLE, why="it holds several logins")
    key, host, port, user_id = rows[0] if rows else (None, None, None, None)
    return standing(
        plan,
        bytes(key) if isinstance(key, bytes) else None,
        address=(host, port) if isinstance(host, str) and isinstance(port, int) else None,
        user_id=user_id if isinstance(user_id, int) else None,
    )


def _reading(path: str) -> sqlite3.Connection:
    connection = reading(path)
    left = [_STEPS // 10_000]

    def budget() -> int:
        left[0] -= 1
        return int(left[0] < 0)

    connection.set_progress_handler(budget, 10_000)
    return connection


def lent_storage(plan: dict[str, Any], client: Any, path: str | None) -> Any:
    """A storage with the loan in it, for ``client``. ``path``: a file whose peers are worth remembering."""
    from pyrogram.storage import SQLiteStorage

    home = plan["dcs"][0]
    told = {
        "dc_id": home["id"],
        "server_address": home["host"],
        "port": home["port"],
        "api_id": client.api_id or plan["api_id"],
        "test_mode": False,
        "auth_key": bytes.fromhex(plan["key"]),
        "date": 0,
        "user_id": plan["user"]["id"],
        "is_bot": bool(plan["user"]["bot"]),
    }

    class LentStorage(SQLiteStorage):  # type: ignore[misc]
        """In memory, for as long as the program runs: a client may be stopped and started again."""

        is_filled = False

        async def open(self) -> None:
            if not self.is_filled:
                await super().open()
                self.is_filled = True
                if path is not None:
                    _remember(self.conn, path)
            for field, value in told.items():
                await getattr(self, field)(value)

        async def close(self) -> None:
            self.conn.commit()

        async def delete(self) -> None:
            """A loan that was logged out has nothing on disk."""

    return LentStorage(client.name, workdir=client.workdir, in_memory=True)


def _remember(memory: sqlite3.Connection, path: str) -> None:
    """Take over whom a session file knows. Its access hashes need not be right: the gateway corrects them."""
    tables = (
        ("SELECT id, access_hash, type, phone_number FROM peers LIMIT ?", "INSERT OR IGNORE INTO peers "
         "(id, access_hash, type, phone_number) VALUES (?, ?, ?, ?)"),
        ("SELECT id, username FROM usernames LIMIT ?", "INSERT OR IGNORE INTO usernames (id, username) VALUES (?, ?)"),
    )  # fmt: skip
    for query, insert in tables:
        try:
            connection = _reading(path)
            try:
                rows = connection.execute(query, (MOST_PEERS,)).fetchall()
            finally:
                connection.close()
            memory.executemany(insert, rows)
        except sqlite3.Error:
            continue  # an older schema, or none: a program can look them up again
    memory.commit()
