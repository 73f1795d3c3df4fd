"""Telethon 2's storages: ``load``, ``save``, ``close``, and what a ``Client`` takes as its first argument.

Telethon 2 has no release; this is the interface that its documentation describes, over our own model: a program on its
branch hands its ``Client`` a subclass of that branch's own ``Storage``, which asks one of these. What differs: a file
is written whole or not at all, with mode 0600; one that another program has written to since is not overwritten; a file
of Telethon 1 is kept beside the new one; and ``.session`` is added to every name that does not end so.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from telekeep.errors import ConfigError, NeedsLogin, SessionConflict, SessionNotFound
from telekeep.session.model import Session
from telekeep.session.network import Network

EXTENSION = ".session"


class Storage(ABC):
    """Where a session is kept. Another kind is a subclass with these three."""

    @abstractmethod
    async def load(self) -> Session | None:
        """The session; None if there is none. May follow `close`."""

    @abstractmethod
    async def save(self, session: Session) -> None:
        """Keep ``session`` in the place of what was there."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of whatever is held open."""


class MemorySession(Storage):
    """Kept nowhere but here. ``session``: what it begins with."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session

    async def load(self) -> Session | None:
        return self.session

    async def save(self, session: Session) -> None:
        self.session = session

    async def close(self) -> None:
        pass


class SqliteSession(Storage):
    """A file, by default ``NAME.session``, with Telethon 2's schema.

    ``user_id``: whose session it must be, if that is known. A file of schema 7 or 8 is read as well; the first `save`
    keeps it as ``NAME.v1.session``.
    """

    def __init__(self, file: str | Path, *, user_id: int | None = None) -> None:
        """Raises ConfigError where Python has no sqlite3."""
        _require_sqlite3()
        self.path = session_path(file)
        self._user_id = user_id
        self._seen: bytes | None = None  # a digest of the file as it was last seen

    async def load(self) -> Session | None:
        """Raises what `telekeep.session.formats.read` does, and ConfigError for a session of somebody else."""
        return await asyncio.to_thread(self._load)

    async def save(self, session: Session) -> None:
        """Raises FormatLoss if nobody is logged in, SessionConflict if another program has written to the file."""
        await asyncio.to_thread(self._save, session)

    async def close(self) -> None:
        self._seen = None

    def _load(self) -> Session | None:
        from telekeep.session import formats

        source = self._source()
        self._seen = _digest(source)
        if source is None:
            return None
        session = formats.read(source)
        self._check_user(session)
        return session

    def _save(self, session: Session) -> None:
        from telekeep.paths import write_atomically
        from telekeep.session import formats

        self._check_user(session)
        data = formats.FORMATS["telethon-v2"].write(session)
        before = self._source()
        if before is not None and _digest(before) != self._seen:
            raise SessionConflict(
                f"Another program has written to {self.path} since it was loaded.", remedy="Load it again."
            )
        if before is not None and formats.recognise(before).name != "telethon-v2":
            self._keep_old()
        write_atomically(self.path, data)
        self._seen = _digest(self._source())

    def _source(self) -> bytes | None:
        from telekeep.session import formats

        try:
            return formats.read_file(self.path)
        except SessionNotFound:
            return None

    def _keep_old(self) -> None:
        """Leave the file of Telethon 1 where it can be found: what Telethon 2 does to it is one way."""
        old = self.path.with_name(f"{self.path.name.removesuffix(EXTENSION)}.v1{EXTENSION}")
        if not old.exists():
            os.link(self.path, old)

    def _check_user(self, session: Session) -> None:
        if self._user_id is not None and (session.user is None or session.user.id != self._user_id):
            raise ConfigError(f"{self.path} is not the session of user {self._user_id}.")


class VaultStorage(Storage):
    """The session kept as ``name``, held from `load` to `close`. ``home``, ``network``: as in `telekeep.client`.

    **`load` gives the key away, and nobody asks the lease in between.** That cannot be helped here: the interface ends
    with the `Session` that `load` returns; a client of Telethon 2 tells its storage nothing before it saves, and hands
    it no connection that could be made to ask; and as there is no release, none can be looked for, as `VaultSession`
    looks for Telethon's. So one that has lost its lease goes on sending until it saves. `check` is there for a program
    that can ask before it sends; whoever cannot should borrow (`telekeep.client`).
    """

    def __init__(self, name: str, *, home: Path | str | None = None, network: Network | str | None = None) -> None:
        from telekeep.upstream.storages.held_record import HeldRecord

        self._held = HeldRecord(name, home=home, network=network)

    async def load(self) -> Session | None:
        """The session, its key included, unguarded: see the class. Raises what `HeldRecord.open` does."""
        record = self._held.open()
        peers = tuple(record.cast.everybody())
        return replace(record.session, user=record.user, state=record.state, peers=peers)

    def check(self) -> None:
        """Make sure that the session may be used, right now. Raises LeaseLost, TelegramNetworkError if it is closed."""
        self._held.line.check()

    async def save(self, session: Session) -> None:
        """Write what changed. Raises NeedsLogin if it was not loaded, ConfigError for another key, LeaseLost."""
        record = self._held.record
        if record is None:
            raise NeedsLogin("This session is not held: load it first.", remedy="Call load() before save().")
        if session.auth_key != record.session.auth_key:
            raise ConfigError("A kept session gets no other key from a program.", remedy="Log in: telekeep auth NAME")
        record.user, record.state = session.user or record.user, session.state or record.state
        for peer in session.peers:
            record.cast.meet(peer)
        record.flush()

    async def close(self) -> None:
        self._held.close()


def storage_of(session: str | Path | Storage | None) -> Storage:
    """What a client's first argument stands for: a file by its name, a storage as it is, nothing for memory.

    Raises TypeError for anything else, ConfigError for what names no file and where Python has no sqlite3.
    """
    if isinstance(session, Storage):
        return session
    if session is None:
        return MemorySession()
    if isinstance(session, str | Path):
        return SqliteSession(session)
    given = session.__name__ if isinstance(session, type) else f"a {type(session).__name__}"
    hint = " MemorySession(session) holds one." if isinstance(session, Session) else ""
    raise TypeError(f"A session is a str, a pathlib.Path, a Storage or None, not {given}.{hint}")


def session_path(file: str | Path) -> Path:
    """The file that ``file`` names: with ``.session`` at its end, unless only the other is there.

    Telethon 2 itself adds nothing to ``acct.work``, so that ``*.session`` in a .gitignore misses it. Relative to the
    working directory. Raises ConfigError for what names no file.
    """
    path = Path(file)
    if path.name in ("", "..") or "\0" in path.name:
        raise ConfigError(f"{str(file)!r} names no file.", remedy="Give a name, such as bot or bots/bot.session.")
    named = path if path.name.endswith(EXTENSION) else path.with_name(path.name + EXTENSION)
    return path if path.is_file() and not named.exists() else named


def _require_sqlite3() -> None:
    try:
        import sqlite3  # noqa: F401  # asked for, not used
    except ImportError:
        raise ConfigError(
            "This Python has no sqlite3, so a session cannot be kept in a file.",
            remedy="Install Python again, with SQLite; or use MemorySession, or a Storage of your own.",
        ) from None


def _digest(source: bytes | None) -> bytes | None:
    return None if source is None else sha256(source).digest()
