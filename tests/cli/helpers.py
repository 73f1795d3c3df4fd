"""What the tests of the command line share: how a run ended, and sessions to keep."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from telekeep.keeper.keeper import Keeper
from telekeep.session import formats
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User


@dataclass(frozen=True)
class Said:
    """How a run ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON object and nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Said]


KEYS = iter(range(1, 1 << 60))


def new_session(**more: Any) -> Session:
    """A session of production with a key that no other has, in other processes of a test run neither."""
    number = next(KEYS)
    fields = {
        "dc": DataCenter(2, "149.154.167.51", 443),
        "auth_key": AuthKey(sha256(f"{os.getpid()} {number}".encode()).digest() * 8),
        "user": User(7_000_000_000 + number, False, "ada"),
        "state": UpdateState(pts=1000, qts=2, date=1_800_000_000, seq=3, channels={5: 77}),
        "peers": (Peer(PeerKind.USER, 42, 4242, "bob", "15551234567", "Bob"),),
    }
    return Session(**{**fields, **more})


def keep(keeper: Keeper, name: str = "main", session: Session | None = None) -> Session:
    """Keep a session in the world's vault."""
    session = session or new_session()
    keeper.vault_for_writing().keep(name, session, fence=1, expected=None)
    return session


def as_string(session: Session) -> str:
    """The session as Telethon's string."""
    return formats.FORMATS["telethon-string"].write(session).decode()
