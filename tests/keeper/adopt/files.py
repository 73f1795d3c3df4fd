"""Files as programs keep them, of every kind, with sessions of production in them that nothing connects with."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from telekeep.keeper.adopt.places import Found, search
from telekeep.session.formats import FORMATS
from telekeep.session.formats.telethon_sqlite import TelethonSqlite
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from telekeep.session.network import PRODUCTION

KINDS = {"file": "bot.session", "text": "session.txt", "json": "accounts.json", "dotenv": "app.env"}


def session(number: int, host: str = "149.154.167.51") -> Session:
    """A session with a key of its own."""
    key = AuthKey(sha256(b"real %d" % number).digest() * 8)
    peers = (Peer(PeerKind.USER, 42, 4242, "bob", "15551234567", "Bob"),)
    return Session(DataCenter(2, host, 443), key, User(7 + number), UpdateState(1000, 2, 1_700_000_000, 3), peers)


ONE, TWO, WIDE = session(1), session(2), session(3, "2001:67c:4e8:f002::a")
REAL = (ONE,)


def string(of: Session) -> str:
    return FORMATS["telethon-string"].write(of).decode()


def database(of: Session, *, schema: int = 7) -> bytes:
    """A Telethon file with a past: keys that were there before lie in its free pages."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(TelethonSqlite().write(of, variant=schema))
        connection.execute("PRAGMA secure_delete = OFF")  # some systems have it on
        connection.execute("CREATE TABLE scratch (x BLOB)")
        connection.executemany("INSERT INTO scratch VALUES (?)", [(of.auth_key.reveal(),)] * 40)
        connection.execute("DROP TABLE scratch")
        connection.execute("INSERT INTO sent_files VALUES (x'00', 1, 2, 3, 4)")
        connection.execute("PRAGMA user_version = 77")
        connection.commit()
        return connection.serialize()


def make(folder: Path, kind: str) -> Path:
    """A file of ``kind`` in ``folder`` that holds the session ONE."""
    contents = {
        "file": database(ONE),
        "text": f"# my session\n{string(ONE)}\n".encode(),
        "json": json.dumps({"debug": 1, "account": {"session": string(ONE)}}, indent=1).encode(),
        "dotenv": f"export S='{string(ONE)}' # mine\nX=1\n".encode(),
    }
    path = folder / KINDS[kind]
    path.write_bytes(contents[kind])
    path.chmod(0o600)
    return path


def of_file(path: Path) -> list[Found]:
    return search(path.read_bytes(), PRODUCTION)[1]


def spellings(key: bytes) -> list[bytes]:
    """The key as it may stand in a file: raw, in hex, and inside any base64."""
    inner = [key[skip : skip + (256 - skip) // 3 * 3] for skip in range(3)]
    return [key, key.hex().encode(), *(code(each) for each in inner for code in (b64encode, urlsafe_b64encode))]


def holds(content: bytes, of: Session) -> bool:
    return any(each in content for each in spellings(of.auth_key.reveal()))


def holds_any(content: bytes) -> bool:
    return any(holds(content, each) for each in (ONE, TWO, WIDE))
