"""What becomes of Telethon's session files: they are in memory, with the loan, and a stand-in lies in their place."""

from __future__ import annotations

import functools
import os
from typing import Any

from .standing import EMPTY, OURS, UNREADABLE, Standing


class File:
    """What a `SQLiteSession` that names a file is under `telekeep run`: in memory, with a stand-in at its ``path``.

    ``standing``: what lay there; ``aside``: where that is now.
    """

    open_as_asked = False  # while a session is made that is not the loan's business

    def __init__(self, path: str, standing: Standing, aside: str | None) -> None:
        self.path = path
        self.standing = standing
        self.aside = aside


def wrap(kind: Any, plan: dict[str, Any]) -> None:
    """Do this to Telethon's ``SQLiteSession``, the ``kind``."""
    init, close = kind.__init__, kind.close

    @functools.wraps(init)
    def __init__(self: Any, session_id: Any = None, *args: Any, **options: Any) -> None:
        self._telekeep = None
        if not session_id or File.open_as_asked:
            init(self, session_id, *args, **options)
            return
        init(self, None, *args, **options)
        name = os.fspath(session_id)
        if plan["string"] in name:  # a program that takes the variable for a name
            fill(self, plan)
            return
        self.filename = name if name.endswith(".session") else name + ".session"
        file = self._telekeep = _file(self.filename, plan)
        if file.aside:
            _remember(self, file.aside)

    @functools.wraps(close)
    def closed(self: Any) -> None:
        if getattr(self, "_telekeep", None) is None:
            close(self)  # otherwise it would be opened again from the file

    kind._telekeep = None
    kind.__init__, kind.close = __init__, closed


def _file(name: str, plan: dict[str, Any]) -> File:
    import sqlite3

    from . import files, sqlite  # most programs name no file more than once, many none

    path = os.path.realpath(name)
    found = Standing(EMPTY)

    def check(there: str) -> None:
        nonlocal found
        found = sqlite.look(there, plan)
        user = files.user_of(there) if found.kind == OURS else None
        if user is not None:
            found = Standing(UNREADABLE, why=f"process {user} has it open")
        if found.kind not in (OURS, EMPTY):
            raise _NotOurs

    try:
        aside = files.claim(
            plan["files"],
            path,
            session=plan["name"],
            key=plan["key"],
            stand_in=lambda: sqlite.stand_in(plan),
            check=check,
        )
    except _NotOurs:
        return File(path, found, None)
    except FileNotFoundError:  # no such folder: what SQLite says of it
        raise sqlite3.OperationalError("unable to open database file") from None
    except OSError as error:
        why = f"it cannot be set aside ({error.strerror})"
        return File(path, Standing(UNREADABLE, why=why), None)
    if aside and found.kind == EMPTY:
        found = sqlite.look(aside, plan)  # set aside before, by another client or process
    return File(path, found, aside)


class _NotOurs(Exception):
    pass


def _remember(session: Any, aside: str) -> None:
    """Give a session in memory what the file that was set aside knows of peers and updates."""
    from . import sqlite

    peers, states = sqlite.remembered(aside)
    cursor = session._cursor()
    cursor.executemany("INSERT OR REPLACE INTO entities (id, hash, username, phone, name) VALUES (?,?,?,?,?)", peers)
    cursor.executemany("INSERT OR REPLACE INTO update_state VALUES (?,?,?,?,?)", states)
    cursor.close()
    session.save()


def fill(session: Any, plan: dict[str, Any]) -> None:
    """Put the loan into a session of Telethon."""
    from telethon.crypto import AuthKey

    home, key = plan["dcs"][0], bytes.fromhex(plan["key"])
    if (session.dc_id, session.server_address, session.port) != (home["id"], home["host"], home["port"]):
        session.set_dc(home["id"], home["host"], home["port"])
    if session.auth_key is None or session.auth_key.key != key:
        session.auth_key = AuthKey(key)


def let_go(session: Any) -> None:
    """End a session that was in memory in place of a file."""
    session._telekeep = None
    name, session.filename = session.filename, ""  # Telethon closes none that it calls in memory
    session.close()
    session.filename = name


def reopen(session: Any) -> None:
    """Let such a session be the file that it names, as if nothing had happened."""
    from telethon.sessions import SQLiteSession

    let_go(session)
    SQLiteSession.__init__(session, session.filename)
